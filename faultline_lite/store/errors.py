"""Errors: look up by what addresses them, list, change, delete."""

import sqlite3
from collections.abc import Sequence
from typing import Literal

import msgspec

from faultline_lite.models import Error, Integer64, Status
from faultline_lite.store.resolutions import insert_resolutions

Sort = Literal["lastUpdated", "count", "firstSeen"]

#: The column that each order goes by, newest or most first; ties by id.
SORT_COLUMNS: dict[Sort, str] = {
    "lastUpdated": "last_updated_ms",
    "count": "count",
    "firstSeen": "first_seen_ms",
}
_COLUMNS = """
    error.id, project.name, error.group_key, error.message, error.pattern, error.type,
    error.status, error.count, error.first_seen_ms, error.last_updated_ms, error.muted,
    error.muted_until_ms, error.muted_until_count, error.last_seen_ms, error.people
    """


class Position(msgspec.Struct, frozen=True, array_like=True):
    """The place in a list after which the next page begins: the sort column's value and the id."""

    sort: Sort
    value: Integer64
    id: Integer64


class ErrorAddress(msgspec.Struct, frozen=True):
    """What a client addresses an error by.

    ``group_keys`` are tried in their order, then ``address_keys``, of which the error that was
    updated last wins.
    """

    project: str
    group_keys: tuple[bytes, ...]
    address_keys: tuple[bytes, ...] = ()


def get_error(connection: sqlite3.Connection, address: ErrorAddress) -> Error | None:
    """Return the error at that address, None where there is none."""
    for group_key in address.group_keys:
        found = _select_one(connection, "error.group_key = ?", (address.project, group_key))
        if found is not None:
            return found
    for address_key in address.address_keys:
        condition = "error.id IN (SELECT error_id FROM address WHERE address_key = ?)"
        found = _select_one(
            connection,
            f"{condition} AND error.project_id = project.id",
            (address.project, address_key),
        )
        if found is not None:
            return found
    return None


def get_error_by_id(connection: sqlite3.Connection, error_id: int) -> Error:
    """Return the error of that id, which exists."""
    row = connection.execute(
        f"""
        SELECT {_COLUMNS} FROM error JOIN project ON project.id = error.project_id
        WHERE error.id = ?
        """,
        (error_id,),
    ).fetchone()
    return _to_error(row)


def list_errors(
    connection: sqlite3.Connection,
    project_id: int,
    *,
    status: Status | None,
    sort: Sort,
    limit: int,
    after: Position | None,
) -> list[Error]:
    """Return up to ``limit`` errors of the project, those after ``after`` in this order."""
    column = SORT_COLUMNS[sort]
    conditions = ["error.project_id = ?"]
    values: list[str | int] = [project_id]
    if status is not None:
        conditions.append("error.status = ?")
        values.append(status)
    if after is not None:
        conditions.append(f"(error.{column}, error.id) < (?, ?)")
        values += [after.value, after.id]
    rows = connection.execute(
        f"""
        SELECT {_COLUMNS} FROM error JOIN project ON project.id = error.project_id
        WHERE {" AND ".join(conditions)}
        ORDER BY error.{column} DESC, error.id DESC LIMIT ?
        """,
        (*values, limit),
    )
    return [_to_error(row) for row in rows]


def position_of(error: Error, sort: Sort) -> Position:
    """Return the place of an error in a list of that order."""
    value = {
        "lastUpdated": error.last_updated_ms,
        "count": error.count,
        "firstSeen": error.first_seen_ms,
    }[sort]
    return Position(sort, value, error.id)


def update_status(
    connection: sqlite3.Connection, error_id: int, status: Status, now_ms: int
) -> list[bytes]:
    """Set the status; the time of a change is the error's ``last_updated_ms``.

    Returns the identities of the channels that something becomes due to: issue trackers are told
    that the error was resolved, where their configs ask for it.
    """
    changed = connection.execute(
        """
        UPDATE error SET status = ?, last_updated_ms = max(last_updated_ms, ?)
        WHERE id = ? AND status <> ?
        """,
        (status, now_ms, error_id, status),
    ).rowcount
    if not changed or status != "resolved":
        return []
    return insert_resolutions(connection, error_id, now_ms)


def update_muted(
    connection: sqlite3.Connection,
    error_id: int,
    *,
    muted: bool,
    until_ms: int | None,
    until_count: int | None,
) -> None:
    """Mute or unmute; ``until_count`` is how many more occurrences stay silent."""
    connection.execute(
        """
        UPDATE error SET muted = ?, muted_until_ms = ?, muted_until_count = count + ?
        WHERE id = ?
        """,
        (int(muted), until_ms if muted else None, until_count if muted else None, error_id),
    )


def delete_error(connection: sqlite3.Connection, error_id: int) -> None:
    """Delete the error at once for every reader; retention erases what was in it.

    It moves to a project without a name, under a group key that nothing leads to. The roll-ups of
    the project that it was in count it until it is erased; who reads them takes it off.
    """
    row = connection.execute("SELECT id FROM project WHERE name IS NULL LIMIT 1").fetchone()
    if row is None:
        row = connection.execute(
            "INSERT INTO project (name, created_ms) VALUES (NULL, 0) RETURNING id"
        ).fetchone()
    connection.execute("DELETE FROM address WHERE error_id = ?", (error_id,))
    connection.execute(
        """
        UPDATE error SET project_id = ?, group_key = randomblob(16),
            counted_in = coalesce(counted_in, project_id)
        WHERE id = ?
        """,
        (row[0], error_id),
    )


def _select_one(
    connection: sqlite3.Connection, condition: str, values: Sequence[str | bytes]
) -> Error | None:
    row = connection.execute(
        f"""
        SELECT {_COLUMNS} FROM project JOIN error ON error.project_id = project.id
        WHERE project.name = ? AND {condition}
        ORDER BY error.last_updated_ms DESC, error.id DESC LIMIT 1
        """,
        values,
    ).fetchone()
    return None if row is None else _to_error(row)


def _to_error(row: Sequence[object]) -> Error:
    return msgspec.convert(row, Error, strict=False)
