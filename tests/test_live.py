import asyncio
import threading
import time
from pathlib import Path

import httpx
import pytest

from faultline_lite.live import MAX_ERRORS, MAX_LISTENERS, MAX_RECENT, Changes, LiveTail
from tests.reports import errors_path, make_report
from tests.servers import RunningServer, running_server

pytestmark = pytest.mark.anyio


async def test_listener_takes_each_changed_error_once() -> None:
    live = LiveTail()
    with live.listen("web") as listener:
        live.publish("web", [1, 2])
        live.publish("web", [2, 3])
        await listener.wait()

        assert listener.take() == Changes((1, 2, 3), all=False)
        assert listener.take() == Changes((), all=False)


async def test_listener_hears_of_its_project_or_of_all() -> None:
    live = LiveTail()
    with live.listen("web") as one, live.listen(None) as every:
        live.publish("api", [1])

        assert one.take() == Changes((), all=False)
        assert every.take() == Changes((1,), all=False)


async def test_slow_listener_holds_no_more_than_that_there_was_much() -> None:
    live = LiveTail()
    with live.listen(None) as listener:
        live.publish("web", range(MAX_ERRORS + 1))
        live.publish("web", [7])

        assert listener.take() == Changes((7,), all=True)


async def test_late_listener_hears_what_came_since_it_looked() -> None:
    live = LiveTail()
    live.publish("web", [1])
    position = live.position
    live.publish("web", [2])
    live.publish("api", [3])
    with live.listen("web", position) as listener, live.listen("web", live.position) as prompt:
        assert listener.take() == Changes((2,), all=False)
        assert prompt.take() == Changes((), all=False)


@pytest.mark.parametrize("behind", [MAX_RECENT + 1, -1])
async def test_position_that_is_not_remembered_means_everything(behind: int) -> None:
    live = LiveTail()
    for _ in range(MAX_RECENT + 2):
        live.publish("web", [1])
    process, _, count = live.position.partition(".")
    with live.listen("web", f"{process}.{int(count) - behind}") as listener:
        assert listener.take() == Changes((), all=True)


@pytest.mark.parametrize("since", ["x", "0123456789abcdef.0", "0123456789abcdef.", "\n"])
async def test_position_of_another_process_means_everything(since: str) -> None:
    with LiveTail().listen(None, since) as listener:
        assert listener.take() == Changes((), all=True)


async def test_close_ends_every_listener_those_to_come_too() -> None:
    live = LiveTail()
    with live.listen(None) as listener:
        live.close()
        await asyncio.gather(listener.wait(), listener.wait_for_end())

        assert listener.take() is None
    with live.listen(None) as late:
        assert late.take() is None


async def test_listeners_are_limited_and_leave_room_when_they_go() -> None:
    live = LiveTail()
    contexts = [live.listen(None) for _ in range(MAX_LISTENERS)]
    for context in contexts:
        context.__enter__()
    was_full = live.is_full
    contexts[0].__exit__(None, None, None)

    assert (was_full, live.is_full) == (True, False)


def _read_event(stream: httpx.Response) -> str:
    return next(line for line in stream.iter_lines() if line.startswith("data:"))


def test_report_is_told_to_whoever_follows_its_project(server: RunningServer) -> None:
    with server.client() as client, client.stream("GET", "/projects/sample-project/live") as tail:
        assert tail.headers["content-type"].startswith("text/event-stream")
        client.post(errors_path("other"), json=make_report())
        client.post(errors_path(), json=make_report())

        assert _read_event(tail) == 'data: {"errors":[2],"all":false}'


def test_head_of_the_stream_is_answered_at_once(server: RunningServer) -> None:
    with server.client() as client:
        answers = [client.head("/live"), client.head("/projects/sample-project/live")]

    assert [(each.status_code, each.headers["content-type"], each.content) for each in answers] == [
        (200, "text/event-stream; charset=utf-8", b"")
    ] * 2


def test_stream_goes_on_where_it_ended(server: RunningServer) -> None:
    with server.client() as client:
        since = server.services.live.position
        client.post(errors_path(), json=make_report("between"))
        with client.stream("GET", "/live", params={"since": since}) as tail:
            lines = tail.iter_lines()
            event_id = next(line for line in lines if line.startswith("id: "))[4:]
            first = next(lines)
        client.post(errors_path(), json=make_report("later"))
        with client.stream("GET", "/live", headers={"Last-Event-ID": event_id}) as tail:
            second = _read_event(tail)

    assert first == 'data: {"errors":[1],"all":false}'
    assert second == 'data: {"errors":[2],"all":false}'


def test_open_stream_does_not_hold_up_a_shutdown(tmp_path: Path) -> None:
    streaming = threading.Event()

    def follow(url: str) -> None:
        with httpx.stream("GET", f"{url}/live", trust_env=False, timeout=20) as tail:
            for _ in tail.iter_bytes():
                streaming.set()

    with running_server(tmp_path) as server:
        follower = threading.Thread(target=follow, args=(server.url,))
        follower.start()
        assert streaming.wait(10)
        started = time.monotonic()
    follower.join(10)

    # It would be cut off after ten seconds otherwise.
    assert time.monotonic() - started < 5
