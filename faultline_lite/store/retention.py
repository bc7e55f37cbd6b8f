"""Let go of occurrences, of old minutes, of errors and projects: a bounded number of rows a call.

Letting an occurrence go leaves the error's count and timeline as they are: they say what
happened, the occurrences show examples of it.
"""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from faultline_lite.store.census import rewind_census
from faultline_lite.store.errors import delete_error
from faultline_lite.store.regroup_journal import forget_steps_of
from faultline_lite.store.rollups import subtract_minutes
from faultline_lite.store.search_index import delete_search_entries, rewind_index
from faultline_lite.store.surplus import IS_EMPTY, Silent

#: What hangs on an error beside its occurrences and its timeline, with what tells its rows apart.
_OF_AN_ERROR = (
    ("address", "address_key"),
    ("outbox", "config_id"),
    ("delivery_item", "delivery_id"),
    ("tracked_issue", "channel_id"),
    ("error_people", "error_id"),
    ("error_version", "version"),
)


class Gone(NamedTuple):
    """What a call has let go."""

    occurrences: int = 0
    payload_bytes: int = 0
    errors: int = 0
    #: Of all tables: what the call has cost.
    rows: int = 0


def delete_occurrences(connection: sqlite3.Connection, ids: Sequence[int]) -> Gone:
    """Delete the occurrences, as far as they are there, and keep the errors' kept counts true."""
    return _delete(connection, "id IN (SELECT value FROM json_each(?))", _to_json(ids))


def withdraw_errors(connection: sqlite3.Connection, errors: Sequence[Silent]) -> list[int]:
    """Delete, at once for everybody, those of the errors that were not seen since.

    Returns their ids. What occurs from here on is of a new error, and does not go with the old one
    that is erased in many steps.
    """
    gone = []
    for error_id, last_seen_ms in errors:
        row = connection.execute(
            "SELECT 1 FROM error WHERE id = ? AND last_seen_ms = ?", (error_id, last_seen_ms)
        ).fetchone()
        if row is not None:
            delete_error(connection, error_id)
            gone.append(error_id)
    return gone


def erase_errors(connection: sqlite3.Connection, error_ids: Sequence[int], limit: int) -> Gone:
    """Delete up to about ``limit`` rows of these errors in turn, each one itself with its last."""
    occurrences = payload_bytes = errors = rows = 0
    for error_id in error_ids:
        gone = _erase_error(connection, error_id, limit - rows)
        occurrences += gone.occurrences
        payload_bytes += gone.payload_bytes
        errors += gone.errors
        rows += gone.rows
        if rows >= limit:
            break
    return Gone(occurrences, payload_bytes, errors, rows)


def delete_minutes(
    connection: sqlite3.Connection, error_id: int, before_minute: int, limit: int
) -> int:
    """Delete up to ``limit`` minutes before that one from the timeline of an error.

    Returns how many there were; the roll-ups lose what they held.
    """
    rows = connection.execute(
        """
        DELETE FROM timeline WHERE error_id = ?1 AND minute IN (
            SELECT minute FROM timeline WHERE error_id = ?1 AND minute < ?2 LIMIT ?3
        )
        RETURNING minute, count
        """,
        (error_id, before_minute, limit),
    ).fetchall()
    if rows:
        subtract_minutes(connection, error_id, dict(rows))
    return len(rows)


def delete_empty_projects(connection: sqlite3.Connection) -> None:
    """Delete deleted projects of which nothing is left."""
    connection.execute(f"DELETE FROM project WHERE name IS NULL AND {IS_EMPTY}")


def delete_projects(connection: sqlite3.Connection, ids: Sequence[int]) -> None:
    """Delete these projects, as far as nothing is in them still."""
    connection.execute(
        f"DELETE FROM project WHERE id IN (SELECT value FROM json_each(?)) AND {IS_EMPTY}",
        (_to_json(ids),),
    )


def _erase_error(connection: sqlite3.Connection, error_id: int, limit: int) -> Gone:
    delete_search_entries(connection, error_id)
    gone = _delete(
        connection,
        "id IN (SELECT id FROM occurrence WHERE error_id = ? LIMIT ?)",
        error_id,
        limit,
    )
    rows = gone.rows
    if rows < limit:
        rows += delete_minutes(connection, error_id, 2**62, limit - rows)
    for table, key in _OF_AN_ERROR:
        if rows >= limit:
            return gone._replace(rows=rows)
        rows += connection.execute(
            f"""
            DELETE FROM {table} WHERE error_id = ?1 AND {key} IN (
                SELECT {key} FROM {table} WHERE error_id = ?1 LIMIT ?2
            )
            """,
            (error_id, limit - rows),
        ).rowcount
    if rows >= limit:
        return gone._replace(rows=rows)
    forget_steps_of(connection, error_id)
    errors = connection.execute("DELETE FROM error WHERE id = ?", (error_id,)).rowcount
    return gone._replace(errors=errors, rows=rows + 1)


def _delete(connection: sqlite3.Connection, condition: str, *values: int | str) -> Gone:
    """Delete the occurrences that the condition names."""
    rows = connection.execute(
        f"DELETE FROM occurrence WHERE {condition} RETURNING error_id, length(payload)", values
    ).fetchall()
    connection.execute(
        """
        UPDATE error SET kept = kept - gone.count FROM (
            SELECT value AS error_id, count(*) AS count FROM json_each(?) GROUP BY value
        ) AS gone WHERE error.id = gone.error_id
        """,
        (_to_json([error_id for error_id, _ in rows]),),
    )
    # The last ones may be among them, and their ids come again.
    rewind_index(connection)
    rewind_census(connection)
    return Gone(len(rows), sum(size_bytes for _, size_bytes in rows), 0, len(rows))


def _to_json(ids: Sequence[int]) -> str:
    return msgspec.json.encode(ids).decode()
