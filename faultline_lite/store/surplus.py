"""What may go, and what must stay: everything that retention asks before it lets something go."""

import sqlite3
from typing import NamedTuple

import msgspec

#: The index of errors by what they keep holds those that keep more than this: SQLite uses it where
#: a query says so in the same words.
INDEXED_KEPT = 100
#: Of a project, that nothing is in it.
IS_EMPTY = """
    NOT EXISTS (SELECT 1 FROM error WHERE project_id = project.id)
    AND NOT EXISTS (SELECT 1 FROM error WHERE counted_in = project.id)
    AND NOT EXISTS (SELECT 1 FROM address WHERE project_id = project.id)
    """


class Place(NamedTuple):
    """An occurrence in the order of its error's timestamps."""

    second: int
    ordinal: int
    id: int


class Silent(NamedTuple):
    """An error, and when it was last seen."""

    id: int
    last_seen_ms: int


class Oldest(NamedTuple):
    """One of the occurrences that came first; it may go unless its error needs it."""

    id: int
    payload_bytes: int
    may_go: bool


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


def list_expired_errors(connection: sqlite3.Connection, before_ms: int, limit: int) -> list[Silent]:
    """Return errors that were last seen before ``before_ms``."""
    rows = connection.execute(
        "SELECT id, last_seen_ms FROM error WHERE last_seen_ms < ? ORDER BY 2, 1 LIMIT ?",
        (before_ms, limit),
    )
    return [Silent(*row) for row in rows]


def list_silent_errors(connection: sqlite3.Connection, limit: int) -> list[Silent]:
    """Return the errors that were seen the longest ago."""
    rows = connection.execute("SELECT id, last_seen_ms FROM error ORDER BY 2, 1 LIMIT ?", (limit,))
    return [Silent(*row) for row in rows]


def count_errors(connection: sqlite3.Connection) -> int:
    """Return how many errors there are, those that wait to be erased included."""
    (count,) = connection.execute("SELECT count(*) FROM error").fetchone()
    return int(count)


def list_expired_occurrences(
    connection: sqlite3.Connection, before_ms: int, limit: int
) -> list[int]:
    """Return ids of the oldest occurrences, as far as they were received before ``before_ms``."""
    rows = connection.execute(
        "SELECT id, received_ms FROM occurrence ORDER BY id LIMIT ?", (limit,)
    ).fetchall()
    return [occurrence_id for occurrence_id, received_ms in rows if received_ms < before_ms]


def sweep_occurrences(
    connection: sqlite3.Connection, after_id: int, before_ms: int, limit: int
) -> tuple[list[int], int]:
    """Return the ids of those of the next occurrences that were received before ``before_ms``.

    ``limit`` are looked at, after that id. Also returns the id of the last of them, 0 where the end
    was reached.
    """
    found, count, last_id = connection.execute(
        """
        SELECT json_group_array(id) FILTER (WHERE received_ms < ?), count(*), max(id)
        FROM (SELECT id, received_ms FROM occurrence WHERE id > ? ORDER BY id LIMIT ?)
        """,
        (before_ms, after_id, limit),
    ).fetchone()
    return msgspec.json.decode(found, type=list[int]), last_id if count == limit else 0


def list_errors_with_old_minutes(
    connection: sqlite3.Connection, before_ms: int, before_minute: int
) -> list[int]:
    """Return ids of errors first seen before ``before_ms`` that count in earlier minutes.

    A younger error may have old minutes: its reports carried old timestamps.
    """
    rows = connection.execute(
        """
        SELECT id FROM error WHERE first_seen_ms < ?
        AND EXISTS (SELECT 1 FROM timeline WHERE error_id = error.id AND minute < ?)
        ORDER BY id
        """,
        (before_ms, before_minute),
    )
    return [error_id for (error_id,) in rows]


def list_errors_over_cap(connection: sqlite3.Connection, cap: int) -> list[tuple[int, int]]:
    """Return (id, occurrences kept) of errors that keep more than ``cap``, the worst first."""
    indexed = f"AND kept > {INDEXED_KEPT}" if cap >= INDEXED_KEPT else ""
    return connection.execute(
        f"SELECT id, kept FROM error WHERE kept > ? {indexed} ORDER BY kept DESC, id", (cap,)
    ).fetchall()


def list_projects_over_cap(connection: sqlite3.Connection, cap: int) -> list[int]:
    """Return ids of projects that keep more than ``cap`` occurrences, the worst first."""
    rows = connection.execute(
        """
        SELECT project_id FROM error GROUP BY project_id HAVING sum(kept) > ?
        ORDER BY sum(kept) DESC, project_id
        """,
        (cap,),
    )
    return [project_id for (project_id,) in rows]


def list_kept_counts(connection: sqlite3.Connection, project_id: int) -> list[tuple[int, int]]:
    """Return (error id, occurrences kept) of the project's errors, the most first."""
    return connection.execute(
        "SELECT id, kept FROM error WHERE project_id = ? ORDER BY kept DESC, id", (project_id,)
    ).fetchall()


def get_lasting_ids(
    connection: sqlite3.Connection, error_id: int, regressions: int
) -> frozenset[int]:
    """Return ids of the occurrences of an error that are never thinned out.

    The first, the one that came last, the one with the latest timestamp, and up to so many
    regressions, the latest.
    """
    rows = connection.execute(
        """
        SELECT min(id) FROM occurrence WHERE error_id = ?1
        UNION SELECT max(id) FROM occurrence WHERE error_id = ?1
        UNION SELECT * FROM (
            SELECT id FROM occurrence WHERE error_id = ?1
            ORDER BY second DESC, ordinal DESC LIMIT 1
        )
        UNION SELECT * FROM (
            SELECT id FROM occurrence WHERE error_id = ?1 AND regression = 1
            ORDER BY id DESC LIMIT ?2
        )
        """,
        (error_id, regressions),
    )
    return frozenset(occurrence_id for (occurrence_id,) in rows if occurrence_id is not None)


def list_places(
    connection: sqlite3.Connection, error_id: int, after: Place | None, limit: int
) -> list[Place]:
    """Return the next occurrences of an error by their timestamps, the oldest first."""
    second, ordinal = (-(2**63), 0) if after is None else after[:2]
    (found,) = connection.execute(
        """
        SELECT json_group_array(json_array(second, ordinal, id)) FROM (
            SELECT second, ordinal, id FROM occurrence
            WHERE error_id = ? AND (second, ordinal) > (?, ?) ORDER BY second, ordinal LIMIT ?
        )
        """,
        (error_id, second, ordinal, limit),
    ).fetchone()
    return msgspec.json.decode(found, type=list[Place])


def list_empty_projects(connection: sqlite3.Connection, keep: int, limit: int) -> list[int]:
    """Return ids of empty projects, of those that are more than ``keep``; the youngest stay."""
    (count,) = connection.execute("SELECT count(*) FROM project").fetchone()
    if count <= keep:
        return []
    rows = connection.execute(
        f"""
        SELECT id FROM project WHERE name IS NOT NULL AND {IS_EMPTY}
        ORDER BY id DESC LIMIT ? OFFSET ?
        """,
        (limit, keep),
    )
    return [project_id for (project_id,) in rows]


def list_oldest(connection: sqlite3.Connection, after_id: int, limit: int) -> list[Oldest]:
    """Return the next occurrences in the order of their coming.

    The first and the latest of an error may not go.
    """
    rows = connection.execute(
        """
        SELECT id, length(payload), count > 1 AND EXISTS (
            SELECT 1 FROM occurrence AS later
            WHERE later.error_id = occurrence.error_id
            AND (later.second, later.ordinal) > (occurrence.second, occurrence.ordinal)
        )
        FROM occurrence WHERE id > ? ORDER BY id LIMIT ?
        """,
        (after_id, limit),
    )
    return [Oldest(each, size, bool(may_go)) for each, size, may_go in rows]
