"""`deliveries`, `why` and `notify-test`, on a server and a web hook on loopback."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from faultline_lite.cli import cli
from faultline_lite.sealedbox import KeyStore, create_key_file
from tests.fakes import Answer, FakeClock, FakeSlack, Receiver
from tests.fakes.http import far_side
from tests.reports import errors_path, make_report
from tests.servers import RunningServer, running_server


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    with far_side(receiver):
        yield receiver


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningServer]:
    monkeypatch.chdir(tmp_path)
    create_key_file(tmp_path / "faultline.key", 1)
    settings = {"allow_hosts": ("127.0.0.1",), "allow_http": True}
    with running_server(tmp_path, FakeClock(), **settings) as server:
        (tmp_path / "faultline.toml").write_text(
            'key_file = "faultline.key"\nallow_hosts = ["127.0.0.1"]\nallow_http = true\n'
        )
        yield server


def ask(server: RunningServer, *arguments: str) -> Result:
    options = ("--url", server.url, "--api-key", "key")
    result = CliRunner().invoke(cli, [*arguments, *options], catch_exceptions=False)
    assert "concealed" not in result.output
    return result


def report(server: RunningServer, *configs: Any) -> str:
    """Report an occurrence and return its reversedUnixtime."""
    with server.client() as client:
        answer = client.post(
            errors_path("web"), json=make_report("oops", notifications=list(configs))
        )
        assert answer.status_code == 201
        place: str = answer.json()["id"]
        return place


def wait_for_delivery(server: RunningServer) -> dict[str, Any]:
    """Return the delivery that was tried, once it is settled."""
    with server.client() as client:
        for _ in range(2000):
            for each in client.get("/v0/deliveries").json()["data"]["deliveries"]:
                if each["state"] in {"sent", "failed"} and each["attempts"]:
                    delivery: dict[str, Any] = each
                    return delivery
    raise AssertionError("nothing was delivered")


def test_deliveries_are_listed_with_what_waits(server: RunningServer, receiver: Receiver) -> None:
    report(server, receiver.config())
    sent = wait_for_delivery(server)
    report(server, receiver.config())

    result = ask(server, "deliveries")

    waiting, headings, row = result.output.splitlines()
    assert waiting == (
        "webhook 127.0.0.1: 1 occurrence(s) of 1 error(s) wait since 2016-12-06T15:00:00+00:00"
    )
    assert headings.split()[:4] == ["id", "changed", "channel", "state"]
    assert row.split() == [
        *(str(sent["id"]), "2016-12-06T15:00:00+00:00", "webhook", "127.0.0.1", "sent"),
        *("1", "1", "answered", "200", "oops"),
    ]


def test_deliveries_are_printed_as_json(server: RunningServer, receiver: Receiver) -> None:
    report(server, receiver.config())
    sent = wait_for_delivery(server)

    listed = json.loads(ask(server, "deliveries", "list", "--state", "sent", "--json").stdout)
    none = json.loads(ask(server, "deliveries", "--project", "other", "--json").stdout)

    assert listed == {"deliveries": [sent], "waiting": [], "nextCursor": None}
    assert none["deliveries"] == []


def test_deliveries_beyond_the_limit_are_hinted_at(
    server: RunningServer, receiver: Receiver
) -> None:
    report(server, {"type": "pager"})
    only = ask(server, "deliveries", "--limit", "1")
    report(server, {"type": "webhook"})
    first = ask(server, "deliveries", "--limit", "1")

    assert only.stderr == ""
    assert first.stderr == "the first 1; --limit shows up to 200\n"


def test_failed_delivery_is_retried(server: RunningServer, receiver: Receiver) -> None:
    receiver.script.append(Answer(404))
    report(server, receiver.config())
    failed = wait_for_delivery(server)

    result = ask(server, "deliveries", "retry", str(failed["id"]))

    assert failed["state"] == "failed"
    assert result.output == f"{failed['id']} is due: webhook 127.0.0.1\n"


def test_retry_of_what_has_not_failed_is_refused(server: RunningServer, receiver: Receiver) -> None:
    report(server, receiver.config())
    sent = wait_for_delivery(server)

    result = ask(server, "deliveries", "retry", str(sent["id"]))

    assert result.exit_code == 1
    assert "the delivery has not failed: it is sent" in result.stderr


def test_retry_goes_on_after_what_cannot_be_retried(
    server: RunningServer, receiver: Receiver
) -> None:
    receiver.script.append(Answer(404))
    report(server, receiver.config())
    failed = wait_for_delivery(server)

    result = ask(server, "deliveries", "retry", "999999", str(failed["id"]))

    assert result.exit_code == 1
    assert result.stderr == "Error: 999999: 404: there is no such delivery\n"
    assert result.stdout == f"{failed['id']} is due: webhook 127.0.0.1\n"


def test_why_says_what_was_decided_and_what_became_of_it(
    server: RunningServer, receiver: Receiver
) -> None:
    first = report(server, receiver.config(), receiver.config(threshold=30), {"type": "pager"})
    sent = wait_for_delivery(server)
    report(server, receiver.config(), receiver.config(threshold=30))

    told = ask(server, "why", "web", "oops", first)
    latest = ask(server, "why", "web", "oops")

    lines = told.output.splitlines()
    assert lines[0] == f"{first}: occurrence 1 of the error, 1 in its minute"
    assert lines[1:3] == [
        "webhook 127.0.0.1: notify, the first occurrence of the error",
        f"  delivery {sent['id']}, sent: answered 200",
    ]
    assert lines[-1].startswith("notifications[2]: refused, type: expected one of ")
    assert latest.output.splitlines() == [
        f"{first}-2: occurrence 2 of the error, 2 in its minute",
        "webhook 127.0.0.1: notify, 2 in this minute, threshold 1, notifyInterval 1",
        "  waits for the next message to the channel",
        "webhook 127.0.0.1: held, 2 in this minute, threshold 30",
    ]


def test_why_of_a_report_without_channels_says_so(server: RunningServer) -> None:
    report(server)

    result = ask(server, "why", "web", "oops", "--json")

    assert json.loads(result.stdout) | {"reversedUnixtime": ""} == {
        "reversedUnixtime": "",
        "count": 1,
        "bucket": 1,
        "timeunit": "minute",
        "regression": False,
        "muted": False,
        "decisions": [],
    }


@pytest.mark.parametrize("beginning", ["sb1.", "", "-"])
def test_trial_sends_one_sample_through_every_config(
    server: RunningServer, receiver: Receiver, tmp_path: Path, beginning: str
) -> None:
    slack = FakeSlack()
    with far_side(slack):
        endpoint = slack.endpoint
        configs = [
            receiver.config(),
            {"type": "slack", "endpoint": endpoint, "channel": "#random"},
        ]
        key_store = KeyStore(tmp_path / "faultline.key")
        sealed = key_store.seal(json.dumps(configs).encode())
        if beginning != "sb1.":
            # Without what names the key it is as any libsodium makes it.
            while not (sealed := sealed.rpartition(".")[2]).startswith(beginning):
                sealed = key_store.seal(json.dumps(configs).encode())
        result = CliRunner().invoke(cli, ["notify-test", sealed], catch_exceptions=False)

    assert result.exit_code == 0
    assert result.output == "webhook 127.0.0.1: answered 200\nslack #random: posted\n"
    (request,) = receiver.requests
    assert [each["type"] for each in request.json["errors"]] == ["notify-test"]
    assert len(slack.messages) == 1


@pytest.mark.parametrize(("status", "again"), [(404, False), (503, True)])
def test_trial_that_fails_says_why_and_whether_it_would_be_tried_again(
    server: RunningServer, receiver: Receiver, tmp_path: Path, status: int, again: bool
) -> None:
    receiver.script.append(Answer(status))
    (tmp_path / "hook.json").write_text(json.dumps(receiver.config()))

    result = CliRunner().invoke(cli, ["notify-test", "hook.json"], catch_exceptions=False)

    assert result.exit_code == 1
    assert f"FAILED, 127.0.0.1 answered {status}" in result.output
    assert ("a server would try again" in result.output) is again
    assert "concealed" not in result.output
