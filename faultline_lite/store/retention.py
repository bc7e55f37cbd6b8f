"""What retention finds and lets go, a bounded number of rows a call.

Letting an occurrence go leaves the error's count and timeline as they are: they say what
happened, the occurrences show examples of it.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence

from faultline_lite.store.census import rewind_census
from faultline_lite.store.rollups import subtract_minutes
from faultline_lite.store.search_index import delete_search_entries, rewind_index
from faultline_lite.timekeys import MINUTE_MS

#: What hangs on an error beside its timeline, with what tells its rows apart.
_OF_AN_ERROR = (
    ("occurrence", "id"),
    ("address", "address_key"),
    ("outbox", "config_id"),
    ("delivery_item", "delivery_id"),
    ("tracked_issue", "channel_id"),
    ("error_people", "error_id"),
    ("error_version", "version"),
)


def list_expired_occurrences(
    connection: sqlite3.Connection, before_ms: int, limit: int
) -> list[int]:
    """Return ids of the oldest occurrences, as far as they were received before ``before_ms``."""
    rows = connection.execute(
        "SELECT id, received_ms FROM occurrence ORDER BY id LIMIT ?", (limit,)
    ).fetchall()
    return [occurrence_id for occurrence_id, received_ms in rows if received_ms < before_ms]


def list_oldest_occurrences(connection: sqlite3.Connection, limit: int) -> list[tuple[int, int]]:
    """Return (id, payload bytes) of the oldest but for the first and the latest of each error."""
    return connection.execute(
        """
        SELECT occurrence.id, length(payload) FROM occurrence
        WHERE count > 1 AND EXISTS (
            SELECT 1 FROM occurrence AS later
            WHERE later.error_id = occurrence.error_id
            AND (later.second, later.ordinal) > (occurrence.second, occurrence.ordinal)
        )
        ORDER BY occurrence.id LIMIT ?
        """,
        (limit,),
    ).fetchall()


def list_errors_over_cap(
    connection: sqlite3.Connection, cap: int, limit: int
) -> list[tuple[int, int]]:
    """Return (id, occurrences kept) of errors that keep more than ``cap``, the worst first."""
    return connection.execute(
        "SELECT id, kept FROM error WHERE kept > ? ORDER BY kept DESC, id LIMIT ?", (cap, limit)
    ).fetchall()


def list_kept_occurrences(
    connection: sqlite3.Connection, error_id: int
) -> list[tuple[int, int, bool]]:
    """Return (id, count, regression) of the error's occurrences in the order of their coming."""
    rows = connection.execute(
        "SELECT id, count, regression FROM occurrence WHERE error_id = ? ORDER BY count, id",
        (error_id,),
    )
    return [(occurrence_id, count, bool(regression)) for occurrence_id, count, regression in rows]


def get_latest_id(connection: sqlite3.Connection, error_id: int) -> int | None:
    """Return the id of the occurrence with the latest timestamp."""
    row = connection.execute(
        """
        SELECT id FROM occurrence WHERE error_id = ? ORDER BY second DESC, ordinal DESC LIMIT 1
        """,
        (error_id,),
    ).fetchone()
    return None if row is None else int(row[0])


def delete_occurrences(connection: sqlite3.Connection, ids: Sequence[int]) -> int:
    """Delete the occurrences, keep the errors' kept counts true, and return the payload bytes."""
    freed_bytes = 0
    for occurrence_id in ids:
        row = connection.execute(
            "DELETE FROM occurrence WHERE id = ? RETURNING error_id, length(payload)",
            (occurrence_id,),
        ).fetchone()
        if row is not None:
            connection.execute("UPDATE error SET kept = kept - 1 WHERE id = ?", (row[0],))
            freed_bytes += row[1]
    _rewind(connection)
    return freed_bytes


def delete_expired_timeline(connection: sqlite3.Connection, before_ms: int, limit: int) -> int:
    """Delete up to ``limit`` old minutes of errors that are as old; return how many.

    A young error may have old minutes: its reports carried old timestamps.
    """
    rows = connection.execute(
        """
        DELETE FROM timeline WHERE (error_id, minute) IN (
            SELECT timeline.error_id, timeline.minute FROM error
            JOIN timeline ON timeline.error_id = error.id AND timeline.minute < ?
            WHERE error.first_seen_ms < ? LIMIT ?
        )
        RETURNING error_id, minute, count
        """,
        (before_ms // MINUTE_MS, before_ms, limit),
    ).fetchall()
    _subtract(connection, rows)
    return len(rows)


def list_expired_errors(connection: sqlite3.Connection, before_ms: int, limit: int) -> list[int]:
    """Return ids of errors that were last seen before ``before_ms``."""
    rows = connection.execute(
        "SELECT id FROM error WHERE last_seen_ms < ? ORDER BY last_seen_ms, id LIMIT ?",
        (before_ms, limit),
    )
    return [error_id for (error_id,) in rows]


def list_deleted_errors(connection: sqlite3.Connection, limit: int) -> list[int]:
    """Return ids of errors of deleted projects, which include the deleted errors."""
    rows = connection.execute(
        """
        SELECT error.id FROM project JOIN error ON error.project_id = project.id
        WHERE project.name IS NULL ORDER BY error.id LIMIT ?
        """,
        (limit,),
    )
    return [error_id for (error_id,) in rows]


def erase_error(connection: sqlite3.Connection, error_id: int, limit: int) -> int:
    """Delete up to ``limit`` rows of the error, and itself with the last; return how many."""
    delete_search_entries(connection, error_id)
    erased = 0
    for table, key in _OF_AN_ERROR:
        erased += connection.execute(
            f"""
            DELETE FROM {table} WHERE error_id = ? AND {key} IN (
                SELECT {key} FROM {table} WHERE error_id = ? LIMIT ?
            )
            """,
            (error_id, error_id, limit - erased),
        ).rowcount
        _rewind(connection)
        if erased >= limit:
            return erased
    erased += _erase_minutes(connection, error_id, limit - erased)
    if erased >= limit:
        return erased
    connection.execute("DELETE FROM error WHERE id = ?", (error_id,))
    return erased + 1


def delete_empty_projects(connection: sqlite3.Connection) -> None:
    """Delete deleted projects of which nothing is left."""
    connection.execute(
        """
        DELETE FROM project WHERE name IS NULL
        AND NOT EXISTS (SELECT 1 FROM error WHERE project_id = project.id)
        AND NOT EXISTS (SELECT 1 FROM error WHERE counted_in = project.id)
        AND NOT EXISTS (SELECT 1 FROM address WHERE project_id = project.id)
        """
    )


def get_free_pages(connection: sqlite3.Connection) -> int:
    """Return the pages of the file that hold nothing."""
    (pages,) = connection.execute("PRAGMA freelist_count").fetchone()
    return int(pages)


def get_used_bytes(connection: sqlite3.Connection) -> int:
    """Return the bytes of the pages that hold something."""
    (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    return int((pages - get_free_pages(connection)) * page_bytes)


def release_pages(connection: sqlite3.Connection, limit: int) -> None:
    """Give up to ``limit`` empty pages back to the file system."""
    connection.execute(f"PRAGMA incremental_vacuum({limit:d})").fetchall()


def _rewind(connection: sqlite3.Connection) -> None:
    """Tell what follows the occurrences that the last ones may be gone."""
    rewind_index(connection)
    rewind_census(connection)


def _erase_minutes(connection: sqlite3.Connection, error_id: int, limit: int) -> int:
    rows = connection.execute(
        """
        DELETE FROM timeline WHERE error_id = ? AND minute IN (
            SELECT minute FROM timeline WHERE error_id = ? LIMIT ?
        )
        RETURNING error_id, minute, count
        """,
        (error_id, error_id, limit),
    ).fetchall()
    _subtract(connection, rows)
    return len(rows)


def _subtract(connection: sqlite3.Connection, rows: Iterable[tuple[int, int, int]]) -> None:
    """Take the (error id, minute, count) that have left the timeline out of the roll-ups."""
    minutes: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for error_id, minute, count in rows:
        minutes[error_id][minute] = count
    for error_id, counts in minutes.items():
        subtract_minutes(connection, error_id, counts)
