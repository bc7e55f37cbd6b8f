"""Keep the search index: what is to be indexed, rows in, rows out.

An error's texts are indexed in its *document*: rows of what was new in some of its occurrences.
One caller at a time may change rows (``indexing``); giving up a document is everybody's right.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.store.search_terms import make_terms
from faultline_lite.store.search_texts import Indexed, pack_texts, unpack_texts
from faultline_lite.store.statements import write_rows


class Document(NamedTuple):
    """What the index holds of one error."""

    id: int
    last_row_id: int | None


class Unindexed(NamedTuple):
    """An occurrence, its payload still compressed."""

    id: int
    error_id: int
    received_ms: int
    dictionary_id: int
    payload: bytes


class NewRow(NamedTuple):
    """A row to be: the terms of its texts, and the texts packed and compressed."""

    error_id: int
    first_occurrence_id: int
    terms: str
    dictionary_id: int
    texts: bytes


class StoredRow(NamedTuple):
    """A row of a document, with its texts."""

    id: int
    previous_id: int | None
    texts: list[Indexed]


def list_unindexed(connection: sqlite3.Connection, limit: int) -> list[Unindexed]:
    """Return the next occurrences to be indexed, in the order of their coming."""
    rows = connection.execute(
        """
        SELECT id, error_id, received_ms, dictionary_id, payload FROM occurrence
        WHERE id > (SELECT occurrence_id FROM search_progress) ORDER BY id LIMIT ?
        """,
        (limit,),
    )
    return [Unindexed(*row) for row in rows]


def get_lag(connection: sqlite3.Connection, now_ms: int) -> tuple[int, float]:
    """Return how many occurrences at most wait to be indexed, and for how many seconds."""
    last_id, indexed_id = connection.execute(
        """
        SELECT coalesce((SELECT max(id) FROM occurrence), 0), occurrence_id FROM search_progress
        """
    ).fetchone()
    row = connection.execute(
        "SELECT received_ms FROM occurrence WHERE id > ? ORDER BY id LIMIT 1", (indexed_id,)
    ).fetchone()
    if row is None:
        return 0, 0.0
    return last_id - indexed_id, max(0.0, (now_ms - row[0]) / 1000)


def get_documents(
    connection: sqlite3.Connection, error_ids: Iterable[int]
) -> dict[int, Document | None]:
    """Return the documents of these errors by error id; None for an error that has none yet."""
    (found,) = connection.execute(
        """
        SELECT json_group_array(json_array(error.id, document.id, document.last_row_id))
        FROM json_each(?) AS wanted CROSS JOIN error ON error.id = wanted.value
        LEFT JOIN search_document AS document ON document.error_id = error.id
        """,
        (msgspec.json.encode([*error_ids]).decode(),),
    ).fetchone()
    return {
        error_id: None if document_id is None else Document(document_id, last_row_id)
        for error_id, document_id, last_row_id in msgspec.json.decode(found)
    }


def make_row(
    codec: PayloadCodec, error_id: int, first_occurrence_id: int, texts: Sequence[Indexed]
) -> NewRow:
    """Return the row of these texts, which are not none."""
    dictionary_id, (packed,) = codec.compress([pack_texts(texts)])
    return NewRow(error_id, first_occurrence_id, make_terms(texts), dictionary_id, packed)


def insert_rows(
    connection: sqlite3.Connection, rows: Sequence[NewRow], indexed: Unindexed, now_ms: int
) -> dict[int, int] | None:
    """Add rows to the errors' documents and go on behind the occurrence ``indexed``.

    Returns the documents' ids by error id. Returns None, with nothing done, where that occurrence
    is gone: its id, and those of others that came late, may belong to new ones already.
    """
    same = connection.execute(
        "SELECT 1 FROM occurrence WHERE (id, error_id, received_ms) = (?, ?, ?)",
        (indexed.id, indexed.error_id, indexed.received_ms),
    ).fetchone()
    if same is None:
        return None
    documents = _ensure_documents(connection, rows, now_ms)
    _append(
        connection, [(documents[row.error_id], row) for row in rows if row.error_id in documents]
    )
    connection.execute("UPDATE search_progress SET occurrence_id = ?", (indexed.id,))
    return {error_id: document.id for error_id, document in documents.items()}


def read_rows_back(
    connection: sqlite3.Connection, codec: PayloadCodec, last_row_id: int | None, limit: int
) -> list[StoredRow]:
    """Return up to ``limit`` rows of a document, the latest first, from the given one on."""
    rows: list[StoredRow] = []
    row_id = last_row_id
    while row_id is not None and len(rows) < limit:
        row = connection.execute(
            """
            SELECT search_row.previous_id, search_text.dictionary_id, search_text.texts
            FROM search_row JOIN search_text ON search_text.row_id = search_row.id
            WHERE search_row.id = ?
            """,
            (row_id,),
        ).fetchone()
        if row is None:
            break
        previous_id, dictionary_id, texts = row
        packed = codec.decompress(dictionary_id, texts)
        rows.append(StoredRow(row_id, previous_id, unpack_texts(packed)))
        row_id = previous_id
    return rows


def list_document_ids(connection: sqlite3.Connection) -> list[int]:
    """Return all documents that are an error's."""
    rows = connection.execute("SELECT id FROM search_document WHERE error_id IS NOT NULL")
    return [document_id for (document_id,) in rows]


def list_row_ids(connection: sqlite3.Connection, document_id: int) -> list[int]:
    """Return the rows of a document, the first one first."""
    rows = connection.execute(
        """
        WITH RECURSIVE chain (id) AS (
            SELECT last_row_id FROM search_document WHERE id = ?
            UNION ALL
            SELECT search_row.previous_id FROM chain JOIN search_row ON search_row.id = chain.id
        )
        SELECT id FROM chain WHERE id IS NOT NULL
        """,
        (document_id,),
    ).fetchall()
    return [row_id for (row_id,) in reversed(rows)]


def get_packed_texts(connection: sqlite3.Connection, codec: PayloadCodec, row_id: int) -> bytes:
    """Return the packed texts of a row, nothing where it is gone."""
    row = connection.execute(
        "SELECT dictionary_id, texts FROM search_text WHERE row_id = ?", (row_id,)
    ).fetchone()
    return b"" if row is None else codec.decompress(*row)


def delete_search_entries(connection: sqlite3.Connection, error_id: int) -> None:
    """Give up what the index holds of an error; ``indexing`` takes it out bit by bit."""
    connection.execute("UPDATE search_document SET error_id = NULL WHERE error_id = ?", (error_id,))


def rewind_index(connection: sqlite3.Connection) -> None:
    """Go back to the last occurrence there is, after some were deleted: their ids come again."""
    connection.execute(
        """
        UPDATE search_progress SET occurrence_id = last.id
        FROM (SELECT coalesce(max(id), 0) AS id FROM occurrence) AS last
        WHERE occurrence_id > last.id
        """
    )


def insert_chain(
    connection: sqlite3.Connection,
    document_id: int,
    last_row_id: int | None,
    rows: Sequence[NewRow],
) -> int | None:
    """Insert rows one behind the other, behind that one; return the id of the last."""
    for row in rows:
        (last_row_id,) = _insert(connection, [(Document(document_id, last_row_id), row)])
    return last_row_id


def _ensure_documents(
    connection: sqlite3.Connection, rows: Sequence[NewRow], now_ms: int
) -> dict[int, Document]:
    """Return the documents of the errors that the rows are of, as far as these still exist."""
    documents: dict[int, Document] = {}
    first_ids = {row.error_id: row.first_occurrence_id for row in reversed(rows)}
    for error_id, document in get_documents(connection, first_ids).items():
        if document is None:
            (document_id,) = connection.execute(
                """
                INSERT INTO search_document (error_id, first_occurrence_id, created_ms)
                VALUES (?, ?, ?) RETURNING id
                """,
                (error_id, first_ids[error_id], now_ms),
            ).fetchone()
            document = Document(document_id, None)
        documents[error_id] = document
    return documents


def _append(connection: sqlite3.Connection, rows: Sequence[tuple[Document, NewRow]]) -> None:
    """Add a row to each of these documents, which are different ones."""
    row_ids = _insert(connection, rows)
    write_rows(
        connection,
        """
        UPDATE search_document SET last_row_id = new.column2, rows = rows + 1, loose = loose + 1
        FROM (VALUES {rows}) AS new WHERE search_document.id = new.column1
        """,
        [(document.id, row_id) for row_id, (document, _) in zip(row_ids, rows, strict=True)],
    )


def _insert(connection: sqlite3.Connection, rows: Sequence[tuple[Document, NewRow]]) -> list[int]:
    """Insert each row behind its document's last; return their ids."""
    (last_id,) = connection.execute("SELECT coalesce(max(id), 0) FROM search_row").fetchone()
    row_ids = [*range(last_id + 1, last_id + 1 + len(rows))]
    numbered = [*zip(row_ids, rows, strict=True)]
    write_rows(
        connection,
        "INSERT INTO search_row (id, document_id, previous_id) VALUES {rows}",
        [(row_id, document.id, document.last_row_id) for row_id, (document, _) in numbered],
    )
    write_rows(
        connection,
        "INSERT INTO search_text (row_id, dictionary_id, texts) VALUES {rows}",
        [(row_id, row.dictionary_id, row.texts) for row_id, (_, row) in numbered],
    )
    write_rows(
        connection,
        "INSERT INTO search_gram (rowid, terms) VALUES {rows}",
        [(row_id, row.terms) for row_id, (_, row) in numbered],
    )
    return row_ids
