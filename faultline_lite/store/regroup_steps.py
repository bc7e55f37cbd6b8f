"""The transactions of a regrouping: each moves something, remembers how to undo it, and goes on.

Every function raises ErrorGoneError, with nothing done, where an error that it is about has been
deleted meanwhile.
"""

import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from faultline_lite.exceptions import FaultlineError
from faultline_lite.fingerprint import KEY_BYTES
from faultline_lite.store.census import Found
from faultline_lite.store.regroup_journal import insert_step, update_progress
from faultline_lite.store.regroup_merge import Absorbed, absorb, get_fields, merge_rest, set_fields
from faultline_lite.store.regroup_moves import (
    NewError,
    add_addresses,
    create_error,
    move_counts,
    move_deliveries,
    move_found,
    move_occurrences,
)
from faultline_lite.store.regroup_reading import get_error_id, get_kept
from faultline_lite.store.search_upkeep import mark_outdated
from faultline_lite.store.surplus import list_places

#: Rows that are moved in one transaction.
STEP_ROWS = 100


class ErrorGoneError(FaultlineError):
    """An error that is being regrouped has been deleted."""


class Moving(msgspec.Struct, tag="move"):
    """A part of an error is being moved to the target: first what is counted, minute by minute.

    ``are_counts_moved`` when all of that is, and its occurrences are next.
    """

    error_id: int
    key: bytes
    target_id: int
    after_minute: int | None = None
    are_counts_moved: bool = False


class Merging(msgspec.Struct, tag="merge"):
    """All of the source is being moved to the target, which ``error_id`` is one of."""

    error_id: int
    source_id: int
    target_id: int


Work = Moving | Merging


class Renamed(msgspec.Struct):
    """What an error was known by before it was renamed."""

    group_key: bytes
    message: str
    pattern: str
    type: str


class MovedCounts(msgspec.Struct):
    """What a step moved between timelines, and beyond them."""

    minutes: dict[int, int]
    beyond: int


class MovedFound(msgspec.Struct):
    """What a step moved between censuses, and what became of the target's fields."""

    versions: dict[str, int]
    absorbed: Absorbed


class Journal(NamedTuple):
    """Whether steps are to be remembered, and what time it is."""

    is_kept: bool
    now_ms: int

    def write(
        self,
        connection: sqlite3.Connection,
        kind: Any,
        source_id: int,
        target_id: int,
        detail: Any,
    ) -> None:
        """Remember a step."""
        if self.is_kept:
            insert_step(connection, kind, source_id, target_id, detail)


def begin_part(
    connection: sqlite3.Connection,
    journal: Journal,
    source_id: int,
    new: NewError,
    address_keys: Sequence[bytes],
) -> Moving:
    """Find or create the error that a part of the source moves to."""
    project_id = _check(connection, source_id)
    target_id = get_error_id(connection, project_id, new.group_key)
    created = target_id is None
    if target_id is None:
        target_id = create_error(connection, source_id, new)
        journal.write(connection, "create", source_id, target_id, None)
    add_addresses(connection, target_id, address_keys)
    moving = Moving(source_id, new.group_key, target_id)
    _go_on(connection, journal, moving, created=int(created))
    return moving


def move_part_counts(
    connection: sqlite3.Connection,
    journal: Journal,
    moving: Moving,
    minutes: Mapping[int, int],
    beyond: int,
) -> Moving:
    """Move some minutes of a part, the earliest first."""
    _check(connection, moving.error_id, moving.target_id)
    _move_counts(connection, journal, moving.error_id, moving.target_id, minutes, beyond)
    moving = msgspec.structs.replace(moving, after_minute=max(minutes, default=-(2**62)))
    _go_on(connection, journal, moving)
    return moving


def move_part_occurrences(
    connection: sqlite3.Connection, journal: Journal, moving: Moving, ids: Sequence[int]
) -> None:
    """Move some occurrences of a part, the last of it."""
    _check(connection, moving.error_id, moving.target_id)
    moved = _move_occurrences(connection, journal, moving.error_id, moving.target_id, ids)
    for error_id in (moving.error_id, moving.target_id):
        mark_outdated(connection, error_id)
    _go_on(connection, journal, moving, moved=moved)


def move_part_found(
    connection: sqlite3.Connection, journal: Journal, moving: Moving, new: NewError, found: Found
) -> Moving:
    """Move what the census has of a part, and let the target be as open as the source."""
    _check(connection, moving.error_id, moving.target_id)
    move_found(connection, moving.error_id, moving.target_id, found)
    source = msgspec.structs.replace(
        get_fields(connection, moving.error_id),
        message=new.message,
        type=new.type,
        first_seen_ms=new.first_seen_ms,
        last_seen_ms=new.last_seen_ms,
        last_updated_ms=new.last_seen_ms,
    )
    absorbed = absorb(connection, moving.target_id, source)
    counts = {version: each.count for version, each in found.versions.items()}
    detail = MovedFound(counts, absorbed)
    journal.write(connection, "found", moving.error_id, moving.target_id, detail)
    moving = msgspec.structs.replace(moving, are_counts_moved=True)
    _go_on(connection, journal, moving)
    return moving


def settle(
    connection: sqlite3.Connection,
    journal: Journal,
    error_id: int,
    new: NewError,
    address_keys: Sequence[bytes],
    *,
    is_described_anew: bool,
) -> Merging | None:
    """Give an error the key of what it consists of; return the merge that this needs, if any.

    Where another error has that key, the one that keeps less is merged into the other. Until then
    it has a key that no report leads to. ``is_described_anew`` where it is no longer what it was.
    """
    project_id = _check(connection, error_id)
    other_id = get_error_id(connection, project_id, new.group_key)
    if other_id in {None, error_id}:
        _rename(connection, journal, error_id, new, is_described_anew=is_described_anew)
        add_addresses(connection, error_id, address_keys)
        _go_on(connection, journal, None)
        return None
    assert other_id is not None  # noqa: S101 - mypy does not see it in the set
    source_id, target_id = error_id, other_id
    if get_kept(connection, error_id) > get_kept(connection, other_id):
        source_id, target_id = other_id, error_id
    _hide(connection, journal, source_id)
    if target_id == error_id:
        _rename(connection, journal, error_id, new, is_described_anew=is_described_anew)
        add_addresses(connection, error_id, address_keys)
    merging = Merging(error_id, source_id, target_id)
    _go_on(connection, journal, merging)
    return merging


def merge_some(connection: sqlite3.Connection, journal: Journal, merging: Merging) -> bool:
    """Move some of the source to the target, in the end all of it; return whether it was all."""
    source_id, target_id = merging.source_id, merging.target_id
    _check(connection, source_id, target_id)
    minutes = dict(
        connection.execute(
            "SELECT minute, count FROM timeline WHERE error_id = ? ORDER BY minute LIMIT ?",
            (source_id, STEP_ROWS),
        ).fetchall()
    )
    moved = 0
    if minutes:
        _move_counts(connection, journal, source_id, target_id, minutes, 0)
    elif ids := [each.id for each in list_places(connection, source_id, None, STEP_ROWS)]:
        moved = _move_occurrences(connection, journal, source_id, target_id, ids)
    elif not move_deliveries(connection, source_id, target_id, STEP_ROWS):
        merged = merge_rest(connection, source_id, target_id)
        journal.write(connection, "merge", source_id, target_id, merged)
        _go_on(connection, journal, None, merged=1)
        return True
    _go_on(connection, journal, merging, moved=moved)
    return False


def _check(connection: sqlite3.Connection, *error_ids: int) -> int:
    """Return the project that the errors are in, which has not been deleted."""
    rows = connection.execute(
        """
        SELECT project_id FROM error JOIN project ON project.id = project_id
        WHERE name IS NOT NULL AND error.id IN (SELECT value FROM json_each(?))
        """,
        (msgspec.json.encode(error_ids).decode(),),
    ).fetchall()
    if len(rows) != len(set(error_ids)) or len(set(rows)) != 1:
        raise ErrorGoneError("an error that is being regrouped has been deleted")
    return int(rows[0][0])


def _go_on(
    connection: sqlite3.Connection, journal: Journal, work: Work | None, **added: int
) -> None:
    if journal.is_kept:
        added_work = {"work": None if work is None else msgspec.json.encode(work).decode()}
        update_progress(connection, journal.now_ms, **added_work, **added)


def _move_counts(
    connection: sqlite3.Connection,
    journal: Journal,
    source_id: int,
    target_id: int,
    minutes: Mapping[int, int],
    beyond: int,
) -> None:
    moved, moved_beyond = move_counts(connection, source_id, target_id, minutes, beyond)
    detail = MovedCounts(moved, moved_beyond)
    journal.write(connection, "counts", source_id, target_id, detail)


def _move_occurrences(
    connection: sqlite3.Connection,
    journal: Journal,
    source_id: int,
    target_id: int,
    ids: Sequence[int],
) -> int:
    moved = move_occurrences(connection, source_id, target_id, ids)
    journal.write(connection, "occurrences", source_id, target_id, moved)
    return len(moved)


def _hide(connection: sqlite3.Connection, journal: Journal, error_id: int) -> None:
    """Give an error a key that no report leads to."""
    fields = get_fields(connection, error_id)
    hidden = NewError(
        secrets.token_bytes(KEY_BYTES), fields.message, fields.pattern, fields.type, 0, 0
    )
    _rename(connection, journal, error_id, hidden, is_described_anew=False)


def _rename(
    connection: sqlite3.Connection,
    journal: Journal,
    error_id: int,
    new: NewError,
    *,
    is_described_anew: bool,
) -> None:
    fields = get_fields(connection, error_id)
    renamed = Renamed(fields.group_key, fields.message, fields.pattern, fields.type)
    journal.write(connection, "rename", error_id, error_id, renamed)
    fields.group_key, fields.pattern = new.group_key, new.pattern
    if is_described_anew:
        fields.message, fields.type = new.message, new.type
    set_fields(connection, error_id, fields)
