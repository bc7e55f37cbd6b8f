"""The API of time series: parameters, defaults, limits."""

from typing import Any

import httpx
import pytest

from tests.fakes import FakeClock
from tests.reports import error_path, errors_path, make_entry, make_report, project_path
from tests.servers import RunningServer, running_server

#: What the clock of the tests shows.
NOW = "2016-12-06T15:00:00Z"


def post(client: httpx.Client, *timestamps: str, project: str = "web") -> None:
    entries = [make_entry("boom", timestamp=each) for each in timestamps]
    client.post(errors_path(project), json=make_report(errors=entries))


def get_timeline(client: httpx.Client, path: str, **parameters: str) -> Any:
    answer = client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["timeline"]


@pytest.mark.parametrize(
    "path",
    [f"{error_path('boom', 'web')}/timeline", f"{project_path('web')}/timeline", "/v0/timeline"],
)
def test_timeline_has_the_buckets_that_hold_something(client: httpx.Client, path: str) -> None:
    post(client, "2016-12-06T14:59:30Z", "2016-12-06T12:00:00Z", "2016-12-06T12:59:59.999Z")

    timeline = get_timeline(client, path, timeunit="hour", start="2016-12-06T12:30:00Z", end=NOW)

    assert timeline == {
        "timeunit": "hour",
        "start": "2016-12-06T12:00:00+00:00",
        "end": "2016-12-06T16:00:00+00:00",
        "count": 3,
        "buckets": [
            {"timestamp": "2016-12-06T12:00:00+00:00", "count": 2},
            {"timestamp": "2016-12-06T14:00:00+00:00", "count": 1},
        ],
    }


def test_filled_timeline_has_every_bucket(client: httpx.Client) -> None:
    post(client, NOW)

    timeline = get_timeline(client, "/v0/timeline", timeunit="hour", fill="true")

    assert [each["count"] for each in timeline["buckets"]] == [0] * 24 + [1]
    assert timeline["buckets"][0]["timestamp"] == "2016-12-05T15:00:00+00:00"


def test_series_of_one_project_leaves_out_the_others(client: httpx.Client) -> None:
    post(client, NOW, NOW, project="web")
    post(client, NOW, project="app")

    counts = [
        get_timeline(client, path)["count"]
        for path in (f"{project_path('web')}/timeline", "/v0/timeline")
    ]

    assert counts == [2, 3]


def test_unit_is_the_configured_one_by_default(
    tmp_path_factory: pytest.TempPathFactory, clock: FakeClock
) -> None:
    folder = tmp_path_factory.mktemp("days")
    with running_server(folder, clock, timeunit="day") as server, server.client() as client:
        timeline = get_timeline(client, "/v0/timeline")

    assert (timeline["timeunit"], timeline["start"]) == ("day", "2016-11-06T00:00:00+00:00")


def test_week_of_minutes_is_shown_and_a_minute_more_is_refused(client: httpx.Client) -> None:
    week = {"timeunit": "minute", "end": "2016-12-07T23:59:00Z", "fill": "true"}

    shown = get_timeline(client, "/v0/timeline", start="2016-12-01T00:00:00Z", **week)
    refused = client.get("/v0/timeline", params={"start": "2016-11-30T23:59:59Z", **week})

    assert len(shown["buckets"]) == 7 * 24 * 60
    assert refused.status_code == 400
    assert refused.json()["errors"] == [
        {
            "message": "start and end are more than 10080 units apart: take a larger timeunit",
            "path": ["timeunit"],
        }
    ]


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"timeunit": "week"}, "timeunit"),
        ({"start": "yesterday"}, "start"),
        ({"end": "2016-13-01T00:00:00Z"}, "end"),
        ({"fill": "yes"}, "fill"),
    ],
)
def test_parameter_that_means_nothing_is_named(
    client: httpx.Client, parameters: dict[str, str], field: str
) -> None:
    answer = client.get("/v0/timeline", params=parameters)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"] == [field]


@pytest.mark.parametrize("timeunit", ["minute", "hour", "day", "month", "year"])
@pytest.mark.parametrize("end", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_ends_of_the_calendar_are_times_like_others(
    client: httpx.Client, timeunit: str, end: str
) -> None:
    post(client, end)

    timeline = get_timeline(client, "/v0/timeline", timeunit=timeunit, end=end, fill="true")

    assert timeline["count"] == 1


def test_end_before_start_is_an_empty_series(client: httpx.Client) -> None:
    post(client, NOW)

    timeline = get_timeline(client, "/v0/timeline", start=NOW, end="2016-12-01T00:00:00Z")

    assert (timeline["count"], timeline["buckets"]) == (0, [])


@pytest.mark.parametrize("path", [error_path("nobody", "web"), project_path("nobody")])
def test_series_of_what_is_not_there_is_404(client: httpx.Client, path: str) -> None:
    post(client, NOW)

    assert client.get(f"{path}/timeline").status_code == 404


def test_message_that_ends_in_timeline_keeps_its_own_path(client: httpx.Client) -> None:
    client.post(errors_path("web"), json=make_report("a/timeline"))

    found = client.get(error_path("a/timeline", "web"))

    assert found.json()["data"]["summary"]["message"] == "a/timeline"


def test_series_needs_the_master_key(
    tmp_path_factory: pytest.TempPathFactory, clock: FakeClock
) -> None:
    folder = tmp_path_factory.mktemp("keys")
    keys = {"master_api_key": "m" * 32, "client_api_keys": ("c" * 32,)}
    with running_server(folder, clock, **keys) as server, server.client("c" * 32) as client:
        answer = client.get("/v0/timeline")

    assert answer.status_code == 403


def test_series_counts_from_before_a_restart(
    tmp_path_factory: pytest.TempPathFactory, clock: FakeClock
) -> None:
    folder = tmp_path_factory.mktemp("restart")
    counts = []
    for _ in range(2):
        with running_server(folder, clock) as server:
            counts.append(_post_and_count(server))

    assert counts == [1, 2]


def _post_and_count(server: RunningServer) -> int:
    with server.client() as client:
        post(client, NOW)
        count: int = get_timeline(client, "/v0/timeline", timeunit="day")["count"]
        return count
