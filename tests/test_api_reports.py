"""POST of a report: what is stored of it, and what is answered."""

import json
from typing import Any

import httpx
import pytest

from tests.reports import (
    error_path,
    errors_path,
    make_entry,
    make_report,
    occurrences_path,
)
from tests.servers import RunningServer, running_server

RECEIVED = "2016-12-06T15:00:00+00:00"
SECRET = "5f0c1d3a9b7e48a2b6d4c0e8f1a2b3c4"


def post(client: httpx.Client, project: str, report: Any, **options: Any) -> httpx.Response:
    return client.post(errors_path(project), json=report, **options)


def latest(client: httpx.Client, project: str, message: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(error_path(message, project)).json()["data"]["error"]
    return found


def test_answer_counts_the_entries_and_names_the_first(
    standing_client: httpx.Client, project: str
) -> None:
    report = make_report(errors=[make_entry("first"), make_entry("second")])
    answer = post(standing_client, project, report)

    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "data": {"errors": {"postCount": 2}},
        "id": "9007197773704591",
        "warnings": [],
    }


def test_occurrence_is_what_was_posted(standing_client: httpx.Client, project: str) -> None:
    entry = {
        "type": "notice",
        "message": "Undefined index: faultline",
        "backtrace": [
            {
                "file": "/var/www/user.php",
                "line": 15,
                "column": 23,
                "function": "User->edit()",
                "code": {"14": "<?php", "15": "$x['faultline'];"},
            }
        ],
        "timestamp": "2016-12-07T00:00:00+09:00",
        "causes": [{"type": "E", "message": "deeper", "backtrace": [{"file": "a", "line": 1}]}],
    }
    shared = {
        "notifier": {"name": "faultline-php", "version": "0.6.1"},
        "context": {"environment": "production", "nested": {"list": [1, 2.5, None, True]}},
        "environment": {"PHP": "8.2"},
        "session": {"user": {"id": 7}},
        "params": {"q": "在庫 🍣"},
        "breadcrumbs": [{"message": "clicked"}],
    }
    post(
        standing_client,
        project,
        {"errors": [entry], **shared, "notifications": [{"type": "slack"}]},
        headers={"User-Agent": "faultline-php 0.6.1"},
    )

    assert latest(standing_client, project, "Undefined index: faultline") == {
        "project": project,
        "reversedUnixtime": "9007197773704591",
        "receivedAt": RECEIVED,
        **entry,
        **shared,
        "event": {
            "method": "POST",
            "path": errors_path(project),
            "remoteAddress": "127.0.0.1",
            "userAgent": "faultline-php 0.6.1",
        },
    }


def test_only_a_message_is_required(standing_client: httpx.Client, project: str) -> None:
    answer = post(standing_client, project, {"errors": [{"message": "alone"}]})
    found = latest(standing_client, project, "alone")

    assert answer.status_code == 201
    assert (found["type"], found["timestamp"], found["receivedAt"]) == ("_", RECEIVED, RECEIVED)
    assert "backtrace" not in found


def test_null_means_absent_everywhere(standing_client: httpx.Client, project: str) -> None:
    frame = dict.fromkeys(("file", "line", "column", "function", "code"))
    nulls = dict.fromkeys(("context", "environment", "session", "params"))
    entry = {
        **dict.fromkeys(("type", "timestamp", "fingerprint", "causes")),
        "message": "nothing but nulls",
        "backtrace": [frame],
        **nulls,
    }
    report = {"errors": [entry], "notifier": None, "notifications": None, **nulls, "odd": None}
    answer = post(standing_client, project, report)
    found = latest(standing_client, project, "nothing but nulls")

    assert answer.json()["warnings"] == []
    assert sorted(found) == [
        *("backtrace", "event", "message", "project"),
        *("receivedAt", "reversedUnixtime", "timestamp", "type"),
    ]


def test_empty_maps_of_php_are_lists(standing_client: httpx.Client, project: str) -> None:
    empty: dict[str, Any] = {"context": [], "environment": [], "session": [], "params": []}
    answer = post(standing_client, project, make_report(**empty))

    assert answer.status_code == 201


def test_unknown_fields_are_kept(standing_client: httpx.Client, project: str) -> None:
    entry = make_entry("odd", severity="high", tags=["a"])
    post(standing_client, project, {"errors": [entry], "release": {"sha": "abc"}, "contxt": 1})
    found = latest(standing_client, project, "odd")

    assert (found["severity"], found["tags"]) == ("high", ["a"])
    assert (found["release"], found["contxt"]) == ({"sha": "abc"}, 1)


def test_entry_speaks_for_itself_where_the_report_differs(
    standing_client: httpx.Client, project: str
) -> None:
    entries = [make_entry("one", context={"own": True}), make_entry("two")]
    post(standing_client, project, {"errors": entries, "context": {"own": False}})

    assert latest(standing_client, project, "one")["context"] == {"own": True}
    assert latest(standing_client, project, "two")["context"] == {"own": False}


def test_the_servers_own_fields_cannot_be_forged(
    standing_client: httpx.Client, project: str
) -> None:
    forged = dict.fromkeys(("project", "reversedUnixtime", "receivedAt", "event"), "forged")
    post(standing_client, project, {"errors": [make_entry("forged", **forged)], **forged})

    assert "forged" not in [
        value
        for name, value in latest(standing_client, project, "forged").items()
        if name != "message"
    ]


@pytest.mark.parametrize(
    ("posted", "reversed_unixtime"),
    [
        ("2016-12-06T15:00:00Z", "9007197773704591"),
        ("2016-12-06T15:00:00.987654321Z", "9007197773704591"),
        ("2016-12-07T00:00:00+09:00", "9007197773704591"),
        ("2016-12-06t05:30:00-09:30", "9007197773704591"),
        ("0001-01-01T00:00:00Z", "9007261390337791"),
        ("9999-12-31T23:59:59Z", "9006945852440192"),
    ],
)
def test_timestamps_of_any_offset_count_and_stay_as_they_are(
    standing_client: httpx.Client, project: str, posted: str, reversed_unixtime: str
) -> None:
    answer = post(standing_client, project, {"errors": [make_entry("dated", timestamp=posted)]})
    found = standing_client.get(f"{occurrences_path('dated', project)}/{reversed_unixtime}")

    assert answer.json()["id"] == reversed_unixtime
    assert found.json()["data"]["error"]["timestamp"] == posted


def test_body_counts_as_json_whatever_its_media_type(
    standing_client: httpx.Client, project: str
) -> None:
    statuses = [
        standing_client.post(
            errors_path(project), content=json.dumps(make_report()), headers={"Content-Type": kind}
        ).status_code
        for kind in (
            "text/plain;charset=UTF-8",
            "application/x-www-form-urlencoded",
            "nonsense",
            "",
        )
    ]

    assert statuses == [201, 201, 201, 201]


@pytest.mark.parametrize(
    ("notifications", "warnings"),
    [
        ([], 0),
        (None, 0),
        ({}, 1),
        ("sealed", 1),
        (17, 1),
        ([17, None, True, [], "x", {"type": 3}], 3),
    ],
)
def test_no_notification_config_loses_a_report(
    standing_client: httpx.Client, project: str, notifications: Any, warnings: int
) -> None:
    answer = post(standing_client, project, make_report("kept", notifications=notifications))

    assert answer.status_code == 201
    assert len(answer.json()["warnings"]) >= warnings
    assert "notifications" not in latest(standing_client, project, "kept")


def test_report_is_stored_whole_or_not_at_all(standing_client: httpx.Client, project: str) -> None:
    answer = post(standing_client, project, {"errors": [make_entry("good"), {"message": 7}]})
    listed = standing_client.get(errors_path(project))

    assert answer.status_code == 400
    assert listed.status_code == 404


def test_event_holds_no_key_and_no_cookie(server: RunningServer, client: httpx.Client) -> None:
    headers = {
        "X-Api-Key": SECRET,
        "Authorization": f"Bearer {SECRET}",
        "Cookie": f"session={SECRET}",
        "X-Sentry-Auth": f"Sentry sentry_key={SECRET}",
    }
    client.post(errors_path(), params={"key": SECRET}, json=make_report("seen"), headers=headers)
    shown = client.get(error_path("seen"))

    assert shown.status_code == 200
    assert SECRET not in shown.text
    assert SECRET.encode() not in server.config.db.read_bytes()
    assert SECRET.encode() not in server.services.database.files["log"].read_bytes()


def test_secrets_are_scrubbed_before_they_are_stored(
    server: RunningServer, client: httpx.Client
) -> None:
    hidden = {"password": SECRET, "nested": [{"Api-Key": SECRET}], "card": "4111 1111 1111 1111"}
    client.post(
        errors_path(),
        json=make_report(f"refused: Bearer {SECRET}", session=hidden, params={"token": SECRET}),
    )
    (error,) = client.get(errors_path()).json()["data"]["errors"]
    shown = client.get(error_path(error["message"])).json()["data"]["error"]

    assert error["message"] == "refused: Bearer [scrubbed]"
    assert shown["session"]["password"] == "[scrubbed]"
    assert shown["params"] == {"token": "[scrubbed]"}
    stored = server.services.database.files
    assert all(SECRET.encode() not in path.read_bytes() for path in stored.values())


def test_message_addresses_its_error_although_it_was_scrubbed(
    standing_client: httpx.Client, project: str
) -> None:
    message = f"refused: Bearer {SECRET}"
    post(standing_client, project, make_report(message))

    assert latest(standing_client, project, message)["message"] == "refused: Bearer [scrubbed]"


def test_fingerprint_groups_and_separates(standing_client: httpx.Client, project: str) -> None:
    entries = [
        make_entry("first words", fingerprint=["checkout"]),
        make_entry("other words", fingerprint=["checkout"]),
        make_entry("same words", fingerprint=["a"]),
        make_entry("same words", fingerprint=["b"]),
        make_entry("same words"),
    ]
    post(standing_client, project, {"errors": entries})
    listed = standing_client.get(errors_path(project), params={"sort": "count"}).json()
    counts = [(error["message"], error["count"]) for error in listed["data"]["errors"]]

    assert counts[0] == ("first words", 2)
    assert counts[1:] == [("same words", 1)] * 3


def test_messages_that_differ_in_values_are_one_error(
    standing_client: httpx.Client, project: str
) -> None:
    for user in (123, 456):
        post(standing_client, project, make_report(f"User {user} not found"))
    (error,) = standing_client.get(errors_path(project)).json()["data"]["errors"]
    found = standing_client.get(error_path("User 789 not found", project)).json()["data"]

    assert (error["message"], error["pattern"]) == ("User 123 not found", "User <int> not found")
    assert found["summary"] == error
    assert error["count"] == 2


def test_exact_grouping_keeps_values_apart(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("exact")
    with running_server(folder, grouping="message") as server, server.client() as client:
        for user in (123, 456):
            post(client, "web", make_report(f"User {user} not found"))
        listed = client.get(errors_path("web")).json()["data"]["errors"]

    assert sorted(error["message"] for error in listed) == [
        "User 123 not found",
        "User 456 not found",
    ]
