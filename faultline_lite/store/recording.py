"""Store reports: occurrences, their errors' counters and their timeline, in one go.

It runs inside the writer's transaction over all the reports that waited: one query finds what is
there already, the numbers are counted on in Python, and one statement for each table writes them
back. The counters that it returns are those that each occurrence produced, in the order of the
reports.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

from faultline_lite.models import NewOccurrence, Recorded
from faultline_lite.payloads import PayloadCodec
from faultline_lite.store.rollups import HOUR_MINUTES, OpenUnit, RollupChanges
from faultline_lite.store.statements import read_rows, write_rows
from faultline_lite.timekeys import MINUTE_MS, Timeunit, bucket_bounds_ms, reversed_unixtime

#: Messages that one error may be addressed by beside its own; bounds what a client can make grow.
MAX_ADDRESSES = 1000


class _Place(NamedTuple):
    """Where an occurrence is counted: its error, its second and its unit of time."""

    project: str
    group_key: bytes
    second: int
    first_minute: int
    end_minute: int


class _ErrorState(msgspec.Struct):
    """The counters of an error while a group of reports is applied to it."""

    id: int
    project_id: int
    count: int
    status: str
    muted: int
    muted_until_ms: int | None
    muted_until_count: int | None
    last_updated_ms: int
    hour: OpenUnit
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

    def _mute_has_ended(self, now_ms: int) -> bool:
        timed_out = self.muted_until_ms is not None and now_ms >= self.muted_until_ms
        counted_out = self.muted_until_count is not None and self.count > self.muted_until_count
        return timed_out or counted_out


class _Found(NamedTuple):
    """What the store holds, by what the occurrences ask for."""

    errors: dict[tuple[str, bytes], _ErrorState]
    projects: dict[int, OpenUnit]
    ordinals: Counter[tuple[int, int]]
    buckets: Counter[tuple[int, int]]


def record_reports(
    connection: sqlite3.Connection,
    codec: PayloadCodec,
    reports: Sequence[Sequence[NewOccurrence]],
    timeunit: Timeunit,
    config_ids: Mapping[bytes, int],
) -> list[list[Recorded]]:
    """Insert all occurrences of the reports and return what each produced, report by report.

    ``timeunit`` is the unit of time that ``Recorded.bucket`` counts in, ``config_ids`` are those of
    the channels that the occurrences name, by their digests.
    """
    occurrences = [occurrence for report in reports for occurrence in report]
    dictionary_id, payloads = codec.compress([each.payload for each in occurrences])
    places = [_place_of(each, timeunit) for each in occurrences]
    found = _find(connection, places)
    _insert_missing(connection, occurrences, found)
    recorded: list[Recorded] = []
    rows: list[tuple[object, ...]] = []
    minutes: Counter[tuple[int, int]] = Counter()
    for each, place, payload in zip(occurrences, places, payloads, strict=True):
        state = found.errors[each.project, each.group_key]
        regression, muted = state.add(each.received_ms)
        error_id = state.id
        found.ordinals[error_id, place.second] += 1
        found.buckets[error_id, place.first_minute] += 1
        minutes[error_id, each.timestamp_ms // MINUTE_MS] += 1
        ordinal = found.ordinals[error_id, place.second]
        bucket = found.buckets[error_id, place.first_minute]
        rows.append(
            (
                error_id,
                place.second,
                ordinal,
                each.timestamp_ms,
                each.received_ms,
                state.count,
                bucket,
                int(regression),
                int(muted),
                dictionary_id,
                payload,
                _join_ids(each, config_ids) if each.channels else None,
            )
        )
        address = reversed_unixtime(place.second, ordinal)
        recorded.append(Recorded(error_id, address, state.count, bucket, regression, muted))
    _insert_occurrences(connection, rows)
    _update_timeline(connection, minutes)
    _update_rollups(connection, minutes, found)
    _update_errors(connection, found.errors.values())
    _insert_addresses(connection, occurrences, found)
    return _split(recorded, reports)


def _place_of(occurrence: NewOccurrence, timeunit: Timeunit) -> _Place:
    minute = occurrence.timestamp_ms // MINUTE_MS
    first_minute, end_minute = _unit_minutes(minute, timeunit)
    second = occurrence.timestamp_ms // 1000
    return _Place(occurrence.project, occurrence.group_key, second, first_minute, end_minute)


@lru_cache(1024)
def _unit_minutes(minute: int, timeunit: Timeunit) -> tuple[int, int]:
    start_ms, end_ms = bucket_bounds_ms(minute * MINUTE_MS, timeunit)
    return start_ms // MINUTE_MS, end_ms // MINUTE_MS


def _join_ids(occurrence: NewOccurrence, config_ids: Mapping[bytes, int]) -> str:
    ids = dict.fromkeys(config_ids[each.digest] for each in occurrence.channels)
    return msgspec.json.encode(list(ids)).decode()


def _find(connection: sqlite3.Connection, places: Sequence[_Place]) -> _Found:
    """Return the errors that are there, with what they hold in these seconds and units."""
    distinct = list(set(places))
    select = """
        WITH place (project, group_key, second, first_minute, end_minute) AS (VALUES {rows})
        SELECT json_group_array(json_array(
            project.name, hex(error.group_key), place.second, place.first_minute,
            (
                SELECT max(ordinal) FROM occurrence
                WHERE error_id = error.id AND second = place.second
            ),
            (
                SELECT sum(timeline.count) FROM timeline WHERE error_id = error.id
                AND minute >= place.first_minute AND minute < place.end_minute
            ),
            error.id, project.id, error.count, error.status,
            error.muted, error.muted_until_ms, error.muted_until_count, error.last_updated_ms,
            error.open_minute, error.open_count, project.open_minute, project.open_count
        ))
        FROM place
        JOIN project ON project.name = place.project
        JOIN error ON error.project_id = project.id AND error.group_key = place.group_key
        """
    found = _Found({}, {}, Counter(), Counter())
    for row in read_rows(connection, select, distinct):
        project, key, second, first_minute, ordinal, bucket, error_id, project_id, *rest = row
        *state, hour, hour_count, minute, minute_count = rest
        state.append(OpenUnit(hour, hour_count))
        found.errors[project, bytes.fromhex(key)] = _ErrorState(error_id, project_id, *state)
        found.projects[project_id] = OpenUnit(minute, minute_count)
        found.ordinals[error_id, second] = ordinal or 0
        found.buckets[error_id, first_minute] = bucket or 0
    return found


def _insert_missing(
    connection: sqlite3.Connection, occurrences: Sequence[NewOccurrence], found: _Found
) -> None:
    """Insert the projects and errors that are seen for the first time, with nothing counted."""
    for each in occurrences:
        if (each.project, each.group_key) in found.errors:
            continue
        project_id = _ensure_project(connection, each, found)
        error_id = connection.execute(
            """
            INSERT INTO error (
                project_id, group_key, message, pattern, type,
                first_seen_ms, last_seen_ms, last_updated_ms, count, kept
            ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0)
            """,
            (
                project_id,
                each.group_key,
                each.message,
                each.pattern,
                each.type,
                each.received_ms,
                each.received_ms,
                each.received_ms,
            ),
        ).lastrowid
        assert error_id is not None  # noqa: S101 - an INSERT has one
        found.errors[each.project, each.group_key] = _ErrorState(
            error_id, project_id, 0, "unresolved", 0, None, None, each.received_ms, OpenUnit()
        )


def _ensure_project(
    connection: sqlite3.Connection, occurrence: NewOccurrence, found: _Found
) -> int:
    connection.execute(
        "INSERT INTO project (name, created_ms) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (occurrence.project, occurrence.received_ms),
    )
    select = "SELECT id, open_minute, open_count FROM project WHERE name = ?"
    project_id, *open_unit = connection.execute(select, (occurrence.project,)).fetchone()
    found.projects.setdefault(project_id, OpenUnit(*open_unit))
    return int(project_id)


def _insert_occurrences(connection: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> None:
    write_rows(
        connection,
        """
        INSERT INTO occurrence (
            error_id, second, ordinal, timestamp_ms, received_ms,
            count, bucket, regression, muted, dictionary_id, payload, config_ids
        ) VALUES {rows}
        """,
        rows,
    )


def _update_timeline(connection: sqlite3.Connection, minutes: Counter[tuple[int, int]]) -> None:
    write_rows(
        connection,
        """
        INSERT INTO timeline (error_id, minute, count) VALUES {rows}
        ON CONFLICT (error_id, minute) DO UPDATE SET count = count + excluded.count
        """,
        [(*place, count) for place, count in minutes.items()],
    )


def _update_rollups(
    connection: sqlite3.Connection, minutes: Counter[tuple[int, int]], found: _Found
) -> None:
    states = {state.id: state for state in found.errors.values()}
    changes = RollupChanges()
    for (error_id, minute), count in minutes.items():
        state = states[error_id]
        if closed := state.hour.add(minute - minute % HOUR_MINUTES, count):
            changes.add_to_error(error_id, *closed)
        if closed := found.projects[state.project_id].add(minute, count):
            changes.add_to_project(state.project_id, *closed)
    changes.write(connection)
    write_rows(
        connection,
        """
        UPDATE project SET open_minute = new.column2, open_count = new.column3
        FROM (VALUES {rows}) AS new WHERE project.id = new.column1
        """,
        [(project_id, unit.minute, unit.count) for project_id, unit in found.projects.items()],
    )


def _update_errors(connection: sqlite3.Connection, states: Iterable[_ErrorState]) -> None:
    write_rows(
        connection,
        """
        UPDATE error SET
            count = new.column2, kept = kept + new.column3, status = new.column4,
            last_seen_ms = new.column5, last_updated_ms = new.column5,
            muted = new.column6, muted_until_ms = new.column7, muted_until_count = new.column8,
            open_minute = new.column9, open_count = new.column10
        FROM (VALUES {rows}) AS new WHERE error.id = new.column1
        """,
        [
            (
                state.id,
                state.count,
                state.added,
                state.status,
                state.last_updated_ms,
                state.muted,
                state.muted_until_ms,
                state.muted_until_count,
                state.hour.minute,
                state.hour.count,
            )
            for state in states
        ],
    )


def _insert_addresses(
    connection: sqlite3.Connection, occurrences: Sequence[NewOccurrence], found: _Found
) -> None:
    addresses = {
        (each.project, each.group_key, address_key)
        for each in occurrences
        for address_key in each.address_keys
    }
    for project, group_key, address_key in addresses:
        state = found.errors[project, group_key]
        connection.execute(
            """
            INSERT OR IGNORE INTO address (project_id, address_key, error_id)
            SELECT ?, ?, ? WHERE (SELECT count(*) FROM address WHERE error_id = ?) < ?
            """,
            (state.project_id, address_key, state.id, state.id, MAX_ADDRESSES),
        )


def _split(
    recorded: Sequence[Recorded], reports: Sequence[Sequence[NewOccurrence]]
) -> list[list[Recorded]]:
    parts, start = [], 0
    for report in reports:
        parts.append(list(recorded[start : start + len(report)]))
        start += len(report)
    return parts
