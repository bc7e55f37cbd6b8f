"""Errors that are resolved, muted, deleted, and what follows from it."""

import sqlite3
from contextlib import closing
from typing import Any

import httpx
import pytest

from tests.errors import listed, patch, post, summary
from tests.fakes import FakeClock
from tests.reports import (
    error_path,
    errors_path,
    occurrences_path,
    project_path,
)
from tests.servers import RunningServer


def test_resolving_changes_the_status_and_its_time(
    server: RunningServer, client: httpx.Client, clock: FakeClock
) -> None:
    post(client, "fixed")
    server.run(clock.advance(60))
    resolved = patch(client, "fixed", status="resolved")
    server.run(clock.advance(60))
    again = patch(client, "fixed", status="resolved")
    reopened = patch(client, "fixed", status="unresolved")

    assert (resolved["status"], resolved["lastUpdated"]) == (
        "resolved",
        "2016-12-06T15:01:00+00:00",
    )
    assert again == resolved
    assert (reopened["status"], reopened["lastUpdated"]) == (
        "unresolved",
        "2016-12-06T15:02:00+00:00",
    )
    assert summary(client, "fixed") == reopened


def test_new_occurrence_reopens_a_resolved_error(client: httpx.Client) -> None:
    post(client, "back")
    patch(client, "back", status="resolved")
    post(client, "back")

    assert (summary(client, "back")["status"], summary(client, "back")["count"]) == (
        "unresolved",
        2,
    )


def test_mute_ends_after_so_many_occurrences(client: httpx.Client) -> None:
    post(client, "noisy")
    muted = patch(client, "noisy", muted=True, untilCount=2.0)
    post(client, "noisy", "noisy")
    still = summary(client, "noisy")
    post(client, "noisy")

    assert (muted["muted"], muted["mutedUntilCount"]) == (True, 2)
    assert (still["muted"], still["mutedUntilCount"], still["count"]) == (True, 0, 3)
    assert summary(client, "noisy")["muted"] is False


def test_mute_ends_at_its_time(
    server: RunningServer, client: httpx.Client, clock: FakeClock
) -> None:
    post(client, "noisy")
    muted = patch(client, "noisy", muted=True, until="2016-12-07T00:10:00+09:00")
    server.run(clock.advance(599))
    post(client, "noisy")
    before = summary(client, "noisy")["muted"]
    server.run(clock.advance(1))
    post(client, "noisy")

    assert (muted["muted"], muted["mutedUntil"]) == (True, "2016-12-06T15:10:00+00:00")
    assert (before, summary(client, "noisy")["muted"]) == (True, False)


def test_mute_that_is_over_is_not_shown(
    server: RunningServer, client: httpx.Client, clock: FakeClock
) -> None:
    post(client, "noisy")
    patch(client, "noisy", muted=True, until="2016-12-07T00:10:00+09:00")
    server.run(clock.advance(600))

    shown = summary(client, "noisy")
    assert shown["muted"] is False
    assert "mutedUntil" not in shown


def test_unmuting_forgets_the_condition(client: httpx.Client) -> None:
    post(client, "noisy")
    patch(client, "noisy", muted=True, untilCount=2, until="2030-01-01T00:00:00Z")
    unmuted = patch(client, "noisy", muted=False)

    assert unmuted["muted"] is False
    assert "mutedUntil" not in unmuted
    assert "mutedUntilCount" not in unmuted


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({}, None),
        ({"status": None}, None),
        ({"status": "closed"}, ["status"]),
        ({"status": 1}, ["status"]),
        ({"muted": "yes"}, ["muted"]),
        ({"muted": True, "until": "tomorrow"}, ["until"]),
        ({"muted": True, "untilCount": 0}, ["untilCount"]),
        ({"muted": True, "untilCount": 2**40}, ["untilCount"]),
        ({"muted": True, "untilCount": 1.5}, ["untilCount"]),
        ({"muted": False, "untilCount": 1}, ["muted"]),
        ({"until": "2030-01-01T00:00:00Z", "status": "resolved"}, ["muted"]),
        ({"state": "resolved"}, None),
        ([], None),
        ("resolved", None),
    ],
)
def test_bad_change_is_refused_and_named(
    standing_client: httpx.Client, project: str, changes: Any, path: list[str] | None
) -> None:
    post(standing_client, "kept", project=project)
    before = summary(standing_client, "kept", project)
    answer = standing_client.patch(error_path("kept", project), json=changes)

    assert answer.status_code == 400
    assert [problem.get("path") for problem in answer.json()["errors"]] == [path]
    assert summary(standing_client, "kept", project) == before


@pytest.mark.parametrize("status", ["closed", 1])
def test_status_that_there_is_not_is_answered_with_those_that_there_are(
    standing_client: httpx.Client, project: str, status: object
) -> None:
    post(standing_client, "kept", project=project)
    answer = standing_client.patch(error_path("kept", project), json={"status": status})

    assert answer.json()["message"] == "must be one of unresolved, resolved"


@pytest.mark.parametrize("number", ["1e400", "1" * 5000])
def test_change_with_a_number_beyond_all_bounds_is_refused_and_named(
    standing_client: httpx.Client, project: str, number: str
) -> None:
    post(standing_client, "kept", project=project)
    content = f'{{"muted": true, "untilCount": {number}}}'
    answer = standing_client.patch(error_path("kept", project), content=content)

    assert answer.status_code == 400
    assert [problem["path"] for problem in answer.json()["errors"]] == [["untilCount"]]


def test_deleted_error_is_gone_with_everything_of_it(
    server: RunningServer, client: httpx.Client
) -> None:
    post(client, "gone", "kept")
    deleted = client.delete(error_path("gone"))
    again = client.delete(error_path("gone"))
    statuses = [client.get(path("gone")).status_code for path in (error_path, occurrences_path)]

    assert (deleted.status_code, deleted.content, again.status_code) == (204, b"", 204)
    assert listed(client) == ["kept"]
    assert statuses == [404, 404]


def test_deleted_error_begins_anew(client: httpx.Client) -> None:
    post(client, "again", "again")
    client.delete(error_path("again"))
    post(client, "again")

    assert summary(client, "again")["count"] == 1
    answer = client.get(occurrences_path("again")).json()["data"]
    assert answer["totalCount"] == 1


def test_deleted_project_is_gone_with_everything_in_it(client: httpx.Client) -> None:
    post(client, "a", "b", project="old")
    post(client, "a", project="kept")
    deleted = client.delete(project_path("old"))
    again = client.delete(project_path("old"))
    names = [each["name"] for each in client.get("/v0/projects").json()["data"]["projects"]]

    assert (deleted.status_code, deleted.content, again.status_code) == (204, b"", 204)
    assert names == ["kept"]
    assert client.get(errors_path("old")).status_code == 404
    assert client.get(error_path("a", "old")).status_code == 404
    assert listed(client, "kept") == ["a"]


def test_deleted_rows_are_erased(server: RunningServer, client: httpx.Client) -> None:
    post(client, *["gone"] * 500, project="old")
    post(client, "kept")
    client.delete(project_path("old"))
    client.post("/v0/prune")
    with closing(sqlite3.connect(server.config.db)) as connection:
        (rows,) = connection.execute(
            """
            SELECT (SELECT count(*) FROM project), (SELECT count(*) FROM error),
                (SELECT count(*) FROM occurrence), (SELECT count(*) FROM timeline)
            """
        )

    assert rows == (1, 1, 1, 1)
