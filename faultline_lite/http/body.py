"""Read a request's body: bounded in size, in time, and in what it decompresses to."""

import asyncio
from collections.abc import Coroutine, Iterable
from functools import partial
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from faultline_lite.exceptions import (
    BodyTooLargeError,
    OverloadedError,
    Problem,
    RequestTimeoutError,
)
from faultline_lite.http.encodings import Decoder, choose_decoders, decode
from faultline_lite.large_work import LargeWork
from faultline_lite.sentences import say

#: Where a request's scope says that all of it is here: reading it needs no time limit, which costs
#: a twentieth of a small report.
ARRIVED = "faultline_lite.arrived"
#: What may be there of bodies that have not arrived whole: thousands of slow clients hold no more.
MAX_ARRIVING_BYTES = 128 * 2**20
#: Up to so many bytes are decompressed in the event loop: a millisecond. Some dozens of entries.
DECOMPRESSED_AT_ONCE_BYTES = 256 * 1024
#: What a body counts for at least that waits to be decompressed elsewhere.
LEAST_WAITING_BYTES = 512 * 1024


class ByteBudget:
    """Bytes that all requests together may hold."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._held_bytes = 0

    def take(self, size_bytes: int) -> None:
        """Hold so many more. Raises OverloadedError where that is beyond the limit."""
        if self._held_bytes + size_bytes > self._limit_bytes:
            problem = Problem(say("too many large requests at once: try again in a second"))
            raise OverloadedError(problem, retry_after_seconds=1)
        self._held_bytes += size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Hold so many less."""
        self._held_bytes -= size_bytes


async def read_body(
    receive: Receive,
    headers: Iterable[tuple[bytes, bytes]],
    arriving: ByteBudget,
    large_work: LargeWork,
    *,
    max_body_bytes: int,
    max_decompressed_bytes: int,
    timeout_seconds: float | None,
) -> bytes:
    """Return the whole body, decompressed as its Content-Encoding says.

    ``arriving`` is charged with what is there of it, until it is whole. ``large_work`` decompresses
    what comes to much. ``timeout_seconds`` is None where it has arrived. Raises BodyTooLargeError
    past a limit, RequestTimeoutError, UnknownEncodingError, BadRequestError for a broken stream,
    OverloadedError, and ClientDisconnect.
    """
    encodings: list[str] = []
    for name, value in headers:
        if name == b"content-encoding":
            encodings += value.decode("latin-1").lower().split(",")
        elif name == b"content-length" and value.isdigit() and int(value) > max_body_bytes:
            raise _too_large_as_sent(max_body_bytes)
    decoders = choose_decoders(encodings)
    collecting = _collect(receive, arriving, max_body_bytes)
    if timeout_seconds is not None:
        collecting = _within(timeout_seconds, collecting)
    body = await collecting
    if not decoders:
        return body
    return await _decompress(body, decoders, max_decompressed_bytes, large_work)


async def _within(timeout_seconds: float, collecting: Coroutine[Any, Any, bytes]) -> bytes:
    try:
        async with asyncio.timeout(timeout_seconds):
            return await collecting
    except TimeoutError:
        seconds = f"{timeout_seconds:g}"
        problem = Problem(say("the body did not arrive within {seconds} seconds", seconds=seconds))
        raise RequestTimeoutError(problem) from None


async def _collect(receive: Receive, arriving: ByteBudget, max_body_bytes: int) -> bytes:
    parts: list[bytes] = []
    size_bytes = held_bytes = 0
    try:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            part = message.get("body", b"")
            size_bytes += len(part)
            if size_bytes > max_body_bytes:
                raise _too_large_as_sent(max_body_bytes)
            if not message.get("more_body", False):
                return b"".join((*parts, part)) if parts else part
            arriving.take(len(part))
            held_bytes += len(part)
            parts.append(part)
    finally:
        if held_bytes:
            arriving.give_back(held_bytes)


async def _decompress(
    body: bytes, decoders: list[Decoder], limit_bytes: int, large_work: LargeWork
) -> bytes:
    """Decompress here what comes to little, as nearly all does.

    What it comes to shows only by doing it: some bytes may be megabytes and tens of milliseconds.
    """
    at_once_bytes = min(limit_bytes, DECOMPRESSED_AT_ONCE_BYTES)
    if len(body) <= at_once_bytes:
        try:
            return decode(body, decoders, at_once_bytes)
        except BodyTooLargeError:
            if at_once_bytes == limit_bytes:
                raise
    work = partial(decode, body, decoders, limit_bytes)
    return await large_work.run(work, max(len(body), LEAST_WAITING_BYTES))


def _too_large_as_sent(limit_bytes: int) -> BodyTooLargeError:
    sentence = say("the body is larger than {count} bytes as sent", count=limit_bytes)
    return BodyTooLargeError(Problem(sentence))
