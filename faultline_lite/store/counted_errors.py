"""The errors that reports are counted on, remembered from one transaction to the next.

What was read of an error, and counted on since, need not be read again while nobody else writes.
Nearly every report is of an error that was seen before, and happened later than all that is known
of it: then nothing has to be read at all.
"""

import sqlite3
from collections.abc import Callable, Sequence
from itertools import islice
from typing import NamedTuple

import msgspec

from faultline_lite.store.rollups import OpenUnit
from faultline_lite.store.statements import read_rows

#: Errors and projects that are remembered: some 10 MB.
MAX_ERRORS = 10_000
MAX_PROJECTS = 10_000
#: Before every time there is.
_NEVER = -(2**62)

Key = tuple[str, bytes]


class Place(NamedTuple):
    """Where an occurrence is counted: its error, its second and its unit of time."""

    project: str
    group_key: bytes
    second: int
    first_minute: int
    end_minute: int


class CountedError(msgspec.Struct):
    """The counters of an error while reports are counted on it.

    ``ordinal`` is that of the last occurrence in the latest ``second``, ``in_unit`` what the latest
    unit of time, which begins at ``first_minute``, holds (None: not known). What earlier ones hold
    is in ``earlier_seconds`` and ``earlier_units`` for the reports of one transaction.
    """

    id: int
    project_id: int
    hour: OpenUnit
    count: int
    status: str
    muted: int
    muted_until_ms: int | None
    muted_until_count: int | None
    last_updated_ms: int
    second: int = _NEVER
    ordinal: int = 0
    first_minute: int = _NEVER
    in_unit: int | None = None
    earlier_seconds: dict[int, int] = {}
    earlier_units: dict[int, int] = {}
    added: int = 0

    def add(self, received_ms: int) -> tuple[bool, bool]:
        """Count one more occurrence; return whether it is a regression and whether it is muted."""
        self.count += 1
        self.added += 1
        regression = self.status == "resolved"
        self.status = "unresolved"
        if self.muted and self._mute_has_ended(received_ms):
            self.muted, self.muted_until_ms, self.muted_until_count = 0, None, None
        self.last_updated_ms = max(self.last_updated_ms, received_ms)
        return regression, bool(self.muted)

    def add_in_second(self, second: int) -> int:
        """Count one more in that second; return how many it holds."""
        if second < self.second:
            return _count(self.earlier_seconds, second)
        if second > self.second:
            self.earlier_seconds[self.second] = self.ordinal
            self.second, self.ordinal = second, 0
        self.ordinal += 1
        return self.ordinal

    def add_in_unit(self, first_minute: int) -> int:
        """Count one more in the unit of time that begins there; return how many it holds."""
        if first_minute < self.first_minute:
            return _count(self.earlier_units, first_minute)
        if first_minute > self.first_minute:
            self.earlier_units[self.first_minute] = self.in_unit or 0
            self.first_minute, self.in_unit = first_minute, 0
        self.in_unit = (self.in_unit or 0) + 1
        return self.in_unit

    def knows(self, place: Place) -> bool:
        """Return whether an occurrence can be counted there without reading."""
        if place.second < self.second and place.second not in self.earlier_seconds:
            return False
        if place.first_minute == self.first_minute:
            return self.in_unit is not None
        return place.first_minute > self.first_minute or place.first_minute in self.earlier_units

    def learn(self, place: Place, in_second: int, in_unit: int) -> None:
        """Take in what the store holds at a place."""
        if place.second < self.second:
            self.earlier_seconds[place.second] = in_second
        if place.first_minute < self.first_minute:
            self.earlier_units[place.first_minute] = in_unit
        elif self.in_unit is None:
            self.first_minute, self.in_unit = place.first_minute, in_unit

    def end(self) -> None:
        """Begin anew to collect what is to be written."""
        self.added = 0
        self.earlier_seconds.clear()
        self.earlier_units.clear()

    def _mute_has_ended(self, now_ms: int) -> bool:
        timed_out = self.muted_until_ms is not None and now_ms >= self.muted_until_ms
        counted_out = self.muted_until_count is not None and self.count > self.muted_until_count
        return timed_out or counted_out


def _count(counts: dict[int, int], key: int) -> int:
    # What was not read lies between what was the latest then and what is the latest now.
    counts[key] = counts.get(key, 0) + 1
    return counts[key]


class CountedErrors:
    """Remembers up to some ``max_errors``, and the minutes that their projects count in.

    ``find_unit`` returns where the unit of time begins that a minute is in.
    """

    def __init__(self, find_unit: Callable[[int], int], max_errors: int = MAX_ERRORS) -> None:
        self.errors: dict[Key, CountedError] = {}
        self.projects: dict[int, OpenUnit] = {}
        self._find_unit = find_unit
        self._max_errors = max_errors

    def forget(self) -> None:
        """Forget everything: others have written, or what was written is undone."""
        self.errors.clear()
        self.projects.clear()

    def recall(self, connection: sqlite3.Connection, places: Sequence[Place]) -> None:
        """Read what is not known of the places; errors that are not there stay unknown."""
        self._make_room()
        errors = self.errors
        unknown = {
            place
            for place in places
            if (known := errors.get((place.project, place.group_key))) is None
            or not known.knows(place)
        }
        if unknown:
            self._read(connection, list(unknown))

    def _make_room(self) -> None:
        if len(self.projects) > MAX_PROJECTS:
            self.forget()
        elif len(self.errors) > self._max_errors:
            # The first that came are the first to go.
            for key in list(islice(self.errors, len(self.errors) // 4)):
                del self.errors[key]

    def _read(self, connection: sqlite3.Connection, places: Sequence[Place]) -> None:
        select = """
            WITH place (project, group_key, second, first_minute, end_minute) AS (VALUES {rows})
            SELECT json_group_array(json_array(
                project.name, hex(error.group_key), place.second, place.first_minute,
                place.end_minute,
                (
                    SELECT max(ordinal) FROM occurrence
                    WHERE error_id = error.id AND second = place.second
                ),
                (
                    SELECT sum(timeline.count) FROM timeline WHERE error_id = error.id
                    AND minute >= place.first_minute AND minute < place.end_minute
                ),
                json((
                    SELECT json_array(second, ordinal) FROM occurrence WHERE error_id = error.id
                    ORDER BY second DESC, ordinal DESC LIMIT 1
                )),
                (SELECT max(minute) FROM timeline WHERE error_id = error.id),
                json_array(project.open_minute, project.open_count),
                json_array(error.open_minute, error.open_count),
                error.id, project.id, error.count, error.status,
                error.muted, error.muted_until_ms, error.muted_until_count, error.last_updated_ms
            ))
            FROM place
            JOIN project ON project.name = place.project
            JOIN error ON error.project_id = project.id AND error.group_key = place.group_key
            """
        for row in read_rows(connection, select, places):
            project, key, second, first_minute, end_minute, in_second, in_unit, *rest = row
            latest, minute, project_unit, hour, error_id, project_id, *counters = rest
            place = Place(project, bytes.fromhex(key), second, first_minute, end_minute)
            self.projects.setdefault(project_id, OpenUnit(*project_unit))
            error = self.errors.get(place[:2])
            if error is None:
                error = CountedError(error_id, project_id, OpenUnit(*hour), *counters)
                if latest is not None:
                    error.second, error.ordinal = latest
                if minute is not None:
                    error.first_minute = self._find_unit(minute)
                self.errors[place[:2]] = error
            error.learn(place, in_second or 0, in_unit or 0)
