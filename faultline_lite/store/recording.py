"""Store reports: occurrences, their errors' counters and their timeline, in one go.

It runs inside the writer's transaction over all the reports that waited, with a handful of
statements whatever their number. The counters that it returns are those that each occurrence
produced, in the order of the reports.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from faultline_lite.models import NewOccurrence, Recorded
from faultline_lite.store.statements import execute_rows, write_rows
from faultline_lite.timekeys import Timeunit, bucket_bounds_ms, reversed_unixtime

MINUTE_MS = 60_000
#: Messages that one error may be addressed by beside its own; bounds what a client can make grow.
MAX_ADDRESSES = 1000

ErrorKey = tuple[int, bytes]


class _ErrorState(msgspec.Struct):
    """The counters of an error while a group of reports is applied to it."""

    id: int
    count: int
    status: str
    muted: int
    muted_until_ms: int | None
    muted_until_count: int | None
    last_updated_ms: int
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


def record_reports(
    connection: sqlite3.Connection,
    reports: Sequence[Sequence[NewOccurrence]],
    timeunit: Timeunit,
) -> list[list[Recorded]]:
    """Insert all occurrences of the reports and return what each produced, report by report.

    ``timeunit`` is the unit of time that ``Recorded.bucket`` counts in.
    """
    occurrences = [occurrence for report in reports for occurrence in report]
    project_ids = _ensure_projects(connection, occurrences)
    keys = [(project_ids[each.project], each.group_key) for each in occurrences]
    states = _ensure_errors(connection, keys, occurrences)
    error_ids = [states[key].id for key in keys]
    ordinals = _next_ordinals(connection, error_ids, occurrences)
    buckets = _count_in_timeline(connection, error_ids, occurrences, timeunit)
    recorded: list[Recorded] = []
    rows: list[tuple[object, ...]] = []
    for each, key, ordinal, bucket in zip(occurrences, keys, ordinals, buckets, strict=True):
        state = states[key]
        regression, muted = state.add(each.received_ms)
        second = each.timestamp_ms // 1000
        rows.append(
            (
                state.id,
                second,
                ordinal,
                each.timestamp_ms,
                each.received_ms,
                state.count,
                bucket,
                int(regression),
                int(muted),
                each.dictionary_id,
                each.payload,
            )
        )
        identifier = reversed_unixtime(second, ordinal)
        recorded.append(Recorded(state.id, identifier, state.count, bucket, regression, muted))
    write_rows(
        connection,
        """
        INSERT INTO occurrence (
            error_id, second, ordinal, timestamp_ms, received_ms,
            count, bucket, regression, muted, dictionary_id, payload
        ) VALUES {rows}
        """,
        rows,
    )
    _update_errors(connection, states.values())
    _insert_addresses(connection, keys, error_ids, occurrences)
    return _split(recorded, reports)


def _ensure_projects(
    connection: sqlite3.Connection, occurrences: Sequence[NewOccurrence]
) -> dict[str, int]:
    wanted = {each.project: each.received_ms for each in occurrences}
    rows = [(name,) for name in wanted]
    select = "SELECT name, id FROM project WHERE name IN (VALUES {rows})"
    ids: dict[str, int] = dict(execute_rows(connection, select, rows))
    missing = [(name, created_ms) for name, created_ms in wanted.items() if name not in ids]
    insert = "INSERT INTO project (name, created_ms) VALUES {rows} RETURNING name, id"
    ids.update(execute_rows(connection, insert, missing))
    return ids


def _ensure_errors(
    connection: sqlite3.Connection,
    keys: Sequence[ErrorKey],
    occurrences: Sequence[NewOccurrence],
) -> dict[ErrorKey, _ErrorState]:
    firsts: dict[ErrorKey, NewOccurrence] = {}
    for key, each in zip(keys, occurrences, strict=True):
        firsts.setdefault(key, each)
    select = """
        SELECT project_id, group_key, id, count, status,
            muted, muted_until_ms, muted_until_count, last_updated_ms
        FROM error WHERE (project_id, group_key) IN (VALUES {rows})
        """
    states = {
        (project_id, group_key): _ErrorState(*rest)
        for project_id, group_key, *rest in execute_rows(connection, select, list(firsts))
    }
    new = [
        (*key, each.message, each.pattern, each.type, *(each.received_ms,) * 3)
        for key, each in firsts.items()
        if key not in states
    ]
    insert = """
        INSERT INTO error (
            project_id, group_key, message, pattern, type,
            first_seen_ms, last_seen_ms, last_updated_ms, count, kept
        ) SELECT *, 0, 0 FROM (VALUES {rows}) WHERE true
        RETURNING project_id, group_key, id, last_updated_ms
        """
    for project_id, group_key, error_id, updated_ms in execute_rows(connection, insert, new):
        states[project_id, group_key] = _ErrorState(
            error_id, 0, "unresolved", 0, None, None, updated_ms
        )
    return states


def _next_ordinals(
    connection: sqlite3.Connection,
    error_ids: Sequence[int],
    occurrences: Sequence[NewOccurrence],
) -> list[int]:
    """Return the number of each occurrence among those of its error and second, from 1."""
    places = [
        (error_id, each.timestamp_ms // 1000)
        for error_id, each in zip(error_ids, occurrences, strict=True)
    ]
    select = """
        SELECT place.column1, place.column2, (
            SELECT max(ordinal) FROM occurrence
            WHERE error_id = place.column1 AND second = place.column2
        )
        FROM (VALUES {rows}) AS place
        """
    last = {
        (error_id, second): ordinal or 0
        for error_id, second, ordinal in execute_rows(connection, select, list(set(places)))
    }
    ordinals = []
    for place in places:
        last[place] += 1
        ordinals.append(last[place])
    return ordinals


def _count_in_timeline(
    connection: sqlite3.Connection,
    error_ids: Sequence[int],
    occurrences: Sequence[NewOccurrence],
    timeunit: Timeunit,
) -> list[int]:
    """Add the occurrences to the timeline; return how many each makes in its unit of time."""
    minutes = [
        (error_id, each.timestamp_ms // MINUTE_MS)
        for error_id, each in zip(error_ids, occurrences, strict=True)
    ]
    upsert = """
        INSERT INTO timeline (error_id, minute, count) VALUES {rows}
        ON CONFLICT (error_id, minute) DO UPDATE SET count = count + excluded.count
        RETURNING error_id, minute, count
        """
    added = [(*place, count) for place, count in Counter(minutes).items()]
    totals = {
        (error_id, minute): count
        for error_id, minute, count in execute_rows(connection, upsert, added)
    }
    places = minutes
    if timeunit != "minute":
        places = [
            (error_id, bucket_bounds_ms(minute * MINUTE_MS, timeunit)[0] // MINUTE_MS)
            for error_id, minute in minutes
        ]
        totals = {place: _sum_unit(connection, *place, timeunit) for place in set(places)}
    buckets = []
    # Backwards from the totals, which count this group's occurrences already.
    for place in reversed(places):
        buckets.append(totals[place])
        totals[place] -= 1
    buckets.reverse()
    return buckets


def _sum_unit(
    connection: sqlite3.Connection, error_id: int, first_minute: int, timeunit: Timeunit
) -> int:
    _, end_ms = bucket_bounds_ms(first_minute * MINUTE_MS, timeunit)
    (total,) = connection.execute(
        "SELECT sum(count) FROM timeline WHERE error_id = ? AND minute >= ? AND minute < ?",
        (error_id, first_minute, end_ms // MINUTE_MS),
    ).fetchone()
    return int(total)


def _update_errors(connection: sqlite3.Connection, states: Iterable[_ErrorState]) -> None:
    write_rows(
        connection,
        """
        UPDATE error SET
            count = new.column2, kept = kept + new.column3, status = new.column4,
            last_seen_ms = new.column5, last_updated_ms = new.column5,
            muted = new.column6, muted_until_ms = new.column7, muted_until_count = new.column8
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
            )
            for state in states
        ],
    )


def _insert_addresses(
    connection: sqlite3.Connection,
    keys: Sequence[ErrorKey],
    error_ids: Sequence[int],
    occurrences: Sequence[NewOccurrence],
) -> None:
    rows = {
        (project_id, address_key, error_id)
        for (project_id, _), error_id, each in zip(keys, error_ids, occurrences, strict=True)
        for address_key in each.address_keys
    }
    for project_id, address_key, error_id in rows:
        connection.execute(
            """
            INSERT OR IGNORE INTO address (project_id, address_key, error_id)
            SELECT ?, ?, ? WHERE (SELECT count(*) FROM address WHERE error_id = ?) < ?
            """,
            (project_id, address_key, error_id, error_id, MAX_ADDRESSES),
        )


def _split(
    recorded: Sequence[Recorded], reports: Sequence[Sequence[NewOccurrence]]
) -> list[list[Recorded]]:
    parts, start = [], 0
    for report in reports:
        parts.append(list(recorded[start : start + len(report)]))
        start += len(report)
    return parts
