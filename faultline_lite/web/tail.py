"""The live tail as server-sent events (html.spec.whatwg.org, "Server-sent events").

An event says which errors have changed; the page asks for what it shows of them.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from faultline_lite.clock import Clock
from faultline_lite.http.routing import project_of
from faultline_lite.live import Changes, LiveTail
from faultline_lite.web.visits import Visit

MEDIA_TYPE = "text/event-stream"
#: Between two events, so that a storm costs a page one request a second.
PAUSE_SECONDS = 1.0
#: A comment now and then keeps proxies from taking the silence for an end.
HEARTBEAT_SECONDS = 15.0
#: The browser connects again by itself, with a session that is checked again.
STREAM_SECONDS = 900.0

_HEARTBEAT = b":\n\n"


async def follow_projects(visit: Visit) -> Response:
    """Stream the changes in all projects."""
    return _stream(visit, None)


async def follow_project(visit: Visit) -> Response:
    """Stream the changes in one project."""
    return _stream(visit, project_of(visit.request))


def _stream(visit: Visit, project: str | None) -> Response:
    live = visit.services.live
    if live.is_full:
        raise HTTPException(503, headers={"Retry-After": "30"})
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if visit.request.method == "HEAD":
        # It would be answered when the stream ends.
        return StreamingResponse(iter(()), media_type=MEDIA_TYPE, headers=headers)
    # A browser that connects again says what it had last; a page, when it was made.
    parameters, sent = visit.request.query_params, visit.request.headers
    since = sent.get("last-event-id") or parameters.get("since", "")
    events = _events(live, project, since, visit.services.clock)
    return StreamingResponse(events, media_type=MEDIA_TYPE, headers=headers)


async def _events(
    live: LiveTail, project: str | None, since: str, clock: Clock
) -> AsyncIterator[bytes]:
    ends_at = clock.monotonic() + STREAM_SECONDS
    with live.listen(project, since) as listener:
        # The first bytes tell the browser that it is connected.
        yield _HEARTBEAT
        while clock.monotonic() < ends_at:
            await _first_of(listener.wait(), clock.sleep(HEARTBEAT_SECONDS))
            changes = listener.take()
            if changes is None:
                return
            if not (changes.all or changes.error_ids):
                yield _HEARTBEAT
                continue
            yield _encode(changes, live.position)
            await _first_of(listener.wait_for_end(), clock.sleep(PAUSE_SECONDS))


async def _first_of(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Return when one of them does, and cancel the others."""
    tasks = [asyncio.create_task(each) for each in coroutines]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _encode(changes: Changes, position: str) -> bytes:
    event = msgspec.json.encode({"errors": changes.error_ids, "all": changes.all})
    return b"id: %b\ndata: %b\n\n" % (position.encode(), event)
