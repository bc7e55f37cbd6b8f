from typing import Any

import httpx
import pytest

from faultline_lite.timekeys import DAY_MS
from faultline_lite.web.chart import RANGES_MS, choose_step
from tests.fakes import FakeClock
from tests.reports import error_path, make_entry
from tests.servers import RunningServer, wait_until
from tests.web.visiting import Site

MESSAGE = "Undefined index: faultline"
#: When FakeClock begins: 2016-12-06T15:00:00Z.
NOW_MS = 1_481_036_400_000
MAX_BARS = 420


def _report(site: Site, *timestamps: str, version: str = "1") -> None:
    entries = [make_entry(MESSAGE, timestamp=timestamp) for timestamp in timestamps]
    site.report_all(entries, context={"version": version})


def _chart(site: Site, **parameters: Any) -> dict[str, Any]:
    answer = site.get(site.path_of(MESSAGE, "chart"), **parameters)
    assert answer.headers["content-type"] == "application/json"
    chart: dict[str, Any] = answer.json()
    return chart


def _marks(chart: dict[str, Any]) -> list[tuple[str, str]]:
    return [(mark["kind"], mark["name"]) for mark in chart["marks"]]


@pytest.mark.parametrize("range_ms", [0, 60_000, *RANGES_MS.values(), 3650 * DAY_MS])
def test_every_range_has_as_many_bars_as_can_be_told_apart(site: Site, range_ms: int) -> None:
    _report(site, "2016-12-06T14:59:30Z")

    chart = _chart(site, start=NOW_MS - range_ms, end=NOW_MS)
    assert 1 <= len(chart["starts"]) <= MAX_BARS
    assert sum(chart["counts"]) == 1
    assert chart["starts"] == sorted(set(chart["starts"]))


def test_bars_are_finer_the_shorter_the_range() -> None:
    widths = [choose_step(range_ms)[1:] for range_ms in sorted(RANGES_MS.values())]

    assert widths == [("minute", 1), ("minute", 15), ("hour", 1), ("hour", 6), ("day", 1)]


def test_bars_count_what_fell_into_them(site: Site) -> None:
    times = ("13:59:59", "14:00:00", "14:14:59", "14:15:00")
    _report(site, *(f"2016-12-06T{time}Z" for time in times))

    chart = _chart(site, range="24h")
    counted = dict(zip(chart["starts"], chart["counts"], strict=True))
    assert (chart["unit"], chart["units"]) == ("minute", 15)
    first = 1_481_032_800
    assert [counted[first + step * 900] for step in (-1, 0, 1, 2)] == [1, 2, 1, 0]


def test_chart_of_everything_begins_with_the_first_occurrence(site: Site) -> None:
    _report(site, "2016-10-01T00:00:00Z", "2016-12-06T14:00:00Z")

    chart = _chart(site, range="all")
    assert sum(chart["counts"]) == 2
    assert _marks(chart)[0] == ("first", "")


def test_time_long_ago_does_not_make_a_chart_endless(site: Site) -> None:
    _report(site, "0001-01-01T00:00:00Z")

    assert len(_chart(site, range="all")["starts"]) <= MAX_BARS


def test_regressions_and_versions_are_marked_where_they_came(
    client: httpx.Client, server: RunningServer, clock: FakeClock
) -> None:
    site = Site(client, "sample-project")
    _report(site, "2016-12-06T10:00:00Z", version="1.0")
    client.patch(error_path(MESSAGE), json={"status": "resolved"}).raise_for_status()
    _report(site, "2016-12-06T12:00:00Z", version="1.1")
    # The census counts versions some seconds later.
    server.run(clock.advance(5))
    wait_until(lambda: len(_chart(site, range="24h")["marks"]) == 4)

    assert _marks(_chart(site, range="24h")) == [
        ("first", ""),
        ("version", "1.0"),
        ("regression", ""),
        ("version", "1.1"),
    ]


@pytest.mark.parametrize(
    "parameters",
    [
        {"range": "x"},
        {"start": "-1", "end": "5"},
        {"start": "9" * 15, "end": "1"},
        {"start": "1", "end": "9" * 15},
        {"start": "१", "end": "२"},
        {"start": "5"},
    ],
)
def test_odd_range_is_no_failure(site: Site, parameters: dict[str, str]) -> None:
    _report(site, "2016-12-06T14:00:00Z")

    assert site.get(site.path_of(MESSAGE, "chart"), **parameters).status_code == 200
