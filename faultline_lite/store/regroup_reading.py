"""What regrouping reads of errors before it moves anything."""

import sqlite3
from typing import NamedTuple

from faultline_lite.store.surplus import Place


class ErrorInQuestion(NamedTuple):
    """An error of a project that is there, as far as regrouping asks."""

    id: int
    project_id: int
    project: str
    group_key: bytes
    message: str
    status: str


class StoredOccurrence(NamedTuple):
    """An occurrence, its payload still compressed."""

    place: Place
    timestamp_ms: int
    received_ms: int
    dictionary_id: int
    payload: bytes


_ERROR = """
    SELECT error.id, project_id, project.name, group_key, message, status
    FROM error JOIN project ON project.id = project_id
    WHERE project.name IS NOT NULL
    """


def get_error_in_question(connection: sqlite3.Connection, error_id: int) -> ErrorInQuestion | None:
    """Return the error, None where it, or its project, has been deleted."""
    row = connection.execute(f"{_ERROR} AND error.id = ?", (error_id,)).fetchone()
    return None if row is None else ErrorInQuestion(*row)


def get_next_error(
    connection: sqlite3.Connection, after_id: int, last_id: int
) -> ErrorInQuestion | None:
    """Return the first error behind that id, up to the last one."""
    row = connection.execute(
        f"{_ERROR} AND error.id > ? AND error.id <= ? ORDER BY error.id LIMIT 1",
        (after_id, last_id),
    ).fetchone()
    return None if row is None else ErrorInQuestion(*row)


def get_last_error_id(connection: sqlite3.Connection) -> int:
    """Return the highest id of an error, 0 where there is none."""
    (last_id,) = connection.execute("SELECT coalesce(max(id), 0) FROM error").fetchone()
    return int(last_id)


def get_error_id(connection: sqlite3.Connection, project_id: int, group_key: bytes) -> int | None:
    """Return the id of the error with that key, None where there is none."""
    row = connection.execute(
        "SELECT id FROM error WHERE project_id = ? AND group_key = ?", (project_id, group_key)
    ).fetchone()
    return None if row is None else int(row[0])


def get_kept(connection: sqlite3.Connection, error_id: int) -> int:
    """Return how many occurrences of the error are kept, 0 where it is gone."""
    row = connection.execute("SELECT kept FROM error WHERE id = ?", (error_id,)).fetchone()
    return 0 if row is None else int(row[0])


def list_stored(
    connection: sqlite3.Connection, error_id: int, after: Place | None, limit: int
) -> list[StoredOccurrence]:
    """Return the next occurrences of an error by their timestamps, the oldest first."""
    second, ordinal = (-(2**63), 0) if after is None else after[:2]
    rows = connection.execute(
        """
        SELECT second, ordinal, id, timestamp_ms, received_ms, dictionary_id, payload
        FROM occurrence WHERE error_id = ? AND (second, ordinal) > (?, ?)
        ORDER BY second, ordinal LIMIT ?
        """,
        (error_id, second, ordinal, limit),
    )
    return [StoredOccurrence(Place(*row[:3]), *row[3:]) for row in rows]


def list_counts(connection: sqlite3.Connection, error_id: int) -> tuple[dict[int, int], int]:
    """Return the error's timeline, and how many it counted beyond: in minutes that have expired."""
    minutes = dict(
        connection.execute(
            "SELECT minute, count FROM timeline WHERE error_id = ? ORDER BY minute", (error_id,)
        ).fetchall()
    )
    row = connection.execute("SELECT count FROM error WHERE id = ?", (error_id,)).fetchone()
    return minutes, 0 if row is None else max(0, row[0] - sum(minutes.values()))
