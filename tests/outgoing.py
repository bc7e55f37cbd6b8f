"""The way out that ships, opened to the servers that tests run on loopback."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from faultline_lite.egress.destinations import Destinations
from faultline_lite.egress.guard import Egress, HttpResponse
from faultline_lite.exceptions import NotifyError
from tests.fakes import Answer, FakeServer, Fault, Request

#: Trusts nobody. Reading the authorities takes longer than most tests, and these servers are not
#: encrypted.
NO_TRUST = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
LOOPBACK = Destinations(["127.0.0.0/8", "::1"])


@asynccontextmanager
async def open_way_out(timeout_seconds: float = 5.0) -> AsyncIterator[Egress]:
    egress = Egress(
        Destinations(["127.0.0.1"]),
        allow_http=True,
        ssl_context=NO_TRUST,
        timeout_seconds=timeout_seconds,
        process_timeout_seconds=60,
    )
    try:
        yield egress
    finally:
        await egress.close()


def say_ok(request: Request) -> Answer:
    return Answer(200, b"ok")


def serve(
    scenario: Callable[[FakeServer], Awaitable[None]],
    *replies: Answer | Fault,
    ssl_context: ssl.SSLContext | None = None,
) -> FakeServer:
    """Run the scenario beside a server that gives these replies first, ``ok`` afterwards."""

    async def run() -> FakeServer:
        server = FakeServer(say_ok)
        server.replies.extend(replies)
        async with server.run(ssl_context=ssl_context):
            await scenario(server)
        return server

    return asyncio.run(run())


async def fetch(egress: Egress, url: str, **more: Any) -> HttpResponse:
    try:
        return await egress.request("GET", url, headers={}, **more)
    finally:
        await egress.close()


async def refusal_of(egress: Egress, url: str) -> NotifyError:
    with pytest.raises(NotifyError) as caught:
        await fetch(egress, url)
    return caught.value
