"""Store reports: occurrences, their errors' counters and their timeline, in one go.

It runs inside the writer's transaction over all the reports that waited: what is there already is
remembered or read, the numbers are counted on in Python, and one statement for each table writes
them back. The counters that it returns are those that each occurrence produced, in the order of
the reports.
"""

import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

import msgspec

from faultline_lite.models import NewOccurrence, Recorded
from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.store.counted_errors import MAX_ERRORS, CountedError, CountedErrors, Place
from faultline_lite.store.rollups import HOUR_MINUTES, OpenUnit, RollupChanges
from faultline_lite.store.statements import write_rows
from faultline_lite.timekeys import MINUTE_MS, Timeunit, bucket_bounds_ms, reversed_unixtime

#: Messages that one error may be addressed by beside its own; bounds what a client can make grow.
MAX_ADDRESSES = 1000


class Recorder:
    """Stores reports, and remembers up to some ``max_known`` errors that it counted.

    ``timeunit`` is the unit of time that ``Recorded.bucket`` counts in. A recorder must ``forget``
    when others have written, or when what it wrote is undone.
    """

    def __init__(
        self, codec: PayloadCodec, timeunit: Timeunit, max_known: int = MAX_ERRORS
    ) -> None:
        self._codec = codec
        self._timeunit = timeunit
        self._known = CountedErrors(lambda minute: _unit_minutes(minute, timeunit)[0], max_known)

    def forget(self) -> None:
        """Read everything anew from here on."""
        self._known.forget()

    def record(
        self,
        connection: sqlite3.Connection,
        reports: Sequence[Sequence[NewOccurrence]],
        config_ids: Mapping[bytes, int],
    ) -> list[list[Recorded]]:
        """Insert all occurrences of the reports and return what each produced, report by report.

        ``config_ids`` are those of the channels that the occurrences name, by their digests.
        """
        occurrences = [occurrence for report in reports for occurrence in report]
        dictionary_id, payloads = self._codec.compress([each.payload for each in occurrences])
        places = [_place_of(each, self._timeunit) for each in occurrences]
        known = self._known
        known.recall(connection, places)
        _insert_missing(connection, occurrences, known)
        recorded: list[Recorded] = []
        rows: list[tuple[object, ...]] = []
        minutes: Counter[tuple[int, int]] = Counter()
        counted: dict[int, CountedError] = {}
        for each, place, payload in zip(occurrences, places, payloads, strict=True):
            error = known.errors[each.project, each.group_key]
            counted[error.id] = error
            regression, muted = error.add(each.received_ms)
            ordinal = error.add_in_second(place.second)
            bucket = error.add_in_unit(place.first_minute)
            minutes[error.id, each.timestamp_ms // MINUTE_MS] += 1
            rows.append(
                (
                    error.id,
                    place.second,
                    ordinal,
                    each.timestamp_ms,
                    each.received_ms,
                    error.count,
                    bucket,
                    int(regression),
                    int(muted),
                    dictionary_id,
                    payload,
                    _join_ids(each, config_ids) if each.channels else None,
                )
            )
            address = reversed_unixtime(place.second, ordinal)
            recorded.append(Recorded(error.id, address, error.count, bucket, regression, muted))
        _insert_occurrences(connection, rows)
        _update_timeline(connection, minutes)
        _update_rollups(connection, minutes, counted, known)
        _update_errors(connection, counted.values())
        _insert_addresses(connection, occurrences, known)
        return _split(recorded, reports)


def _place_of(occurrence: NewOccurrence, timeunit: Timeunit) -> Place:
    minute = occurrence.timestamp_ms // MINUTE_MS
    first_minute, end_minute = _unit_minutes(minute, timeunit)
    second = occurrence.timestamp_ms // 1000
    return Place(occurrence.project, occurrence.group_key, second, first_minute, end_minute)


@lru_cache(1024)
def _unit_minutes(minute: int, timeunit: Timeunit) -> tuple[int, int]:
    start_ms, end_ms = bucket_bounds_ms(minute * MINUTE_MS, timeunit)
    return start_ms // MINUTE_MS, end_ms // MINUTE_MS


def _join_ids(occurrence: NewOccurrence, config_ids: Mapping[bytes, int]) -> str:
    ids = dict.fromkeys(config_ids[each.digest] for each in occurrence.channels)
    return msgspec.json.encode(list(ids)).decode()


def _insert_missing(
    connection: sqlite3.Connection, occurrences: Sequence[NewOccurrence], known: CountedErrors
) -> None:
    """Insert the projects and errors that are seen for the first time, with nothing counted."""
    for each in occurrences:
        if (each.project, each.group_key) in known.errors:
            continue
        project_id = _ensure_project(connection, each, known)
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
        known.errors[each.project, each.group_key] = CountedError(
            error_id, project_id, OpenUnit(), 0, "unresolved", 0, None, None, each.received_ms
        )


def _ensure_project(
    connection: sqlite3.Connection, occurrence: NewOccurrence, known: CountedErrors
) -> int:
    connection.execute(
        "INSERT INTO project (name, created_ms) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (occurrence.project, occurrence.received_ms),
    )
    select = "SELECT id, open_minute, open_count FROM project WHERE name = ?"
    project_id, *open_unit = connection.execute(select, (occurrence.project,)).fetchone()
    known.projects.setdefault(project_id, OpenUnit(*open_unit))
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
    connection: sqlite3.Connection,
    minutes: Counter[tuple[int, int]],
    counted: Mapping[int, CountedError],
    known: CountedErrors,
) -> None:
    projects: dict[int, OpenUnit] = {}
    changes = RollupChanges()
    for (error_id, minute), count in minutes.items():
        error = counted[error_id]
        if closed := error.hour.add(minute - minute % HOUR_MINUTES, count):
            changes.add_to_error(error_id, *closed)
        open_unit = projects[error.project_id] = known.projects[error.project_id]
        if closed := open_unit.add(minute, count):
            changes.add_to_project(error.project_id, *closed)
    changes.write(connection)
    write_rows(
        connection,
        """
        UPDATE project SET open_minute = new.column2, open_count = new.column3
        FROM (VALUES {rows}) AS new WHERE project.id = new.column1
        """,
        [(project_id, unit.minute, unit.count) for project_id, unit in projects.items()],
    )


def _update_errors(connection: sqlite3.Connection, errors: Collection[CountedError]) -> None:
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
                error.id,
                error.count,
                error.added,
                error.status,
                error.last_updated_ms,
                error.muted,
                error.muted_until_ms,
                error.muted_until_count,
                error.hour.minute,
                error.hour.count,
            )
            for error in errors
        ],
    )
    for error in errors:
        error.end()


def _insert_addresses(
    connection: sqlite3.Connection, occurrences: Sequence[NewOccurrence], known: CountedErrors
) -> None:
    addresses = {
        (each.project, each.group_key, address_key)
        for each in occurrences
        for address_key in each.address_keys
    }
    for project, group_key, address_key in addresses:
        error = known.errors[project, group_key]
        # Nearly all are there already; to count them takes as long as the error has many.
        connection.execute(
            """
            INSERT INTO address (project_id, address_key, error_id)
            SELECT ?1, ?2, ?3 WHERE NOT EXISTS (
                SELECT 1 FROM address WHERE (project_id, address_key, error_id) = (?1, ?2, ?3)
            ) AND (SELECT count(*) FROM address WHERE error_id = ?3) < ?4
            """,
            (error.project_id, address_key, error.id, MAX_ADDRESSES),
        )


def _split(
    recorded: Sequence[Recorded], reports: Sequence[Sequence[NewOccurrence]]
) -> list[list[Recorded]]:
    parts, start = [], 0
    for report in reports:
        parts.append(list(recorded[start : start + len(report)]))
        start += len(report)
    return parts
