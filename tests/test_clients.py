"""faultline's own clients, as they were captured: each is answered as it needs, nothing is lost."""

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from faultline_lite.fingerprint import truncate
from tests.reports import PROJECT, error_path, errors_path, occurrences_path, project_path
from tests.servers import RunningServer, running_server
from tests.wire import Answer, exchange

FIXTURES = Path(__file__).parent / "fixtures"
CAPTURED = sorted(
    path for path in FIXTURES.glob("faultline-*/*.json") if "/v0/projects/" in path.read_text()
)
#: The key that all captured requests carry.
CLIENT_KEY = "0123456789abcdef0123456789abcdef"
MASTER_KEY = "fedcba9876543210fedcba9876543210"

Parts = dict[str, msgspec.Raw]


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("locked")
    settings: dict[str, Any] = {"master_api_key": MASTER_KEY, "client_api_keys": [CLIENT_KEY]}
    # Their notification configs lead nowhere; here it is about the reports.
    with running_server(folder, plain_configs="deny", **settings) as server:
        yield server


@pytest.fixture
def master(locked: RunningServer) -> Iterator[httpx.Client]:
    with locked.client(MASTER_KEY) as client:
        yield client
        client.delete(project_path())


def read_capture(path: Path) -> tuple[dict[str, Any], bytes]:
    captured = json.loads(path.read_text())
    if "body_base64" in captured:
        return captured, base64.b64decode(captured["body_base64"])
    return captured, captured["body_text"].encode()


def replay(server: RunningServer, captured: dict[str, Any], body: bytes) -> Answer:
    """Send the request as it was sent, its connection apart."""
    headers = {
        name: value
        for name, value in captured["headers"].items()
        if name.lower() not in {"connection", "transfer-encoding", "content-length"}
    }
    if body:
        headers["Content-Length"] = str(len(body))
    lines = [f"{captured['method']} {captured['path']} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return exchange(server.url, "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body)


def posted_parts(body: bytes) -> list[Parts]:
    """Return each entry of the report with what it shares, as the bytes that were posted."""
    report = msgspec.json.decode(body, type=Parts)
    entries = msgspec.json.decode(report.pop("errors"), type=list[Parts])
    report.pop("notifications", None)
    return [without_nulls({**report, **entry}) for entry in entries]


def without_nulls(parts: Parts) -> Parts:
    return {name: raw for name, raw in parts.items() if bytes(raw) != b"null"}


def read_occurrence(client: httpx.Client, message: str) -> Parts:
    path = occurrences_path(truncate(message))
    page = client.get(path).json()["data"]["errors"]
    (place,) = [each["reversedUnixtime"] for each in page if each["message"] == message]
    answer = client.get(f"{path}/{place}").content
    decoded = msgspec.json.decode(answer, type=dict[str, Parts])
    return msgspec.json.decode(decoded["data"]["error"], type=Parts)


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


REPORTS = [
    path
    for path in CAPTURED
    if path.stem not in {"handled_ja", "handled_jsonp", "handled.preflight"}
]


@pytest.mark.parametrize("path", REPORTS, ids=name_of)
def test_report_of_a_client_comes_back_byte_for_byte(
    locked: RunningServer, master: httpx.Client, path: Path
) -> None:
    captured, body = read_capture(path)
    # One of them holds a secret.
    entries = posted_parts(body.replace(b'"password":"x"', b'"password":"[scrubbed]"'))
    answer = replay(locked, captured, body)
    listed = master.get(errors_path()).json()["data"]["errors"]
    messages = [msgspec.json.decode(entry["message"]) for entry in entries]

    # faultline-php takes 201 for success and nothing else, faultline-js hangs without an id and
    # rejects where there is an error, faultline-go reads the count.
    assert answer.status == 201
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.json()["data"] == {"errors": {"postCount": len(entries)}}
    assert "error" not in answer.json()
    place = f"{occurrences_path(truncate(messages[0]))}/{answer.json()['id']}"
    assert master.get(place).json()["data"]["error"]["message"] == messages[0]

    assert {error["project"] for error in listed} == {PROJECT}
    assert sum(error["count"] for error in listed) == len(entries)
    for message, entry in zip(messages, entries, strict=True):
        occurrence = read_occurrence(master, message)
        assert {name: bytes(occurrence[name]) for name in entry} == {
            name: bytes(raw)
            if name not in {"message", "type"}
            else msgspec.json.encode(msgspec.json.decode(raw))
            for name, raw in entry.items()
        }


@pytest.mark.parametrize(
    "path", [path for path in CAPTURED if path.stem == "handled_ja"], ids=name_of
)
def test_project_with_a_space_is_refused(
    locked: RunningServer, master: httpx.Client, path: Path
) -> None:
    answer = replay(locked, *read_capture(path))

    assert answer.status == 400
    assert answer.json()["errors"][0]["path"] == ["project"]
    assert answer.json()["error"] == answer.json()["message"]


def test_preflight_of_the_browser_client_is_answered(locked: RunningServer) -> None:
    captured, body = read_capture(FIXTURES / "faultline-js" / "handled.preflight.json")
    answer = replay(locked, captured, body)
    asked = captured["headers"]["Access-Control-Request-Headers"].split(",")
    allowed = answer.headers["access-control-allow-headers"].lower().split(", ")

    assert answer.status == 204
    assert set(asked) <= set(allowed)
    assert "POST" in answer.headers["access-control-allow-methods"]


def test_jsonp_which_never_worked_is_refused(locked: RunningServer) -> None:
    answer = replay(locked, *read_capture(FIXTURES / "faultline-js" / "handled_jsonp.json"))

    assert answer.status == 403


def test_refused_report_lets_the_browser_client_settle(locked: RunningServer) -> None:
    captured, _ = read_capture(FIXTURES / "faultline-js" / "handled.json")
    answer = replay(locked, captured, b'{"errors": [{}]}')

    assert answer.status == 400
    assert answer.json()["error"] == "Object missing required field `message`"


def test_sample_report_is_posted_with_curl_and_read_in_every_way(
    locked: RunningServer, master: httpx.Client
) -> None:
    sample = FIXTURES / "faultline" / "sample-errors.json"
    posted = subprocess.run(
        [
            *("curl", "--silent", "--show-error", "--noproxy", "*"),
            *("-H", f"X-Api-Key: {CLIENT_KEY}", "-d", f"@{sample}", f"{locked.url}{errors_path()}"),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    entries = json.loads(sample.read_text())["errors"]
    counts = {
        message: sum(entry["message"] == message for entry in entries)
        for message in {entry["message"] for entry in entries}
    }
    errors = master.get(errors_path()).json()["data"]["errors"]
    projects = master.get("/v0/projects").json()["data"]["projects"]

    assert json.loads(posted.stdout)["data"] == {"errors": {"postCount": 27}}
    assert {error["message"]: error["count"] for error in errors} == counts
    assert {error["status"] for error in errors} == {"unresolved"}
    assert [(each["name"], each["count"], each["unresolvedCount"]) for each in projects] == [
        (PROJECT, 27, 2)
    ]
    for message, count in counts.items():
        own = [entry for entry in entries if entry["message"] == message]
        check_one_error(master, message, own)
        assert count == len(own)


def check_one_error(client: httpx.Client, message: str, entries: list[dict[str, Any]]) -> None:
    bounds = {"start": "2016-01-01T00:00:00Z"}
    shown = client.get(error_path(message), params=bounds).json()["data"]
    page = client.get(occurrences_path(message), params={"limit": 100}).json()["data"]["errors"]
    dated = sorted((each["timestamp"] for each in entries if "timestamp" in each), reverse=True)

    # Those without a timestamp happened when they came, and so last.
    assert [each["timestamp"] for each in page][len(entries) - len(dated) :] == dated
    assert shown["error"] == page[0]
    assert sum(bucket["count"] for bucket in shown["timeline"]["errors"]) == len(entries)
    assert {bucket["key"] for bucket in shown["timeline"]["errors"]} == {f"{PROJECT}##{message}"}
    added = {"event", "project", "receivedAt", "reversedUnixtime"}
    for each in page:
        fetched = client.get(f"{occurrences_path(message)}/{each['reversedUnixtime']}").json()
        posted = {name: value for name, value in each.items() if name not in added}

        assert fetched["data"]["error"] == each
        assert any(entry.items() <= posted.items() for entry in entries)
        assert set(each) == {"type", "message", "backtrace", "timestamp", *added}


def test_every_captured_request_is_replayed() -> None:
    clients = {path.parent.name for path in CAPTURED}

    assert clients == {"faultline-go", "faultline-js", "faultline-php", "faultline-ruby"}
    assert len(REPORTS) >= 45
