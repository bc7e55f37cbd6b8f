"""Roll-ups of the timelines: hours and days of errors; minutes, hours, days of projects, of all.

They are exact at every commit: in any unit of time they are the sum of the timelines' minutes.
Counting every occurrence in all of them would cost ingest a quarter more. So the hour that an
error counts in now, and the minute that a project does, stay open in their own rows, which ingest
writes anyway, and go to the roll-ups when a later one begins.
"""

import sqlite3
from collections import Counter
from collections.abc import Mapping

import msgspec

from faultline_lite.store.statements import write_rows

HOUR_MINUTES = 60
DAY_MINUTES = 24 * HOUR_MINUTES
ERROR_UNITS = (HOUR_MINUTES, DAY_MINUTES)
PROJECT_UNITS = (1, HOUR_MINUTES, DAY_MINUTES)
#: The owner of the roll-ups over all projects.
ALL_PROJECTS = 0

#: An owner's id, a unit in minutes, and the minute that one of these begins at.
_Place = tuple[int, int, int]


class OpenUnit(msgspec.Struct):
    """The hour or minute that an owner counts in now: where it begins, what it holds."""

    minute: int = 0
    count: int = 0

    def add(self, minute: int, count: int) -> tuple[int, int] | None:
        """Count on in the unit that begins at ``minute``; return the (minute, count) it closes."""
        if minute == self.minute:
            self.count += count
            return None
        if minute < self.minute and self.count:
            # A latecomer: what is open stays open.
            return minute, count
        closed = (self.minute, self.count) if self.count else None
        self.minute, self.count = minute, count
        return closed


class RollupChanges:
    """What is to be added to the roll-ups, collected and then written at once."""

    def __init__(self) -> None:
        self._errors: Counter[_Place] = Counter()
        self._projects: Counter[_Place] = Counter()

    def add_to_error(self, error_id: int, minute: int, count: int) -> None:
        """Add to the hour and the day of the error that the minute is in."""
        for unit in ERROR_UNITS:
            self._errors[error_id, unit, minute - minute % unit] += count

    def add_to_project(self, project_id: int, minute: int, count: int) -> None:
        """Add to the minute, the hour and the day of the project, and of all projects."""
        for owner in (project_id, ALL_PROJECTS):
            for unit in PROJECT_UNITS:
                self._projects[owner, unit, minute - minute % unit] += count

    def write(self, connection: sqlite3.Connection) -> None:
        """Add it all; a row that came to nothing goes."""
        _write(connection, "error", self._errors)
        _write(connection, "project", self._projects)


def subtract_minutes(
    connection: sqlite3.Connection, error_id: int, minutes: Mapping[int, int]
) -> None:
    """Take what has left the error's timeline, a count for each minute, out of all roll-ups."""
    select = "SELECT coalesce(counted_in, project_id) FROM error WHERE id = ?"
    (project_id,) = connection.execute(select, (error_id,)).fetchone()
    changes = RollupChanges()
    changes.add_to_error(error_id, *take_open_unit(connection, "error", error_id))
    changes.add_to_project(project_id, *take_open_unit(connection, "project", project_id))
    for minute, count in minutes.items():
        changes.add_to_error(error_id, minute, -count)
        changes.add_to_project(project_id, minute, -count)
    changes.write(connection)


def take_open_unit(connection: sqlite3.Connection, owner: str, owner_id: int) -> tuple[int, int]:
    """Return the (minute, count) of the open unit, which holds nothing from here on."""
    select = f"SELECT open_minute, open_count FROM {owner} WHERE id = ?"
    minute, count = connection.execute(select, (owner_id,)).fetchone()
    connection.execute(f"UPDATE {owner} SET open_count = 0 WHERE id = ?", (owner_id,))
    return minute, count


def _write(connection: sqlite3.Connection, owner: str, counts: Counter[_Place]) -> None:
    table, key = f"{owner}_rollup", f"{owner}_id, unit, minute"
    write_rows(
        connection,
        f"""
        INSERT INTO {table} ({key}, count) VALUES {{rows}}
        ON CONFLICT ({key}) DO UPDATE SET count = count + excluded.count
        """,
        [(*place, count) for place, count in counts.items() if count],
    )
    write_rows(
        connection,
        f"DELETE FROM {table} WHERE ({key}) IN (SELECT * FROM (VALUES {{rows}})) AND count = 0",
        [place for place, count in counts.items() if count < 0],
    )
