"""Time series: occurrences in each unit of time, of errors, of projects, of everything.

Minutes of an error are read from its timeline, all else from the roll-ups: a year costs as many
rows as it has days.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from faultline_lite.models import Bucket
from faultline_lite.store.rollups import ALL_PROJECTS, DAY_MINUTES, HOUR_MINUTES
from faultline_lite.timekeys import MINUTE_MS, Span, Timeunit, bucket_bounds_ms

#: The minutes of the rows that each unit of time is summed up from.
_ROW_MINUTES: dict[Timeunit, int] = {
    "minute": 1,
    "hour": HOUR_MINUTES,
    "day": DAY_MINUTES,
    "month": DAY_MINUTES,
    "year": DAY_MINUTES,
}

_ERROR_MINUTES = """
    SELECT error_id, minute, count FROM timeline
    WHERE error_id IN (SELECT value FROM json_each(:ids)) AND minute BETWEEN :first AND :last
    """
#: What is open has not been rolled up yet.
_ERROR_ROLLUPS = """
    SELECT error_id, minute, count FROM error_rollup
    WHERE error_id IN (SELECT value FROM json_each(:ids)) AND unit = :unit
    AND minute BETWEEN :first AND :last
    UNION ALL
    SELECT id, open_minute, open_count FROM error
    WHERE id IN (SELECT value FROM json_each(:ids)) AND open_count > 0
    AND open_minute BETWEEN :first AND :last
    """
_PROJECT_ROLLUPS = """
    SELECT project.id, project_rollup.minute, project_rollup.count
    FROM project JOIN project_rollup ON project_id = project.id
    WHERE name IS NOT NULL AND project.id IN (SELECT value FROM json_each(:ids)) AND unit = :unit
    AND minute BETWEEN :first AND :last
    UNION ALL
    SELECT id, open_minute, open_count FROM project
    WHERE name IS NOT NULL AND id IN (SELECT value FROM json_each(:ids)) AND open_count > 0
    AND open_minute BETWEEN :first AND :last
    """
_TOTAL_ROLLUPS = f"""
    SELECT {ALL_PROJECTS}, minute, count FROM project_rollup
    WHERE project_id = {ALL_PROJECTS} AND unit = :unit AND minute BETWEEN :first AND :last
    UNION ALL
    SELECT {ALL_PROJECTS}, open_minute, open_count FROM project
    WHERE open_count > 0 AND open_minute BETWEEN :first AND :last
    AND name IS NOT NULL
    UNION ALL
    SELECT {ALL_PROJECTS}, project_rollup.minute, -project_rollup.count
    FROM project JOIN project_rollup ON project_id = project.id
    WHERE name IS NULL AND unit = :unit AND minute BETWEEN :first AND :last
    """
#: Deleted errors, which the roll-ups of their project count until they are erased. Seldom are there
#: any, and few: they are taken off where they are read, so that deleting stays one short write.
_DELETED = "FROM error CROSS JOIN project ON project.id = counted_in AND name IS NOT NULL"
_DELETED_MINUTES = f"""
    SELECT {{owner}}, timeline.minute, -sum(timeline.count)
    {_DELETED} CROSS JOIN timeline ON timeline.error_id = error.id
    WHERE {{errors}} AND timeline.minute BETWEEN :first AND :last GROUP BY 1, 2
    """
_DELETED_ROLLUPS = f"""
    SELECT {{owner}}, error_rollup.minute, -sum(error_rollup.count)
    {_DELETED} CROSS JOIN error_rollup ON error_rollup.error_id = error.id
    WHERE {{errors}} AND unit = :unit AND error_rollup.minute BETWEEN :first AND :last
    GROUP BY 1, 2
    UNION ALL
    SELECT {{owner}}, error.open_minute, -sum(error.open_count) {_DELETED}
    WHERE {{errors}} AND error.open_minute BETWEEN :first AND :last GROUP BY 1, 2
    """


def list_error_buckets(
    connection: sqlite3.Connection, error_ids: Sequence[int], span: Span
) -> dict[int, list[Bucket]]:
    """Return for each of the errors its buckets in the span that hold something, oldest first."""
    query = _ERROR_MINUTES if span.timeunit == "minute" else _ERROR_ROLLUPS
    found = _read(connection, query, error_ids, span)
    return {error_id: found.get(error_id, []) for error_id in error_ids}


def list_project_buckets(
    connection: sqlite3.Connection, project_ids: Sequence[int], span: Span
) -> dict[int, list[Bucket]]:
    """Return for each of the projects its buckets in the span that hold something, oldest first."""
    deleted = _deleted(span, "counted_in", "counted_in IN (SELECT value FROM json_each(:ids))")
    found = _read(connection, f"{_PROJECT_ROLLUPS} UNION ALL {deleted}", project_ids, span)
    return {project_id: found.get(project_id, []) for project_id in project_ids}


def list_total_buckets(connection: sqlite3.Connection, span: Span) -> list[Bucket]:
    """Return the buckets of all projects together that hold something, oldest first."""
    deleted = _deleted(span, str(ALL_PROJECTS), "counted_in IS NOT NULL")
    query = f"{_TOTAL_ROLLUPS} UNION ALL {deleted}"
    return _read(connection, query, (), span).get(ALL_PROJECTS, [])


def get_first_ms(connection: sqlite3.Connection, error_id: int) -> int | None:
    """Return the epoch milliseconds of the error's first minute, None where nothing is counted."""
    (minute,) = connection.execute(
        "SELECT min(minute) FROM timeline WHERE error_id = ?", (error_id,)
    ).fetchone()
    return None if minute is None else int(minute) * MINUTE_MS


def fill_buckets(buckets: Iterable[Bucket], span: Span) -> list[Bucket]:
    """Return every bucket of the span, those that hold nothing too."""
    counts = {bucket.start_ms: bucket.count for bucket in buckets}
    return [Bucket(start_ms, counts.get(start_ms, 0)) for start_ms in span.starts()]


def _deleted(span: Span, owner: str, errors: str) -> str:
    """Return a query for what deleted errors are counted with, less than nothing each."""
    template = _DELETED_MINUTES if span.timeunit == "minute" else _DELETED_ROLLUPS
    return template.format(owner=owner, errors=errors)


def _read(
    connection: sqlite3.Connection, query: str, ids: Sequence[int], span: Span
) -> dict[int, list[Bucket]]:
    rows = connection.execute(
        query,
        {
            "ids": msgspec.json.encode(ids).decode(),
            "unit": _ROW_MINUTES[span.timeunit],
            "first": span.start_ms // MINUTE_MS,
            "last": span.end_ms // MINUTE_MS - 1,
        },
    )
    counts: defaultdict[int, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
    # The calendar is asked once for a minute, however many errors have it.
    starts: dict[int, int] = {}
    for owner_id, minute, count in rows:
        start_ms = starts.get(minute)
        if start_ms is None:
            start_ms = starts[minute] = bucket_bounds_ms(minute * MINUTE_MS, span.timeunit)[0]
        counts[owner_id][start_ms] += count
    return {
        owner_id: [Bucket(start_ms, count) for start_ms, count in sorted(series.items()) if count]
        for owner_id, series in counts.items()
    }
