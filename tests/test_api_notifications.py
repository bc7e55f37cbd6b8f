"""What a report's configs come to: decided, refused, restricted, told in the answer."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from faultline_lite.sealedbox import KeyStore, create_key_file
from tests.fakes import FakeClock
from tests.notified import (
    CLIENT,
    HOOK,
    MASTER,
    SLACK,
    decisions_of,
    deliveries_of,
    post,
)
from tests.reports import errors_path, make_entry, make_report
from tests.servers import RunningServer, running_server


def test_answer_says_for_each_config_what_was_decided(master: httpx.Client, project: str) -> None:
    first = post(master, project, HOOK, SLACK)
    second = post(master, project, HOOK, SLACK)

    assert first["notifications"] == [
        {
            "channel": "webhook 127.0.0.1",
            "decision": "notify",
            "reason": "the first occurrence of the error",
        },
        {
            "channel": "slack #random",
            "decision": "notify",
            "reason": "the first occurrence of the error",
        },
    ]
    assert [(each["decision"], each["reason"]) for each in second["notifications"]] == [
        ("notify", "2 in this minute, threshold 1, notifyInterval 1"),
        ("held", "2 in this minute, threshold 3"),
    ]
    assert first["warnings"] == second["warnings"] == []


def test_answer_sums_up_entries_that_were_decided_alike(master: httpx.Client, project: str) -> None:
    report = {"errors": [make_entry("oops") for _ in range(5)], "notifications": [SLACK]}

    answer = master.post(errors_path(project), json=report).json()

    assert answer["notifications"] == [
        {
            "channel": "slack #random",
            "decision": "notify",
            "reason": "the first occurrence of the error",
            "occurrences": 4,
        },
        {
            "channel": "slack #random",
            "decision": "held",
            "reason": "2 in this minute, threshold 3",
            "occurrences": 1,
        },
    ]


@pytest.mark.parametrize("fields", [{}, {"notifications": None}, {"notifications": []}])
def test_report_without_configs_is_answered_as_ever(
    master: httpx.Client, project: str, fields: dict[str, Any]
) -> None:
    answer = master.post(errors_path(project), json=make_report("oops", **fields)).json()

    assert sorted(answer) == ["data", "id", "warnings"]


@pytest.mark.parametrize(
    ("config", "channel", "reason"),
    [
        ({**SLACK, "channel": None}, "notifications[0]", "channel is required"),
        ({**SLACK, "threshold": "many"}, "notifications[0]", "threshold: expected a whole number"),
        ({"type": "pager"}, "notifications[0]", "type: expected one of "),
        ({}, "notifications[0]", "type: expected one of "),
        (17, "notifications[0]", "expected an object"),
        ("nonsense to be concealed", "notifications[0]", "it is no sealed config"),
        ("sb1.00000000.AAAA", "notifications[0]", "it is sealed to a key that this server"),
        ({**HOOK, "x": "y" * 9000}, "notifications[0]", "it has more than 8192 bytes"),
        ({**HOOK, "timezone": "Nowhere/City"}, "notifications[0]", "timezone: expected an IANA"),
        ({**HOOK, "restrict": {"projects": ["other-*"]}}, "webhook 127.0.0.1", "the config is for"),
        ({**HOOK, "restrict": {"origins": ["https://a.example"]}}, "webhook 127.0.0.1", "the conf"),
        (
            {**HOOK, "restrict": {"expires": "2016-01-01T00:00:00Z"}},
            "webhook 127.0.0.1",
            "the config has expired",
        ),
    ],
)
def test_config_that_cannot_be_used_is_a_failed_delivery_and_the_report_is_stored(
    master: httpx.Client, project: str, config: Any, channel: str, reason: str
) -> None:
    answer = post(master, project, config)

    (decision,) = answer["notifications"]
    assert (decision["channel"], decision["decision"]) == (channel, "refused")
    assert decision["reason"].startswith(reason)
    assert answer["warnings"] == [f"{channel}: {decision['reason']}"]
    (delivery,) = deliveries_of(master, project=project)["deliveries"]
    assert (delivery["state"], delivery["attempts"]) == ("failed", 0)
    assert delivery["failure"] == decision["reason"]
    assert "concealed" not in json.dumps([answer, delivery])
    assert decisions_of(master, project, answer["id"])["decisions"][0]["delivery"]["state"] == (
        "failed"
    )


def test_refused_config_has_one_delivery_that_counts(master: httpx.Client, project: str) -> None:
    for _ in range(3):
        post(master, project, {"type": "webhook"}, message="oops")
    post(master, project, {"type": "webhook"}, message="ouch")

    (delivery,) = deliveries_of(master, project=project)["deliveries"]
    told = {each["message"]: each["occurrences"] for each in delivery["errors"]}
    assert told.items() >= {"oops": 3, "ouch": 1}.items()


def test_report_that_names_too_many_channels_is_cut(master: httpx.Client, project: str) -> None:
    configs = [{**SLACK, "channel": f"#{number}"} for number in range(25)]

    answer = post(master, project, *configs)

    assert len(answer["notifications"]) == 21
    assert answer["warnings"] == [
        "notifications[20]: a report may name 20 channels; the rest is left out"
    ]


@pytest.mark.parametrize("is_sealed", [False, True])
def test_field_that_nothing_knows_is_warned_of(
    master: httpx.Client, project: str, is_sealed: bool
) -> None:
    config: Any = {**HOOK, "treshold": 30}
    if is_sealed:
        config = master.post("/v0/encrypt", json=config).json()["encrypted"]

    answer = post(master, project, config)

    assert answer["notifications"][0]["decision"] == "notify"
    assert answer["warnings"] == ["webhook 127.0.0.1: nothing knows the field treshold"]


def test_single_config_in_place_of_a_list_is_taken(master: httpx.Client, project: str) -> None:
    answer = master.post(errors_path(project), json=make_report("oops", notifications=HOOK))

    assert answer.json()["notifications"][0]["decision"] == "notify"


@pytest.mark.parametrize(
    ("policy", "key", "decision"),
    [
        ("allow", CLIENT, "notify"),
        ("master", CLIENT, "refused"),
        ("master", MASTER, "notify"),
        ("deny", MASTER, "refused"),
    ],
)
def test_unsealed_configs_are_taken_as_the_policy_says(
    tmp_path: Path, policy: str, key: str, decision: str, project: str
) -> None:
    create_key_file(tmp_path / "faultline.key", 1)
    settings = {"master_api_key": MASTER, "client_api_keys": (CLIENT,), "plain_configs": policy}
    sealed = KeyStore(tmp_path / "faultline.key").seal(json.dumps(SLACK).encode())
    with (
        running_server(tmp_path, FakeClock(), **settings) as server,
        server.client(key) as client,
    ):
        answer = post(client, project, HOOK, sealed)

    assert [each["decision"] for each in answer["notifications"]] == [decision, "notify"]


def test_sealed_list_of_configs_names_all_its_channels(
    keyed: RunningServer, master: httpx.Client, project: str
) -> None:
    sealed = keyed.services.key_store.seal(json.dumps([HOOK, SLACK]).encode())

    answer = post(master, project, sealed)

    channels = [each["channel"] for each in answer["notifications"]]
    assert channels == ["webhook 127.0.0.1", "slack #random"]


@pytest.mark.parametrize(
    ("origin", "decision"),
    [
        ("https://example.com", "notify"),
        ("https://example.com.evil.example", "refused"),
        ("http://example.com", "refused"),
        (None, "refused"),
    ],
)
def test_restriction_to_origins_goes_by_the_header(
    master: httpx.Client, project: str, origin: str | None, decision: str
) -> None:
    config = {**HOOK, "restrict": {"origins": ["https://example.com/"]}}
    report = make_report("oops", notifications=[config])
    headers = {} if origin is None else {"Origin": origin}

    answer = master.post(errors_path(project), json=report, headers=headers)

    assert answer.json()["notifications"][0]["decision"] == decision
