"""What must hold of a database at every commit, however it came there."""

import sqlite3
from collections import Counter

Counts = Counter[tuple[int, int, int]]


def find_unsound(connection: sqlite3.Connection) -> list[str]:
    """Return what is wrong with a database, nothing for a sound one."""
    problems = [text for (text,) in connection.execute("PRAGMA integrity_check") if text != "ok"]
    problems += [f"reference: {row}" for row in connection.execute("PRAGMA foreign_key_check")]
    rows = connection.execute(
        """
        SELECT id, kept, (SELECT count(*) FROM occurrence WHERE error_id = error.id) AS there
        FROM error WHERE kept <> there
        """
    )
    problems += [f"error {each}: keeps {kept}, has {there}" for each, kept, there in rows]
    if read_rollups(connection) != sum_minutes(connection):
        problems.append("the roll-ups are not the sum of the minutes")
    return problems


def read_rollups(connection: sqlite3.Connection) -> tuple[Counts, Counts]:
    """Return what errors and projects have by (owner, unit, minute), what is open included."""
    errors, projects = Counts(), Counts()
    for owner, unit, minute, count in connection.execute("SELECT * FROM error_rollup"):
        errors[owner, unit, minute] += count
    for owner, unit, minute, count in connection.execute("SELECT * FROM project_rollup"):
        projects[owner, unit, minute] += count
    for owner, minute, count in _open_units(connection, "error"):
        for unit in (60, 1440):
            errors[owner, unit, minute - minute % unit] += count
    for owner, minute, count in _open_units(connection, "project"):
        for unit in (1, 60, 1440):
            projects[owner, unit, minute - minute % unit] += count
            projects[0, unit, minute - minute % unit] += count
    return errors, projects


def sum_minutes(connection: sqlite3.Connection) -> tuple[Counts, Counts]:
    """Return the same, computed from the timelines."""
    errors, projects = Counts(), Counts()
    for error_id, project_id, minute, count in connection.execute(
        """
        SELECT error.id, coalesce(counted_in, project_id), minute, timeline.count
        FROM timeline JOIN error ON error.id = error_id
        """
    ):
        for unit in (60, 1440):
            errors[error_id, unit, minute - minute % unit] += count
        for unit in (1, 60, 1440):
            for owner in (project_id, 0):
                projects[owner, unit, minute - minute % unit] += count
    return errors, projects


def _open_units(connection: sqlite3.Connection, owner: str) -> list[tuple[int, int, int]]:
    return connection.execute(
        f"SELECT id, open_minute, open_count FROM {owner} WHERE open_count <> 0"  # noqa: S608
    ).fetchall()
