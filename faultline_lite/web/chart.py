"""The time series of an error as its chart wants it: buckets that suit the range, and marks."""

import sqlite3
from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec

from faultline_lite.models import Error
from faultline_lite.store.census import list_versions
from faultline_lite.store.delivery_history import list_delivery_times
from faultline_lite.store.occurrences import list_regressions
from faultline_lite.store.timeline import fill_buckets, get_first_ms, list_error_buckets
from faultline_lite.timekeys import DAY_MS, HOUR_MS, MINUTE_MS, Span, Timeunit, span_around
from faultline_lite.web.formatting import visible

#: Ranges to choose from, by their names in an address; "all" is everything there is.
RANGES_MS = {
    "1h": HOUR_MS,
    "24h": 24 * HOUR_MS,
    "7d": 7 * DAY_MS,
    "30d": 30 * DAY_MS,
    "90d": 90 * DAY_MS,
}
MAX_MARKS = 30
#: What a client dates earlier is not worth a chart of its own.
MAX_RANGE_MS = 20 * 366 * DAY_MS


class Mark(msgspec.Struct, frozen=True):
    """Something that happened to the error, in epoch milliseconds; ``name`` says which one."""

    kind: Literal["first", "regression", "version", "notification"]
    at: int
    name: str = ""


class Chart(msgspec.Struct, frozen=True):
    """A range of the time series, as the page's script takes it.

    ``start`` and ``end`` are epoch milliseconds, ``starts`` of the bars epoch seconds; a bar is
    ``units`` times ``unit`` wide.
    """

    start: int
    end: int
    unit: Timeunit
    units: int
    starts: list[int]
    counts: list[int]
    marks: list[Mark]


class Step(NamedTuple):
    """How finely a range is shown: so many units of time a bar, up to ``most_ms`` of range."""

    most_ms: int
    timeunit: Timeunit
    units: int


#: Each gives some 60 to 400 bars, which a chart can tell apart.
_STEPS = (
    Step(3 * HOUR_MS, "minute", 1),
    Step(16 * HOUR_MS, "minute", 5),
    Step(3 * DAY_MS, "minute", 15),
    Step(14 * DAY_MS, "hour", 1),
    Step(60 * DAY_MS, "hour", 6),
    Step(400 * DAY_MS, "day", 1),
    Step(2800 * DAY_MS, "day", 7),
)
_COARSEST = Step(0, "month", 1)
_UNIT_MS: dict[Timeunit, int] = {"minute": MINUTE_MS, "hour": HOUR_MS, "day": DAY_MS}


def choose_step(range_ms: int) -> Step:
    """Return how finely so long a range is shown."""
    return next((step for step in _STEPS if range_ms <= step.most_ms), _COARSEST)


def read_chart(
    connection: sqlite3.Connection, error: Error, start_ms: int | None, end_ms: int
) -> Chart:
    """Return the chart of a range; without a start it begins with the first occurrence."""
    first_ms = get_first_ms(connection, error.id) or error.first_seen_ms
    if start_ms is None:
        # A little before, so that the first bar does not stand on the edge.
        start_ms = first_ms - HOUR_MS
    start_ms = max(min(start_ms, end_ms - MINUTE_MS), end_ms - MAX_RANGE_MS)
    step = choose_step(end_ms - start_ms)
    bars = _read_bars(connection, error.id, span_around(start_ms, end_ms, step.timeunit), step)
    marks = [
        mark for mark in _list_marks(connection, error, first_ms) if start_ms <= mark.at <= end_ms
    ]
    return Chart(
        start=start_ms,
        end=end_ms,
        unit=step.timeunit,
        units=step.units,
        starts=[each // 1000 for each in bars],
        counts=list(bars.values()),
        marks=sorted(marks, key=lambda mark: mark.at),
    )


def _read_bars(
    connection: sqlite3.Connection, error_id: int, span: Span, step: Step
) -> dict[int, int]:
    """Return what each bar counts, by its beginning in epoch milliseconds, in order."""
    buckets = fill_buckets(list_error_buckets(connection, [error_id], span)[error_id], span)
    bar_ms = _UNIT_MS.get(step.timeunit, 0) * step.units
    bars: dict[int, int] = {}
    for bucket in buckets:
        start_ms = bucket.start_ms - bucket.start_ms % bar_ms if bar_ms else bucket.start_ms
        bars[start_ms] = bars.get(start_ms, 0) + bucket.count
    return bars


def _list_marks(connection: sqlite3.Connection, error: Error, first_ms: int) -> Iterator[Mark]:
    """Yield what happened to the error, of each kind the latest."""
    yield Mark("first", first_ms)
    for timestamp_ms in list_regressions(connection, error.id, MAX_MARKS):
        yield Mark("regression", timestamp_ms)
    for version in list_versions(connection, error.id)[:MAX_MARKS]:
        yield Mark("version", version.first_ms, visible(version.version))
    for created_ms, label, _ in list_delivery_times(connection, error.id, MAX_MARKS):
        yield Mark("notification", created_ms, visible(label))
