"""The end of a merge, and its beginning when it is undone: what is one row of an error each.

What is many rows, occurrences, counts and deliveries, has been moved before (``regroup_moves``).
"""

import sqlite3

import msgspec

from faultline_lite.people import merge_sketches
from faultline_lite.store.census import (
    Found,
    VersionCount,
    add_found,
    get_sketch,
    list_versions,
    set_sketch,
    subtract_versions,
)
from faultline_lite.store.regroup_moves import add_addresses, move_counts
from faultline_lite.store.search_index import delete_search_entries
from faultline_lite.store.search_upkeep import mark_outdated


class ErrorFields(msgspec.Struct, array_like=True):
    """An error as it was, but for what is counted of it. ``muted_left`` of more to come."""

    project_id: int
    group_key: bytes
    message: str
    pattern: str
    type: str
    status: str
    first_seen_ms: int
    last_seen_ms: int
    last_updated_ms: int
    muted: int
    muted_until_ms: int | None
    muted_left: int | None


class Absorbed(msgspec.Struct):
    """An error as it was before it took another in, and what it came to by it.

    Where it is the same still, nothing has happened to it since.
    """

    before: ErrorFields
    sketch: bytes
    count: int
    status: str


class Merged(msgspec.Struct):
    """What is needed to split a merged error again."""

    source: ErrorFields
    absorbed: Absorbed
    beyond: int
    addresses: list[bytes]
    sketch: bytes
    versions: list[VersionCount]
    #: Channel, config and number.
    issues: list[tuple[int, int, int]]


_FIELDS = """
    project_id, group_key, message, pattern, type, status, first_seen_ms, last_seen_ms,
    last_updated_ms, muted, muted_until_ms
    """


def get_fields(connection: sqlite3.Connection, error_id: int) -> ErrorFields:
    """Return the fields of an error that exists."""
    row = connection.execute(
        f"SELECT {_FIELDS}, muted_until_count - count FROM error WHERE id = ?", (error_id,)
    ).fetchone()
    return ErrorFields(*row)


def set_fields(connection: sqlite3.Connection, error_id: int, fields: ErrorFields) -> None:
    """Give an error these fields."""
    connection.execute(
        f"""
        UPDATE error SET ({_FIELDS}, muted_until_count) =
            (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, count + ?)
        WHERE id = ?
        """,
        (*msgspec.structs.astuple(fields), error_id),
    )


def absorb(
    connection: sqlite3.Connection, target_id: int, source: ErrorFields, sketch: bytes = b""
) -> Absorbed:
    """Give the target the fields of both, and the people."""
    before = get_fields(connection, target_id)
    target_sketch = get_sketch(connection, target_id)
    set_fields(connection, target_id, _combine(source, before))
    set_sketch(connection, target_id, merge_sketches(sketch, target_sketch))
    return Absorbed(before, target_sketch, *_get_standing(connection, target_id))


def give_back(
    connection: sqlite3.Connection, target_id: int, absorbed: Absorbed, counted_less: int = 0
) -> None:
    """Undo ``absorb``, but for what has happened to the target since.

    ``counted_less`` are occurrences that it has given back already.
    """
    now = get_fields(connection, target_id)
    count, status = _get_standing(connection, target_id)
    before = msgspec.structs.replace(
        absorbed.before, project_id=now.project_id, group_key=now.group_key, pattern=now.pattern
    )
    if (count + counted_less, status) == (absorbed.count, absorbed.status):
        set_sketch(connection, target_id, absorbed.sketch)
    else:
        before.status, before.muted = now.status, now.muted
        before.muted_until_ms, before.muted_left = now.muted_until_ms, now.muted_left
        before.last_seen_ms, before.last_updated_ms = now.last_seen_ms, now.last_updated_ms
    set_fields(connection, target_id, before)


def merge_rest(connection: sqlite3.Connection, source_id: int, target_id: int) -> Merged:
    """Merge all that is left of the source into the target, and delete it."""
    source = get_fields(connection, source_id)
    sketch = get_sketch(connection, source_id)
    versions = list_versions(connection, source_id)
    beyond, _ = _get_standing(connection, source_id)
    addresses = _take_addresses(connection, source_id)
    issues = _take_issues(connection, source_id)
    move_counts(connection, source_id, target_id, {}, beyond=beyond)
    absorbed = absorb(connection, target_id, source, sketch)
    add_addresses(connection, target_id, addresses)
    add_found(connection, {target_id: Found(set(), {each.version: each for each in versions})})
    _add_issues(connection, target_id, issues)
    delete_search_entries(connection, source_id)
    mark_outdated(connection, target_id)
    _delete_error(connection, source_id)
    return Merged(source, absorbed, beyond, addresses, sketch, versions, issues)


def split_again(connection: sqlite3.Connection, target_id: int, merged: Merged) -> int:
    """Undo ``merge_rest``; return the id of what is the source again.

    It is one that no step means another error by.
    """
    (source_id,) = connection.execute(
        f"""
        INSERT INTO error ({_FIELDS}, count, kept, id)
        SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 1 + max(
            (SELECT max(id) FROM error),
            (SELECT max(source_id) FROM regroup_step),
            (SELECT max(target_id) FROM regroup_step)
        )
        RETURNING id
        """,
        msgspec.structs.astuple(merged.source)[:-1],
    ).fetchone()
    set_fields(connection, source_id, merged.source)
    move_counts(connection, target_id, source_id, {}, beyond=merged.beyond)
    add_addresses(connection, source_id, merged.addresses)
    versions = {each.version: each for each in merged.versions}
    add_found(connection, {source_id: Found(set(), versions)})
    set_sketch(connection, source_id, merged.sketch)
    subtract_versions(
        connection, target_id, {version: each.count for version, each in versions.items()}
    )
    give_back(connection, target_id, merged.absorbed, counted_less=merged.beyond)
    _give_back_issues(connection, source_id, target_id, merged.issues)
    return int(source_id)


def _combine(source: ErrorFields, target: ErrorFields) -> ErrorFields:
    """Return what the target becomes: what is open in one of them is open in both."""
    first = min(source, target, key=lambda each: each.first_seen_ms)
    is_muted = bool(source.muted and target.muted)
    ends = [each for each in (source.muted_until_ms, target.muted_until_ms) if each is not None]
    return msgspec.structs.replace(
        target,
        message=first.message,
        type=first.type,
        status="resolved" if source.status == target.status == "resolved" else "unresolved",
        first_seen_ms=first.first_seen_ms,
        last_seen_ms=max(source.last_seen_ms, target.last_seen_ms),
        last_updated_ms=max(source.last_updated_ms, target.last_updated_ms),
        muted=int(is_muted),
        muted_until_ms=min(ends, default=None) if is_muted else None,
        muted_left=target.muted_left if is_muted else None,
    )


def _get_standing(connection: sqlite3.Connection, error_id: int) -> tuple[int, str]:
    count, status = connection.execute(
        "SELECT count, status FROM error WHERE id = ?", (error_id,)
    ).fetchone()
    return count, status


def _take_addresses(connection: sqlite3.Connection, error_id: int) -> list[bytes]:
    rows = connection.execute(
        "DELETE FROM address WHERE error_id = ? RETURNING address_key", (error_id,)
    ).fetchall()
    return [address_key for (address_key,) in rows]


def _take_issues(connection: sqlite3.Connection, error_id: int) -> list[tuple[int, int, int]]:
    return connection.execute(
        "DELETE FROM tracked_issue WHERE error_id = ? RETURNING channel_id, config_id, number",
        (error_id,),
    ).fetchall()


def _add_issues(
    connection: sqlite3.Connection, error_id: int, issues: list[tuple[int, int, int]]
) -> None:
    """Track these issues by the error, but for channels in which it has one of its own."""
    connection.executemany(
        """
        INSERT OR IGNORE INTO tracked_issue (error_id, channel_id, config_id, number)
        SELECT ?, ?, id, ? FROM channel_config WHERE id = ?
        """,
        [(error_id, channel_id, number, config_id) for channel_id, config_id, number in issues],
    )


def _give_back_issues(
    connection: sqlite3.Connection,
    source_id: int,
    target_id: int,
    issues: list[tuple[int, int, int]],
) -> None:
    """Track the source's issues by the source again, and by nothing else."""
    connection.executemany(
        "DELETE FROM tracked_issue WHERE error_id = ? AND channel_id = ? AND number = ?",
        [(target_id, channel_id, number) for channel_id, _, number in issues],
    )
    _add_issues(connection, source_id, issues)


def _delete_error(connection: sqlite3.Connection, error_id: int) -> None:
    for table in ("error_people", "error_version"):
        connection.execute(f"DELETE FROM {table} WHERE error_id = ?", (error_id,))
    connection.execute("DELETE FROM error WHERE id = ?", (error_id,))
