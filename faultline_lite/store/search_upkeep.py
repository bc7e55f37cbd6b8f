"""Change what is in the search index already: take rows out, put others in their place."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from faultline_lite.store.search_index import Document, NewRow, Unindexed, insert_chain

#: A document is made anew when so many of its error's occurrences are gone, and as many as are
#: kept.
OUTDATED_OCCURRENCES = 16
#: As if all of the error's occurrences had gone since the document was begun.
_ALL_GONE = -(2**62)


class Segment(NamedTuple):
    """The rows of a document from ``last_row_id`` back that are merged next.

    ``next_row_id`` is the row behind them, None where they are the document's last.
    """

    document_id: int
    error_id: int
    last_row_id: int
    next_row_id: int | None


class OldRow(NamedTuple):
    """A row to be taken out, with its terms."""

    id: int
    previous_id: int | None
    terms: str


def get_given_up(connection: sqlite3.Connection) -> Document | None:
    """Return a document without an error, None where there is none."""
    row = connection.execute(
        "SELECT id, last_row_id FROM search_document WHERE error_id IS NULL ORDER BY id LIMIT 1"
    ).fetchone()
    return None if row is None else Document(*row)


def delete_last_rows(
    connection: sqlite3.Connection, document_id: int, rows: Sequence[OldRow]
) -> None:
    """Take the last rows of a document out, the latest first, and itself once it has none."""
    _delete_rows(connection, rows)
    previous_id = rows[-1].previous_id if rows else None
    if previous_id is None:
        connection.execute("DELETE FROM search_document WHERE id = ?", (document_id,))
    else:
        connection.execute(
            "UPDATE search_document SET last_row_id = ?, rows = rows - ? WHERE id = ?",
            (previous_id, len(rows), document_id),
        )


def get_loose_segment(connection: sqlite3.Connection, size: int) -> Segment | None:
    """Return the oldest ``size`` loose rows of the document that has most, None if too few."""
    row = connection.execute(
        """
        SELECT id, error_id, last_row_id, loose FROM search_document INDEXED BY
        search_document_by_loose WHERE loose >= 16 AND error_id IS NOT NULL
        ORDER BY loose DESC LIMIT 1
        """
    ).fetchone()
    if row is None:
        return None
    document_id, error_id, row_id, loose = row
    next_row_id = None
    for _ in range(loose - size):
        next_row_id = row_id
        (row_id,) = connection.execute(
            "SELECT previous_id FROM search_row WHERE id = ?", (row_id,)
        ).fetchone()
    return Segment(document_id, error_id, row_id, next_row_id)


def replace_rows(
    connection: sqlite3.Connection,
    segment: Segment,
    old: Sequence[OldRow],
    new: Sequence[NewRow],
) -> None:
    """Put new rows in the place of a segment's, which are given from its last one back."""
    _delete_rows(connection, old)
    last_id = insert_chain(connection, segment.document_id, old[-1].previous_id, new)
    connection.execute(
        """
        UPDATE search_document SET rows = rows + ?, loose = loose - ?,
            last_row_id = iif(last_row_id = ?, ?, last_row_id)
        WHERE id = ?
        """,
        (len(new) - len(old), len(old), segment.last_row_id, last_id, segment.document_id),
    )
    if segment.next_row_id is not None:
        connection.execute(
            "UPDATE search_row SET previous_id = ? WHERE id = ?", (last_id, segment.next_row_id)
        )


def count_rows(connection: sqlite3.Connection) -> int:
    """Return how many rows the index has."""
    (count,) = connection.execute("SELECT count(*) FROM search_row").fetchone()
    return int(count)


def merge_grams(connection: sqlite3.Connection, pages: int) -> bool:
    """Merge so many pages of the table of grams; return whether there may be more to merge.

    A negative number of them begins to merge all of the table into one (sqlite.org/fts5.html, "The
    'merge' Command").
    """
    before = connection.total_changes
    connection.execute("INSERT INTO search_gram (search_gram, rank) VALUES ('merge', ?)", (pages,))
    return connection.total_changes - before >= 2


def list_outdated(connection: sqlite3.Connection, before_ms: int) -> list[int]:
    """Return ids of errors whose documents are to be made anew.

    As many of their occurrences are gone as are kept; or some are, and the first among them, and
    the document is from before ``before_ms``.
    """
    rows = connection.execute(
        """
        SELECT error.id FROM search_document AS document
        JOIN error ON error.id = document.error_id
        WHERE error.count - error.kept - document.gone_before >= max(error.kept, ?)
        OR (
            document.created_ms < ? AND error.count - error.kept > document.gone_before
            AND NOT EXISTS (
                SELECT 1 FROM occurrence
                WHERE id = document.first_occurrence_id AND error_id = error.id
            )
        )
        ORDER BY error.id
        """,
        (OUTDATED_OCCURRENCES, before_ms),
    )
    return [error_id for (error_id,) in rows]


def mark_outdated(connection: sqlite3.Connection, error_id: int) -> None:
    """Have the document of an error made anew, from all that it keeps now."""
    connection.execute(
        """
        INSERT INTO search_document (error_id, first_occurrence_id, gone_before, created_ms)
        VALUES (?, 0, ?, 0)
        ON CONFLICT (error_id) DO UPDATE SET gone_before = excluded.gone_before
        """,
        (error_id, _ALL_GONE),
    )


def begin_document(connection: sqlite3.Connection, error_id: int, now_ms: int) -> int | None:
    """Begin a document that no search sees yet; return its id, None where the error is gone."""
    row = connection.execute(
        """
        INSERT INTO search_document (first_occurrence_id, gone_before, created_ms)
        SELECT coalesce((SELECT min(id) FROM occurrence WHERE error_id = error.id), 0),
            error.count - error.kept, ?
        FROM error WHERE error.id = ? RETURNING id
        """,
        (now_ms, error_id),
    ).fetchone()
    return None if row is None else int(row[0])


def list_indexed(
    connection: sqlite3.Connection, error_id: int, after_id: int, limit: int
) -> list[Unindexed]:
    """Return the error's next occurrences behind that id that have been indexed."""
    rows = connection.execute(
        """
        SELECT id, error_id, received_ms, dictionary_id, payload FROM occurrence
        WHERE error_id = ? AND id > ? AND id <= (SELECT occurrence_id FROM search_progress)
        ORDER BY id LIMIT ?
        """,
        (error_id, after_id, limit),
    )
    return [Unindexed(*row) for row in rows]


def append_rows(connection: sqlite3.Connection, document_id: int, rows: Sequence[NewRow]) -> None:
    """Add rows to a document, as merged ones."""
    (last_row_id,) = connection.execute(
        "SELECT last_row_id FROM search_document WHERE id = ?", (document_id,)
    ).fetchone()
    connection.execute(
        "UPDATE search_document SET last_row_id = ?, rows = rows + ? WHERE id = ?",
        (insert_chain(connection, document_id, last_row_id, rows), len(rows), document_id),
    )


def exchange_documents(connection: sqlite3.Connection, error_id: int, document_id: int) -> None:
    """Give the error that document in place of its own, if it is still there."""
    connection.execute("UPDATE search_document SET error_id = NULL WHERE error_id = ?", (error_id,))
    connection.execute(
        """
        UPDATE search_document SET error_id = ?
        WHERE id = ? AND EXISTS (SELECT 1 FROM error WHERE id = ?)
        """,
        (error_id, document_id, error_id),
    )


def _delete_rows(connection: sqlite3.Connection, rows: Sequence[OldRow]) -> None:
    for row in rows:
        connection.execute(
            "INSERT INTO search_gram (search_gram, rowid, terms) VALUES ('delete', ?, ?)",
            (row.id, row.terms),
        )
        connection.execute("DELETE FROM search_text WHERE row_id = ?", (row.id,))
        connection.execute("DELETE FROM search_row WHERE id = ?", (row.id,))
