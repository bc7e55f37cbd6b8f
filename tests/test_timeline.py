"""Time series as they are read: units, spans, many owners at once, and what they cost."""

import sqlite3

import pytest

from faultline_lite.models import Bucket
from faultline_lite.store.errors import delete_error
from faultline_lite.store.projects import delete_project, get_project_id
from faultline_lite.store.retention import erase_errors
from faultline_lite.store.surplus import list_deleted_errors
from faultline_lite.store.timeline import (
    fill_buckets,
    list_error_buckets,
    list_project_buckets,
    list_total_buckets,
)
from faultline_lite.timekeys import DAY_MS, MINUTE_MS, Span, Timeunit, parse_time, span_around
from tests.stores import NOW_MS, record_at

HOUR = 60
DAY = 24 * HOUR


def span(timeunit: Timeunit, days: float = 400) -> Span:
    reach_ms = round(days * DAY_MS)
    return span_around(NOW_MS - reach_ms, NOW_MS + reach_ms, timeunit)


def at(minute: int, count: int) -> Bucket:
    return Bucket(NOW_MS + minute * MINUTE_MS, count)


@pytest.mark.parametrize(
    ("timeunit", "expected"),
    [
        ("minute", [at(-1, 1), at(0, 2), at(1, 1), at(59, 1), at(60, 1), at(DAY, 1)]),
        ("hour", [at(-HOUR, 1), at(0, 4), at(HOUR, 1), at(DAY, 1)]),
        # NOW_MS is at 15:00.
        ("day", [at(-15 * HOUR, 6), at(9 * HOUR, 1)]),
    ],
)
def test_series_sums_up_each_unit(
    connection: sqlite3.Connection, timeunit: Timeunit, expected: list[Bucket]
) -> None:
    error_id = record_at(connection, -1, 0, 0, 1, 59, 60, DAY)

    project_id = get_project_id(connection, "web") or 0
    wide = span(timeunit)

    assert list_error_buckets(connection, [error_id], wide) == {error_id: expected}
    assert list_project_buckets(connection, [project_id], wide) == {project_id: expected}
    assert list_total_buckets(connection, wide) == expected


def test_months_and_years_are_those_of_the_calendar(connection: sqlite3.Connection) -> None:
    error_id = record_at(connection, 0, 26 * DAY, 60 * DAY)

    months = list_error_buckets(connection, [error_id], span("month"))
    years = list_error_buckets(connection, [error_id], span("year"))

    assert months == {
        error_id: [
            Bucket(parse_time("2016-12-01T00:00:00Z"), 1),
            Bucket(parse_time("2017-01-01T00:00:00Z"), 1),
            Bucket(parse_time("2017-02-01T00:00:00Z"), 1),
        ]
    }
    assert years == {
        error_id: [
            Bucket(parse_time("2016-01-01T00:00:00Z"), 1),
            Bucket(parse_time("2017-01-01T00:00:00Z"), 2),
        ]
    }


def test_bucket_outside_of_the_span_is_left_out(connection: sqlite3.Connection) -> None:
    error_id = record_at(connection, -1, 0, HOUR - 1, HOUR)
    one_hour = Span(NOW_MS, NOW_MS + HOUR * MINUTE_MS, "hour")

    assert list_error_buckets(connection, [error_id], one_hour) == {error_id: [at(0, 2)]}
    assert list_total_buckets(connection, one_hour) == [at(0, 2)]


def test_series_of_many_owners_come_at_once(connection: sqlite3.Connection) -> None:
    first = record_at(connection, 0, 1, message="first", project="web")
    second = record_at(connection, HOUR, message="second", project="web")
    third = record_at(connection, 0, message="third", project="app")
    web, app = (get_project_id(connection, name) or 0 for name in ("web", "app"))

    by_error = list_error_buckets(connection, [first, second, third, 999], span("hour"))
    by_project = list_project_buckets(connection, [web, app], span("hour"))

    assert by_error == {first: [at(0, 2)], second: [at(HOUR, 1)], third: [at(0, 1)], 999: []}
    assert by_project == {web: [at(0, 2), at(HOUR, 1)], app: [at(0, 1)]}


def test_deleted_project_has_no_series_from_that_moment(connection: sqlite3.Connection) -> None:
    record_at(connection, 0, project="web")
    project_id = get_project_id(connection, "web") or 0
    delete_project(connection, "web")

    assert list_project_buckets(connection, [project_id], span("hour")) == {project_id: []}


@pytest.mark.parametrize("timeunit", ["minute", "hour", "day"])
def test_what_is_deleted_counts_nowhere_from_that_moment(
    connection: sqlite3.Connection, timeunit: Timeunit
) -> None:
    """Before it is erased, in the middle of it, and after it."""
    minutes = (-2 * DAY, -HOUR, -HOUR, 0, 1)
    gone = record_at(connection, *minutes, message="gone")
    record_at(connection, -HOUR, 1, message="kept")
    record_at(connection, *minutes, message="gone", project="app")
    gone_too = record_at(connection, 0, message="gone too", project="app")
    project_id = get_project_id(connection, "web") or 0
    expected = list_error_buckets(connection, [2], span(timeunit))[2]

    delete_error(connection, gone)
    delete_error(connection, gone_too)
    delete_project(connection, "app")
    seen = []
    while True:
        of_project = list_project_buckets(connection, [project_id], span(timeunit))[project_id]
        seen.append((of_project, list_total_buckets(connection, span(timeunit))))
        ids = list_deleted_errors(connection, 10)
        if not ids:
            break
        erase_errors(connection, ids, 2)

    assert seen == [(expected, expected)] * len(seen)
    assert len(seen) > 5


def test_filling_adds_the_empty_buckets() -> None:
    four_hours = Span(NOW_MS, NOW_MS + 4 * HOUR * MINUTE_MS, "hour")

    filled = fill_buckets([at(HOUR, 3)], four_hours)

    assert filled == [at(0, 0), at(HOUR, 3), at(2 * HOUR, 0), at(3 * HOUR, 0)]


def test_year_of_an_error_costs_no_more_rows_than_it_has_days(
    connection: sqlite3.Connection,
) -> None:
    error_id = record_at(connection, *range(0, 300 * DAY, 6 * HOUR))

    (rolled_up,) = connection.execute(
        "SELECT count(*) FROM error_rollup WHERE error_id = ? AND unit = 1440", (error_id,)
    ).fetchone()
    year = list_error_buckets(connection, [error_id], span("day"))[error_id]

    assert rolled_up == 301
    assert sum(bucket.count for bucket in year) == 1200
