"""The dictionaries that payloads are compressed with; kept as long as a payload may need them."""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from faultline_lite.store.statements import write_rows


class StoredPayload(NamedTuple):
    """The compressed payload of an occurrence."""

    id: int
    error_id: int
    dictionary_id: int
    payload: bytes


def list_dictionaries(connection: sqlite3.Connection) -> list[tuple[int, bytes]]:
    """Return (id, content) of every dictionary, oldest first."""
    return connection.execute("SELECT id, content FROM payload_dictionary ORDER BY id").fetchall()


def list_dictionary_ids(connection: sqlite3.Connection) -> list[int]:
    """Return the ids of all dictionaries, oldest first."""
    rows = connection.execute("SELECT id FROM payload_dictionary ORDER BY id")
    return [dictionary_id for (dictionary_id,) in rows]


def insert_dictionary(connection: sqlite3.Connection, content: bytes, now_ms: int) -> int:
    """Store a dictionary and return its id."""
    (dictionary_id,) = connection.execute(
        "INSERT INTO payload_dictionary (content, created_ms) VALUES (?, ?) RETURNING id",
        (content, now_ms),
    ).fetchone()
    return int(dictionary_id)


def list_recent_payloads(connection: sqlite3.Connection, limit: int) -> list[tuple[int, bytes]]:
    """Return (dictionary id, compressed payload) of the last ``limit`` occurrences."""
    return connection.execute(
        "SELECT dictionary_id, payload FROM occurrence ORDER BY id DESC LIMIT ?", (limit,)
    ).fetchall()


def list_payloads_before(
    connection: sqlite3.Connection, before_id: int, limit: int
) -> list[StoredPayload]:
    """Return the last ``limit`` occurrences before that one, newest first."""
    rows = connection.execute(
        """
        SELECT id, error_id, dictionary_id, payload FROM occurrence
        WHERE id < ? ORDER BY id DESC LIMIT ?
        """,
        (before_id, limit),
    )
    return [StoredPayload(*row) for row in rows]


def replace_payloads(
    connection: sqlite3.Connection, replaced: Iterable[tuple[StoredPayload, int, bytes]]
) -> None:
    """Store what the payloads were compressed to, with the ids of the dictionaries.

    One that is gone is not replaced, nor what has come to its id since.
    """
    write_rows(
        connection,
        """
        UPDATE occurrence SET dictionary_id = new.column1, payload = new.column2
        FROM (VALUES {rows}) AS new
        WHERE occurrence.id = new.column3 AND occurrence.error_id = new.column4
        AND occurrence.dictionary_id = new.column5 AND occurrence.payload = new.column6
        """,
        [(dictionary_id, payload, *old) for old, dictionary_id, payload in replaced],
    )


def get_last_occurrence_id(connection: sqlite3.Connection) -> int:
    """Return the highest occurrence id so far, 0 where there is none."""
    (last,) = connection.execute("SELECT max(id) FROM occurrence").fetchone()
    return last or 0


def list_unused_dictionaries(connection: sqlite3.Connection, before_ms: int) -> list[int]:
    """Return ids of dictionaries that nothing needs, and that were replaced before ``before_ms``.

    What is still written with one that has just been replaced is not to be seen yet. Payloads of
    an old dictionary are among the first: looking for one takes long only where there is none.
    """
    rows = connection.execute(
        """
        SELECT id FROM payload_dictionary AS old
        WHERE (SELECT min(created_ms) FROM payload_dictionary WHERE id > old.id) < ?
        AND NOT EXISTS (SELECT 1 FROM search_text WHERE dictionary_id = old.id)
        AND NOT EXISTS (SELECT 1 FROM occurrence WHERE dictionary_id = old.id)
        ORDER BY id
        """,
        (before_ms,),
    )
    return [dictionary_id for (dictionary_id,) in rows]


def delete_dictionary(connection: sqlite3.Connection, dictionary_id: int) -> None:
    """Delete a dictionary that nothing needs."""
    connection.execute("DELETE FROM payload_dictionary WHERE id = ?", (dictionary_id,))
