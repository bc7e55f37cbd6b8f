"""The API of regrouping, on a server that was started with another rule than before."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from faultline_lite.fingerprint import truncate
from faultline_lite.store.regroup_journal import begin
from tests.errors import post
from tests.fakes import FakeClock
from tests.reports import error_path, errors_path, occurrences_path
from tests.servers import RunningServer, running_server, server_process

LONG = "x" * 700
#: More than any regrouping of these tests takes.
MANY_LOOKS = 10_000


def listed(client: httpx.Client) -> dict[str, tuple[int, str]]:
    errors = client.get(errors_path()).json()["data"]["errors"]
    return {each["message"]: (each["count"], each["status"]) for each in errors}


def by_message(
    folder: Path, clock: FakeClock | None = None
) -> AbstractContextManager[RunningServer]:
    return running_server(folder, clock or FakeClock(), grouping="message")


def regroup(client: httpx.Client, action: str) -> Any:
    """Begin, and return what it came to once it is over."""
    begun = client.post("/v0/regroup", json={"action": action})
    assert begun.status_code == 202, begun.text
    part = "plan" if action == "plan" else "regroup"
    for _ in range(MANY_LOOKS):
        shown = client.get("/v0/regroup").json()["data"][part]
        if shown["state"] != "running":
            return shown
    raise AssertionError("it does not end")


def test_nothing_was_regrouped_yet(client: httpx.Client) -> None:
    shown = client.get("/v0/regroup").json()["data"]

    assert shown == {"grouping": "pattern", "plan": None, "regroup": None}


@pytest.mark.parametrize("action", ["plan", "apply", "undo"])
def test_what_is_under_way_must_end_first(action: str, tmp_path: Path) -> None:
    with running_server(tmp_path, FakeClock()) as server, server.client() as client:
        # Nothing goes on with it: the clock stands still.
        server.run(server.services.database.write(begin, "apply", exact=False, now_ms=0))
        refused = client.post("/v0/regroup", json={"action": action})
        shown = client.get("/v0/regroup").json()["data"]["regroup"]

    message = "a regrouping is under way already"
    assert refused.status_code == 409
    assert refused.json()["errors"] == [{"message": message, "path": ["action"]}]
    assert shown["state"] == "running"


def test_rule_changes_there_and_back(tmp_path: Path) -> None:
    with by_message(tmp_path) as server, server.client() as client:
        post(client, "user 1 lost", "user 2 lost", "user 2 lost", "no disk")
        client.patch(error_path("user 1 lost"), json={"status": "resolved"})
        before = listed(client)
    with running_server(tmp_path, FakeClock()) as server, server.client() as client:
        plan = regroup(client, "plan")
        untouched = listed(client)
        applied = regroup(client, "apply")
        merged = listed(client)
        found = client.get(error_path("user 99 lost")).json()["data"]["summary"]["count"]
        occurrences = client.get(occurrences_path("user 1 lost")).json()["data"]["errors"]
        undone = regroup(client, "undo")
        after = listed(client)

    assert (plan["state"], plan["lookedAt"]) == ("done", 3)
    assert (plan["result"]["before"], plan["result"]["after"]) == (2, 1)
    assert plan["result"]["reopened"] == 1
    assert plan["result"]["renamed"] == 1
    assert untouched == before
    assert (applied["state"], applied["merged"], applied["created"]) == ("done", 1, 0)
    assert merged == {"user 1 lost": (3, "unresolved"), "no disk": (1, "unresolved")}
    assert (found, len(occurrences)) == (3, 3)
    assert (undone["state"], undone["steps"]) == ("done", 0)
    assert after == before


def test_parts_are_addressed_by_their_messages(tmp_path: Path) -> None:
    messages = [f"{LONG} 1", f"{LONG} 2", "user 1 lost", "user 2 lost"]
    with running_server(tmp_path, FakeClock()) as server, server.client() as client:
        post(client, *messages)
        post(client, "named", fingerprint=["mine"])
    with by_message(tmp_path) as server, server.client() as client:
        regroup(client, "apply")
        counts = [
            client.get(error_path(address)).json()["data"]["summary"]["count"]
            for address in (*messages, *map(truncate, messages), "named")
        ]
        plan = regroup(client, "plan")

    assert counts == [1] * 9
    assert (plan["result"]["before"], plan["result"]["renamed"]) == (0, 0)


def test_search_finds_what_was_moved(tmp_path: Path) -> None:
    clock = FakeClock()
    with by_message(tmp_path, clock) as server, server.client() as client:
        post(client, "user 1 lost", params={"colour": "vermilion"})
        post(client, "user 2 lost", params={"colour": "turquoise"})
        before = search(server, clock, client, hits=1)
    with running_server(tmp_path, clock) as server, server.client() as client:
        regroup(client, "apply")
        after = search(server, clock, client, hits=1)

    assert before == [1, 1]
    assert after == [2, 2]


def search(server: RunningServer, clock: FakeClock, client: httpx.Client, hits: int) -> list[int]:
    """Return the counts of what is found, once the server's own job has indexed it."""
    for _ in range(MANY_LOOKS):
        found = [
            client.get("/v0/search", params={"q": colour}).json()["data"]["errors"]
            for colour in ("vermilion", "turquoise")
        ]
        if [len(each) for each in found] == [hits, hits]:
            break
        server.run(clock.advance(1))
    return [hit["count"] for each in found for hit in each]


@pytest.mark.parametrize(
    "body", [{}, {"action": "destroy"}, {"action": "plan", "more": 1}, [], {"action": None}]
)
def test_other_bodies_are_refused(client: httpx.Client, body: Any) -> None:
    assert client.post("/v0/regroup", json=body).status_code == 400


def test_kill_in_the_middle_is_gone_on_with(tmp_path: Path) -> None:
    messages = [f"user {number} lost" for number in range(300)]
    grouping = {"FAULTLINE_LITE_GROUPING": "message"}
    with server_process(tmp_path, environment=grouping) as server, server.client() as client:
        post(client, *messages)
        server.stop()
    for _ in range(3):
        with server_process(tmp_path) as server, server.client() as client:
            if client.get("/v0/regroup").json()["data"]["regroup"] is None:
                client.post("/v0/regroup", json={"action": "apply"})
            client.get("/v0/projects")
            server.kill()
    with server_process(tmp_path) as server, server.client() as client:
        for _ in range(MANY_LOOKS):
            shown = client.get("/v0/regroup").json()["data"]["regroup"]
            if shown["state"] != "running":
                break
        counts = listed(client)
        found = client.get(occurrences_path("user 7 lost"), params={"limit": 1000}).json()

    assert shown["state"] == "done"
    assert [count for count, _ in counts.values()] == [300]
    assert {each["message"] for each in found["data"]["errors"]} == set(messages)
