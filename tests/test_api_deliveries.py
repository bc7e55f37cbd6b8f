"""What a client reads of notifications: decisions in the 201, deliveries, retries, reasons."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from faultline_lite.sealedbox import KeyStore, create_key_file
from tests.fakes import FakeClock
from tests.reports import error_path, errors_path, make_entry, make_report, occurrences_path
from tests.servers import RunningServer, running_server

MASTER, CLIENT = "m" * 32, "c" * 32
#: Nothing listens there, and nothing may be connected to: no message ever leaves.
HOOK = {"type": "webhook", "endpoint": "https://127.0.0.1:9/to-be-concealed"}
SLACK = {
    "type": "slack",
    "endpoint": "https://127.0.0.1:9/to-be-concealed",
    "channel": "#random",
    "threshold": 3,
}


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with keys of both kinds and a key pair, for all tests of this module."""
    folder = tmp_path_factory.mktemp("keyed")
    create_key_file(folder / "faultline.key", 1)
    settings = {"master_api_key": MASTER, "client_api_keys": (CLIENT,)}
    with running_server(folder, FakeClock(), **settings) as server:
        yield server


@pytest.fixture
def master(keyed: RunningServer) -> Iterator[httpx.Client]:
    with keyed.client(MASTER) as client:
        yield client


def post(client: httpx.Client, project: str, *configs: Any, message: str = "oops") -> Any:
    answer = client.post(
        errors_path(project), json=make_report(message, notifications=list(configs))
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def decisions_of(client: httpx.Client, project: str, place: str, message: str = "oops") -> Any:
    answer = client.get(f"{occurrences_path(message, project)}/{place}/decisions")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def deliveries_of(client: httpx.Client, **query: Any) -> Any:
    answer = client.get("/v0/deliveries", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def wait_for_state(client: httpx.Client, project: str, state: str) -> Any:
    """Return the project's deliveries of that state, once there is one."""
    for _ in range(2000):
        found = deliveries_of(client, project=project, state=state)["deliveries"]
        if found:
            return found
    raise AssertionError(deliveries_of(client, project=project))


# The 201


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


# Who may send what


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


# Why


def test_decisions_are_explained_afterwards_with_what_became_of_them(
    master: httpx.Client, project: str
) -> None:
    config = {**SLACK, "endpoint": f"https://127.0.0.1:9/concealed/{project}"}
    post(master, project, config)
    wait_for_state(master, project, "failed")
    second = post(master, project, config)
    first_place = master.get(occurrences_path("oops", project)).json()["data"]["errors"][-1]

    held = decisions_of(master, project, second["id"])
    told = decisions_of(master, project, first_place["reversedUnixtime"])

    assert held == {
        "count": 2,
        "bucket": 2,
        "timeunit": "minute",
        "regression": False,
        "muted": False,
        "decisions": [
            {
                "channel": "slack #random",
                "decision": "held",
                "reason": "2 in this minute, threshold 3",
                "delivery": None,
            }
        ],
    }
    (decision,) = told["decisions"]
    assert (decision["decision"], decision["delivery"]["state"]) == ("notify", "failed")
    assert "127.0.0.1" in decision["delivery"]["failure"]
    assert "concealed" not in json.dumps(told)


def test_notification_that_is_in_no_message_yet_waits(master: httpx.Client, project: str) -> None:
    # The clock stands still, so that the batch after the first never ends.
    config = {**HOOK, "endpoint": f"https://127.0.0.1:9/{project}"}
    post(master, project, config)
    wait_for_state(master, project, "failed")

    second = post(master, project, config)

    (decision,) = decisions_of(master, project, second["id"])["decisions"]
    assert decision["delivery"] == {"state": "waiting"}
    assert deliveries_of(master, project=project)["waiting"] == [
        {
            "channel": "webhook 127.0.0.1",
            "errorCount": 1,
            "occurrenceCount": 1,
            "since": "2016-12-06T15:00:00+00:00",
        }
    ]


def test_occurrence_that_is_not_there_has_no_decisions(master: httpx.Client, project: str) -> None:
    post(master, project)
    paths = [f"{occurrences_path('oops', project)}/{place}/decisions" for place in ("1", "x")]

    assert [master.get(path).status_code for path in paths] == [404, 404]


# Deliveries


def test_deliveries_are_paged_without_a_gap(master: httpx.Client, project: str) -> None:
    for number in range(5):
        post(master, project, {**HOOK, "threshold": f"x{number}"}, {"type": f"x{number}"})
        post(master, project, {**HOOK, "notifyInterval": [number]})
    whole = deliveries_of(master, project=project)["deliveries"]
    found, cursor = [], None
    while True:
        page = deliveries_of(master, project=project, limit=1, cursor=cursor or "")
        found += page["deliveries"]
        cursor = page["nextCursor"]
        if cursor is None:
            break

    assert found == whole
    assert len(whole) > 2


@pytest.mark.parametrize(
    "query", [{"state": "lost"}, {"limit": "0"}, {"cursor": "x"}, {"cursor": "WzFlOTksMV0"}]
)
def test_bad_query_is_refused(master: httpx.Client, query: dict[str, str]) -> None:
    assert master.get("/v0/deliveries", params=query).status_code == 400


def test_deleting_the_error_takes_its_deliveries_and_what_waits_along(
    master: httpx.Client, project: str
) -> None:
    config = {**HOOK, "endpoint": f"https://127.0.0.1:9/{project}"}
    post(master, project, config)
    wait_for_state(master, project, "failed")
    post(master, project, config)

    master.delete(error_path("oops", project))

    left = deliveries_of(master, project=project)
    assert (left["deliveries"], left["waiting"]) == ([], [])


@pytest.mark.parametrize(
    "delivery_id",
    ["0", "99999999999999999999", f"{0:020}{10**19}", "9" * 5000, "x", "-1", "%31%30e9"],
)
def test_retry_of_what_is_not_there_is_404(master: httpx.Client, delivery_id: str) -> None:
    assert master.post(f"/v0/deliveries/{delivery_id}/retry").status_code == 404


def test_retry_makes_a_failed_delivery_due_anew(master: httpx.Client, project: str) -> None:
    post(master, project, {**HOOK, "endpoint": f"https://127.0.0.1:9/{project}"})
    (failed,) = wait_for_state(master, project, "failed")

    answer = master.post(f"/v0/deliveries/{failed['id']}/retry")

    assert answer.status_code == 200
    delivery = answer.json()["data"]["delivery"]
    assert (delivery["state"], delivery["attempts"]) == ("due", 0)


def test_retry_of_a_refused_config_says_that_it_leads_nowhere(
    master: httpx.Client, project: str
) -> None:
    post(master, project, {"type": project})
    (failed,) = deliveries_of(master, project=project)["deliveries"]

    answer = master.post(f"/v0/deliveries/{failed['id']}/retry")

    assert answer.status_code == 400
    assert "its config was refused" in answer.json()["message"]


# Sealing


def test_encrypt_seals_what_opens_here(keyed: RunningServer, master: httpx.Client) -> None:
    answer = master.post("/v0/encrypt", json=SLACK)

    assert answer.status_code == 201
    body = answer.json()
    sealed = body["encrypted"]
    assert body == {"data": {"encrypted": sealed}, "status": "success", "encrypted": sealed}
    assert json.loads(keyed.services.key_store.open(sealed)) == SLACK


def test_encrypt_says_why_a_config_would_not_work(master: httpx.Client) -> None:
    answer = master.post("/v0/encrypt", json={**SLACK, "channel": None, "batch": -1})

    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"message": "batch: expected a whole number from 0 to 3600", "path": ["batch"]},
        {"message": "channel is required", "path": ["channel"]},
    ]


@pytest.mark.parametrize(("allow_http", "status"), [(False, 400), (True, 201)])
def test_encrypt_refuses_what_this_server_would_never_send_to(
    tmp_path: Path, allow_http: bool, status: int
) -> None:
    create_key_file(tmp_path / "faultline.key", 1)
    config = {**SLACK, "endpoint": "http://hooks.example.com/services/to-be-concealed"}
    settings: dict[str, Any] = {"master_api_key": MASTER, "allow_http": allow_http}
    with running_server(tmp_path, **settings) as server, server.client(MASTER) as client:
        answer = client.post("/v0/encrypt", json=config)

    assert answer.status_code == status
    if not allow_http:
        message = "endpoint: the scheme of the URL is not allowed, only https"
        assert answer.json()["errors"] == [{"message": message, "path": ["endpoint"]}]


def test_encrypt_needs_the_master_key(keyed: RunningServer) -> None:
    with keyed.client(CLIENT) as client:
        answer = client.post("/v0/encrypt", json=SLACK)

    assert answer.status_code == 403


@pytest.mark.parametrize("settings", [{}, {"client_api_keys": (CLIENT,)}])
def test_encrypt_without_a_master_key_is_412(tmp_path: Path, settings: dict[str, Any]) -> None:
    create_key_file(tmp_path / "faultline.key", 1)
    with running_server(tmp_path, **settings) as server, server.client(CLIENT) as client:
        answer = client.post("/v0/encrypt", json=SLACK)

    assert answer.status_code == 412
    assert answer.json()["message"] == "412 Precondition Failed: there is no master key"


def test_encrypt_without_a_key_pair_is_412(tmp_path: Path) -> None:
    with (
        running_server(tmp_path, master_api_key=MASTER) as server,
        server.client(MASTER) as client,
    ):
        answer = client.post("/v0/encrypt", json=SLACK)
        info = client.get("/v0/info").json()["data"]

    assert answer.status_code == 412
    assert list(info) == ["version"]


def test_info_gives_the_public_key_away(keyed: RunningServer, master: httpx.Client) -> None:
    info = master.get("/v0/info").json()["data"]

    (pair,) = keyed.services.key_store.pairs
    assert (info["publicKey"], info["keyId"]) == (pair.public_key, pair.key_id)
