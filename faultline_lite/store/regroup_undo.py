"""Go back through the steps of a regrouping, the last one first: each in a transaction.

What has come, gone or been decided since stays: nothing that is counted is lost.
"""

import secrets
import sqlite3
from collections.abc import Callable

import msgspec

from faultline_lite.fingerprint import KEY_BYTES
from faultline_lite.store.census import Found, add_found, list_versions, subtract_versions
from faultline_lite.store.regroup_journal import (
    Step,
    StepKind,
    delete_step,
    get_last_step,
    rename_in_steps,
    update_progress,
)
from faultline_lite.store.regroup_merge import (
    Merged,
    get_fields,
    give_back,
    set_fields,
    split_again,
)
from faultline_lite.store.regroup_moves import move_counts, move_occurrences
from faultline_lite.store.regroup_reading import get_error_id
from faultline_lite.store.regroup_steps import MovedCounts, MovedFound, Renamed
from faultline_lite.store.search_index import delete_search_entries
from faultline_lite.store.search_upkeep import mark_outdated


class Displaced(msgspec.Struct):
    """Errors that reports made anew where the undone ones are back; they are merged into these."""

    pairs: list[tuple[int, int]]


def undo_last_step(connection: sqlite3.Connection, now_ms: int) -> bool:
    """Go the last step back and forget it; return False where all have been gone back."""
    step = get_last_step(connection)
    if step is None:
        return False
    is_source_there = step.kind == "merge" or _exists(connection, step.source_id)
    if is_source_there and _exists(connection, step.target_id):
        _UNDOING[step.kind](connection, step)
    delete_step(connection, step.id)
    update_progress(connection, now_ms, moved=1)
    return True


def list_displaced(connection: sqlite3.Connection) -> list[tuple[int, int]]:
    """Return (error to be merged, error to merge it into) that undoing has left to be done."""
    row = connection.execute("SELECT work FROM regroup").fetchone()
    if row is None or row[0] is None:
        return []
    return msgspec.json.decode(row[0], type=Displaced).pairs


def _undo_create(connection: sqlite3.Connection, step: Step) -> None:
    """Delete the error that was created, unless it is in use."""
    error_id = step.target_id
    in_use = connection.execute(
        """
        SELECT EXISTS (SELECT 1 FROM error WHERE id = ?1 AND (count > 0 OR kept > 0))
        OR EXISTS (SELECT 1 FROM outbox WHERE error_id = ?1)
        OR EXISTS (SELECT 1 FROM delivery_item WHERE error_id = ?1)
        OR EXISTS (SELECT 1 FROM tracked_issue WHERE error_id = ?1)
        """,
        (error_id,),
    ).fetchone()[0]
    if in_use:
        return
    delete_search_entries(connection, error_id)
    for table in ("address", "error_people", "error_version"):
        connection.execute(f"DELETE FROM {table} WHERE error_id = ?", (error_id,))
    connection.execute("DELETE FROM error WHERE id = ?", (error_id,))


def _undo_rename(connection: sqlite3.Connection, step: Step) -> None:
    """Give the error its key back, also where reports have made another error of that key."""
    renamed = msgspec.json.decode(step.detail, type=Renamed)
    fields = get_fields(connection, step.source_id)
    other_id = get_error_id(connection, fields.project_id, renamed.group_key)
    if other_id is not None and other_id != step.source_id:
        other = get_fields(connection, other_id)
        other.group_key = secrets.token_bytes(KEY_BYTES)
        set_fields(connection, other_id, other)
        pairs = [*list_displaced(connection), (other_id, step.source_id)]
        work = msgspec.json.encode(Displaced(pairs)).decode()
        connection.execute("UPDATE regroup SET work = ?", (work,))
    fields.group_key, fields.pattern = renamed.group_key, renamed.pattern
    fields.message, fields.type = renamed.message, renamed.type
    set_fields(connection, step.source_id, fields)


def _undo_occurrences(connection: sqlite3.Connection, step: Step) -> None:
    ordinals = dict(msgspec.json.decode(step.detail, type=list[tuple[int, int]]))
    move_occurrences(connection, step.target_id, step.source_id, ordinals, ordinals)
    for error_id in (step.source_id, step.target_id):
        mark_outdated(connection, error_id)


def _undo_counts(connection: sqlite3.Connection, step: Step) -> None:
    moved = msgspec.json.decode(step.detail, type=MovedCounts)
    move_counts(connection, step.target_id, step.source_id, moved.minutes, moved.beyond)


def _undo_found(connection: sqlite3.Connection, step: Step) -> None:
    moved = msgspec.json.decode(step.detail, type=MovedFound)
    versions = {
        each.version: msgspec.structs.replace(each, count=moved.versions[each.version])
        for each in list_versions(connection, step.target_id)
        if each.version in moved.versions
    }
    add_found(connection, {step.source_id: Found(set(), versions)})
    subtract_versions(connection, step.target_id, moved.versions)
    give_back(connection, step.target_id, moved.absorbed)


def _undo_merge(connection: sqlite3.Connection, step: Step) -> None:
    merged = msgspec.json.decode(step.detail, type=Merged)
    source_id = split_again(connection, step.target_id, merged)
    rename_in_steps(connection, step.source_id, source_id)


_UNDOING: dict[StepKind, Callable[[sqlite3.Connection, Step], None]] = {
    "create": _undo_create,
    "rename": _undo_rename,
    "occurrences": _undo_occurrences,
    "counts": _undo_counts,
    "found": _undo_found,
    "merge": _undo_merge,
}


def _exists(connection: sqlite3.Connection, error_id: int) -> bool:
    """Return whether the error is there, and its project."""
    row = connection.execute(
        """
        SELECT 1 FROM error JOIN project ON project.id = project_id
        WHERE error.id = ? AND name IS NOT NULL
        """,
        (error_id,),
    ).fetchone()
    return row is not None
