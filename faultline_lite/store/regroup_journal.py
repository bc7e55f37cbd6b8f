"""Where a regrouping has come to, and every step of it, so that it can be gone back."""

import sqlite3
from typing import Any, Literal

import msgspec

from faultline_lite.store.regroup_reading import get_last_error_id

Action = Literal["apply", "undo"]
State = Literal["running", "done", "stopped"]
StepKind = Literal["create", "rename", "occurrences", "counts", "found", "merge"]


class Progress(msgspec.Struct, array_like=True):
    """The last regrouping: the fields are the columns."""

    action: Action
    state: State
    exact: bool
    started_ms: int
    updated_ms: int
    error_id: int
    last_error_id: int
    work: str | None
    merged: int
    created: int
    moved: int
    problem: str | None


class Step(msgspec.Struct, array_like=True):
    """A transaction of a regrouping. ``detail`` is JSON, by the kind of step."""

    id: int
    kind: StepKind
    source_id: int
    target_id: int
    detail: str


_COLUMNS = ", ".join(Progress.__struct_fields__)


def get_progress(connection: sqlite3.Connection) -> Progress | None:
    """Return where the last regrouping has come to, None where there was none."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM regroup").fetchone()
    return None if row is None else msgspec.convert(row, Progress, strict=False)


def begin(connection: sqlite3.Connection, action: Action, *, exact: bool, now_ms: int) -> bool:
    """Begin to regroup, or to undo the last regrouping; return False where one is running.

    The errors that are there now are gone through. Regrouping forgets how to undo the one before,
    unless that was by the same rule: then it goes on with it, and may find nothing left to do.
    """
    progress = get_progress(connection)
    if progress is not None and progress.state == "running":
        return False
    goes_on = progress is not None and progress.action == "apply" and progress.exact == exact
    if action == "apply" and not goes_on:
        connection.execute("DELETE FROM regroup_step")
    connection.execute(
        f"""
        INSERT OR REPLACE INTO regroup (id, {_COLUMNS})
        VALUES (1, ?, 'running', ?, ?, ?, 0, ?, NULL, 0, 0, 0, NULL)
        """,
        (action, int(exact), now_ms, now_ms, get_last_error_id(connection)),
    )
    return True


def update_progress(connection: sqlite3.Connection, now_ms: int, /, **changes: Any) -> None:
    """Change columns of the progress; of the counters it is told what to add."""
    counters = {"merged", "created", "moved"}
    assignments = [
        f"{name} = {name} + ?" if name in counters else f"{name} = ?" for name in changes
    ]
    connection.execute(
        f"UPDATE regroup SET {', '.join([*assignments, 'updated_ms = ?'])}",
        (*changes.values(), now_ms),
    )


def count_steps(connection: sqlite3.Connection) -> int:
    """Return how many steps can be gone back."""
    (count,) = connection.execute("SELECT count(*) FROM regroup_step").fetchone()
    return int(count)


def insert_step(
    connection: sqlite3.Connection, kind: StepKind, source_id: int, target_id: int, detail: Any
) -> None:
    """Remember a step that has just been taken."""
    connection.execute(
        "INSERT INTO regroup_step (kind, source_id, target_id, detail) VALUES (?, ?, ?, ?)",
        (kind, source_id, target_id, msgspec.json.encode(detail).decode()),
    )


def get_last_step(connection: sqlite3.Connection) -> Step | None:
    """Return the step that is gone back next, None where all have been."""
    row = connection.execute(
        "SELECT id, kind, source_id, target_id, detail FROM regroup_step ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return None if row is None else msgspec.convert(row, Step)


def delete_step(connection: sqlite3.Connection, step_id: int) -> None:
    """Forget a step that has been gone back."""
    connection.execute("DELETE FROM regroup_step WHERE id = ?", (step_id,))


def rename_in_steps(connection: sqlite3.Connection, old_id: int, new_id: int) -> None:
    """Have the remaining steps mean the error that has come back under another id."""
    for column in ("source_id", "target_id"):
        connection.execute(
            f"UPDATE regroup_step SET {column} = ? WHERE {column} = ?", (new_id, old_id)
        )


def forget_steps_of(connection: sqlite3.Connection, error_id: int) -> None:
    """Forget the steps of an error that is erased: its id may come again."""
    connection.execute(
        "DELETE FROM regroup_step WHERE source_id = ?1 OR target_id = ?1", (error_id,)
    )
