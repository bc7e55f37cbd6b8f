"""What did not arrive is in sight on every page, beside the way to the deliveries."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from faultline_lite.sealedbox import create_key_file
from tests.fakes import Answer, FakeClock, Receiver
from tests.fakes.http import far_side
from tests.reports import PROJECT, errors_path, make_report
from tests.servers import RunningServer, running_server, wait_until
from tests.web.visiting import MASTER_KEY, log_in

DAY_SECONDS = 24 * 3600
_BADGE = re.compile(r'<a class="badge [^"]*" href="([^"]*)" aria-label="([^"]*)"')


@contextmanager
def notifying_server(
    folder: Path, clock: FakeClock, receiver: Receiver, **settings: Any
) -> Iterator[RunningServer]:
    """Run a server that may notify the receiver."""
    create_key_file(folder / "faultline.key", 1)
    settings = {"allow_hosts": ("127.0.0.1",), "allow_http": True, **settings}
    with far_side(receiver), running_server(folder, clock, **settings) as server:
        yield server


def notify(
    client: httpx.Client, receiver: Receiver, answer: int, state: str, attempts: int = 1
) -> None:
    """Report an error whose notification gets that answer, and wait for what comes of it."""
    receiver.script.append(Answer(answer))
    report = make_report(notifications=[receiver.config()])
    client.post(errors_path(PROJECT), json=report).raise_for_status()
    wait_for(client, state, attempts)


def wait_for(client: httpx.Client, state: str, attempts: int) -> None:
    def is_there() -> bool:
        found = client.get("/v0/deliveries", params={"state": state}).json()["data"]["deliveries"]
        return [each["attempts"] for each in found] == [attempts]

    wait_until(is_there)


def badges(client: httpx.Client, path: str = "/", language: str = "en") -> list[tuple[str, str]]:
    """Return where the badges of the page lead to, and what they are called."""
    answer = client.get(path, headers={"Accept-Language": language})
    return _BADGE.findall(answer.text)


def test_permanent_failure_is_on_every_page_for_a_day(tmp_path: Path, clock: FakeClock) -> None:
    receiver = Receiver()
    with notifying_server(tmp_path, clock, receiver) as server, server.client() as client:
        client.post(errors_path(PROJECT), json=make_report()).raise_for_status()
        before = badges(client)
        notify(client, receiver, 404, "failed")
        failed = [("/deliveries?state=failed", "1 failed in the last 24 hours")]
        paths = ("/", f"/projects/{PROJECT}", "/deliveries", "/seal", "/settings", "/projects/no")
        shown = [badges(client, path) for path in paths]
        in_japanese = badges(client, language="ja")
        server.run(clock.leap(DAY_SECONDS - 1))
        late = badges(client)
        server.run(clock.leap(1))

        assert before == []
        assert shown == [failed] * len(paths)
        assert in_japanese == [("/deliveries?state=failed", "過去24時間に 1 件の送信が失敗")]
        assert late == failed
        assert badges(client) == []


def test_what_is_tried_again_is_shown_until_it_arrives(tmp_path: Path, clock: FakeClock) -> None:
    receiver = Receiver()
    with notifying_server(tmp_path, clock, receiver) as server, server.client() as client:
        notify(client, receiver, 503, "due")
        shown = badges(client)
        in_japanese = badges(client, language="ja")
        server.run(clock.advance(60))
        wait_for(client, "sent", 2)

        assert shown == [("/deliveries?state=due", "1 not delivered yet, to be tried again")]
        assert in_japanese == [("/deliveries?state=due", "再送待ち 1 件（まだ届いていません）")]
        assert badges(client) == []


def test_badge_is_for_those_who_may_enter(tmp_path: Path, clock: FakeClock) -> None:
    receiver = Receiver()
    with (
        notifying_server(tmp_path, clock, receiver, master_api_key=MASTER_KEY) as server,
        server.client(MASTER_KEY) as program,
        server.client() as visitor,
    ):
        notify(program, receiver, 404, "failed")
        outside = badges(visitor, "/login")
        log_in(visitor)

        assert outside == []
        assert len(badges(visitor)) == 1


def test_page_stands_without_the_deliveries(server: RunningServer, client: httpx.Client) -> None:
    def damage(connection: sqlite3.Connection) -> None:
        connection.execute("ALTER TABLE delivery RENAME COLUMN updated_ms TO lost")

    server.run(server.services.database.write(damage))
    answer = client.get("/setup")

    assert answer.status_code == 200
    assert "/deliveries" in answer.text
