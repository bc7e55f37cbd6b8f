"""Projects and errors: listed and looked at."""

import base64
import json

import httpx
import pytest

from tests.errors import listed, patch, post, summary
from tests.fakes import FakeClock
from tests.reports import (
    error_path,
    errors_path,
    occurrences_path,
)
from tests.servers import RunningServer, running_server

START = "2016-12-06T15:00:00+00:00"


def _cursor(*position: str | int) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def test_error_is_listed_with_its_counters(
    server: RunningServer, client: httpx.Client, clock: FakeClock
) -> None:
    post(client, "Undefined index: faultline")
    server.run(clock.leap(86_400))
    post(client, "Undefined index: faultline", "Undefined index: faultline")
    answer = client.get(errors_path())

    assert answer.json() == {
        "data": {
            "errors": [
                {
                    "project": "sample-project",
                    "message": "Undefined index: faultline",
                    "type": "notice",
                    "status": "unresolved",
                    "count": 3,
                    "lastUpdated": "2016-12-07T15:00:00+00:00",
                    "firstSeen": START,
                    "pattern": "Undefined index: faultline",
                    "fingerprint": answer.json()["data"]["errors"][0]["fingerprint"],
                    "muted": False,
                    "people": 0,
                }
            ],
            "scannedCount": 1,
            "nextCursor": None,
        }
    }


def test_errors_come_in_the_order_that_is_asked_for(
    server: RunningServer, client: httpx.Client, clock: FakeClock
) -> None:
    for message in ("a", "b", "b", "b", "c", "c", "a"):
        post(client, message)
        server.run(clock.advance(1))

    assert listed(client) == ["a", "c", "b"]
    assert listed(client, sort="lastUpdated") == ["a", "c", "b"]
    assert listed(client, sort="count") == ["b", "c", "a"]
    assert listed(client, sort="firstSeen") == ["c", "b", "a"]


def test_errors_are_filtered_by_status(client: httpx.Client) -> None:
    post(client, "open", "closed")
    patch(client, "closed", status="resolved")

    assert listed(client, status="unresolved") == ["open"]
    assert listed(client, status="resolved") == ["closed"]
    assert sorted(listed(client, status="")) == ["closed", "open"]


@pytest.mark.parametrize("sort", ["lastUpdated", "count", "firstSeen"])
@pytest.mark.parametrize("status", ["unresolved", ""])
def test_pages_hold_every_error_once(
    standing_client: httpx.Client, project: str, sort: str, status: str
) -> None:
    messages = [f"error {'x' * number}" for number in range(23)]
    post(standing_client, *messages, project=project)
    query: dict[str, str | int] = {"sort": sort, "status": status, "limit": 5}
    whole = listed(standing_client, project, sort=sort)
    paged: list[str] = []
    sizes = []
    cursor: str | None = ""
    while cursor is not None:
        page = standing_client.get(errors_path(project), params={**query, "cursor": cursor}).json()
        paged += [error["message"] for error in page["data"]["errors"]]
        sizes.append(page["data"]["scannedCount"])
        cursor = page["data"]["nextCursor"]

    assert paged == whole
    assert sorted(paged) == sorted(messages)
    assert sizes == [5, 5, 5, 5, 3]


def test_page_that_ends_with_the_list_is_the_last(
    standing_client: httpx.Client, project: str
) -> None:
    post(standing_client, "a", "b", project=project)
    page = standing_client.get(errors_path(project), params={"limit": 2}).json()["data"]

    assert (page["scannedCount"], page["nextCursor"]) == (2, None)


def test_more_than_a_thousand_errors_come_in_pages(
    standing_client: httpx.Client, project: str
) -> None:
    messages = ["m" + "x" * number for number in range(1, 601)]
    post(standing_client, *messages, project=project)
    post(standing_client, *[f"{message}y" for message in messages], project=project)
    first = standing_client.get(errors_path(project), params={"limit": 5000}).json()["data"]
    second = standing_client.get(errors_path(project), params={"cursor": first["nextCursor"]})

    assert first["scannedCount"] == 1000
    assert second.json()["data"]["scannedCount"] == 200


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"limit": "0"}, ["limit"]),
        ({"limit": "-1"}, ["limit"]),
        ({"limit": "ten"}, ["limit"]),
        ({"limit": "१२"}, ["limit"]),
        ({"status": "open"}, ["status"]),
        ({"sort": "message"}, ["sort"]),
        ({"cursor": "nonsense"}, ["cursor"]),
        ({"cursor": "WzEsMiwzXQ"}, ["cursor"]),
        ({"cursor": "é"}, ["cursor"]),
        ({"cursor": _cursor("count", 10**30, 1)}, ["cursor"]),
        ({"cursor": _cursor("count", 2**64 - 1, 1)}, ["cursor"]),
        ({"cursor": _cursor("count", 1, -(2**63) - 1)}, ["cursor"]),
    ],
)
def test_bad_parameter_of_the_list_is_named(
    standing_client: httpx.Client, project: str, query: dict[str, str], path: list[str]
) -> None:
    post(standing_client, "a", project=project)
    answer = standing_client.get(errors_path(project), params=query)

    assert answer.status_code == 400
    assert [problem["path"] for problem in answer.json()["errors"]] == [path]


def test_cursor_of_one_order_does_not_go_with_another(
    standing_client: httpx.Client, project: str
) -> None:
    post(standing_client, "a", "b", project=project)
    page = standing_client.get(errors_path(project), params={"limit": 1, "sort": "count"})
    query = {"cursor": page.json()["data"]["nextCursor"], "sort": "firstSeen"}
    answer = standing_client.get(errors_path(project), params=query)

    assert answer.status_code == 400


def test_error_is_shown_with_its_latest_occurrence_and_its_timeline(client: httpx.Client) -> None:
    for moment in ("15:00:10", "15:00:50", "14:58:00"):
        post(client, "shown", timestamp=f"2016-12-06T{moment}Z")
    data = client.get(error_path("shown")).json()["data"]
    bucket = {
        "key": "sample-project##shown",
        "project": "sample-project",
        "message": "shown",
        "type": "notice",
    }

    assert data["error"]["timestamp"] == "2016-12-06T15:00:50Z"
    assert data["timeline"] == {
        "errors": [
            {**bucket, "timestamp": "2016-12-06T14:58:00+00:00", "count": 1},
            {**bucket, "timestamp": "2016-12-06T15:00:00+00:00", "count": 2},
        ],
        "totalCount": 2,
        "scannedCount": 2,
    }
    assert data["summary"]["count"] == 3


@pytest.fixture
def dated_client(standing_client: httpx.Client, project: str) -> httpx.Client:
    for moment in ("2015-06-01T00:00:00Z", "2016-12-01T00:00:00Z", "2016-12-06T14:59:59Z"):
        post(standing_client, "dated", project=project, timestamp=moment)
    return standing_client


@pytest.mark.parametrize(
    ("query", "buckets"),
    [
        ({}, ["2016-12-01T00:00:00+00:00", "2016-12-06T14:59:00+00:00"]),
        (
            {"start": "2000-01-01T00:00:00Z"},
            ["2015-06-01T00:00:00+00:00", "2016-12-01T00:00:00+00:00", "2016-12-06T14:59:00+00:00"],
        ),
        (
            {"start": "2015-06-01T09:00:00+09:00", "end": "2015-06-01T00:00:00Z"},
            ["2015-06-01T00:00:00+00:00"],
        ),
        ({"start": "2015-06-01T00:00:01Z", "end": "2015-12-01T00:00:00Z"}, []),
        ({"start": "2016-12-07T00:00:00Z", "end": "2016-12-01T00:00:00Z"}, []),
    ],
)
def test_timeline_lies_within_start_and_end(
    dated_client: httpx.Client, project: str, query: dict[str, str], buckets: list[str]
) -> None:
    answer = dated_client.get(error_path("dated", project), params=query).json()
    timeline = answer["data"]["timeline"]

    assert [bucket["timestamp"] for bucket in timeline["errors"]] == buckets
    assert timeline["totalCount"] == len(buckets)


@pytest.mark.parametrize("name", ["start", "end"])
def test_bound_that_is_no_time_is_named(
    dated_client: httpx.Client, project: str, name: str
) -> None:
    answer = dated_client.get(error_path("dated", project), params={name: "yesterday"})

    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {
            "message": "not an RFC 3339 time such as 2016-12-07T00:00:00+09:00",
            "path": [name],
            "detail": "yesterday",
        }
    ]


@pytest.mark.parametrize(
    ("timeunit", "buckets"),
    [
        ("minute", [("2016-12-06T14:58:00+00:00", 1), ("2016-12-06T14:59:00+00:00", 2)]),
        ("hour", [("2016-12-06T14:00:00+00:00", 3)]),
        ("day", [("2016-12-06T00:00:00+00:00", 3)]),
        ("month", [("2016-12-01T00:00:00+00:00", 3)]),
        ("year", [("2016-01-01T00:00:00+00:00", 3)]),
    ],
)
def test_buckets_of_the_timeline_are_of_the_configured_unit(
    tmp_path_factory: pytest.TempPathFactory, timeunit: str, buckets: list[tuple[str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("timeunit")
    with (
        running_server(folder, FakeClock(), timeunit=timeunit) as server,
        server.client() as client,
    ):
        for moment in ("14:58:59", "14:59:00", "14:59:59"):
            post(client, "counted", timestamp=f"2016-12-06T{moment}Z")
        timeline = client.get(error_path("counted")).json()["data"]["timeline"]

    assert [(each["timestamp"], each["count"]) for each in timeline["errors"]] == buckets


def test_projects_are_listed_by_name_with_totals(
    server: RunningServer, client: httpx.Client, clock: FakeClock
) -> None:
    post(client, "a", "a", "b", project="zebra")
    server.run(clock.advance(60))
    post(client, "c", project="日本")
    client.patch(error_path("b", "zebra"), json={"status": "resolved"})
    answer = client.get("/v0/projects")
    minute_later = "2016-12-06T15:01:00+00:00"

    assert answer.json() == {
        "data": {
            "projects": [
                {"name": "zebra", "count": 3, "unresolvedCount": 1, "lastUpdated": minute_later},
                {"name": "日本", "count": 1, "unresolvedCount": 1, "lastUpdated": minute_later},
            ]
        }
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", errors_path("nowhere")),
        ("GET", error_path("x", "nowhere")),
        ("PATCH", error_path("x", "nowhere")),
        ("GET", occurrences_path("x", "nowhere")),
        ("GET", f"{occurrences_path('x', 'nowhere')}/9007197773704591"),
    ],
)
def test_unknown_project_is_404_and_is_named(
    standing_client: httpx.Client, method: str, path: str
) -> None:
    body = {"json": {"status": "resolved"}} if method == "PATCH" else {}
    answer = standing_client.request(method, path, **body)  # type: ignore[arg-type]

    assert answer.status_code == 404
    assert answer.json()["message"] == "there is no project nowhere"


@pytest.mark.parametrize(
    "path", [error_path("unknown"), occurrences_path("unknown")], ids=["error", "occurrences"]
)
def test_unknown_error_is_404(client: httpx.Client, path: str) -> None:
    post(client, "known")
    answer = client.get(path)

    assert (answer.status_code, answer.json()["message"]) == (404, "there is no such error")


def test_same_message_in_two_projects_is_two_errors(client: httpx.Client) -> None:
    post(client, "shared", project="one")
    post(client, "shared", "shared", project="two")
    client.delete(error_path("shared", "one"))

    assert summary(client, "shared", "two")["count"] == 2


def test_fingerprint_in_the_query_tells_errors_of_one_message_apart(client: httpx.Client) -> None:
    for fingerprint in ("a", "b"):
        post(client, "shared", fingerprint=[fingerprint])
    errors = client.get(errors_path()).json()["data"]["errors"]
    for error in errors[:1]:
        query = {"fingerprint": error["fingerprint"]}
        client.patch(error_path("shared"), params=query, json={"status": "resolved"})
    found = [
        client.get(error_path("shared"), params={"fingerprint": error["fingerprint"]}).json()
        for error in errors
    ]

    assert [each["data"]["summary"]["status"] for each in found] == ["resolved", "unresolved"]


@pytest.mark.parametrize("given", ["xy", "abc", "\v", "ab cd", "ab ", "ａｂ"])
def test_fingerprint_that_is_none_is_refused(standing_client: httpx.Client, given: str) -> None:
    path = error_path("shared")

    answers = [
        standing_client.request(method, path, params={"fingerprint": given})
        for method in ("GET", "DELETE")
    ]

    for answer in answers:
        assert answer.status_code == 400
        assert answer.json()["errors"] == [
            {"message": "fingerprint must be hexadecimal digits", "path": ["fingerprint"]}
        ]
