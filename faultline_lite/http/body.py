"""Read a request's body: bounded in size, in time, and in what it decompresses to."""

import asyncio
import zlib
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import brotli
import zstandard
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from faultline_lite.exceptions import (
    BadRequestError,
    BodyTooLargeError,
    OverloadedError,
    Problem,
    RequestTimeoutError,
    UnknownEncodingError,
)
from faultline_lite.sentences import Sentence, say

#: Where a request's scope says that all of it is here: reading it needs no time limit, which costs
#: a twentieth of a small report.
ARRIVED = "faultline_lite.arrived"
#: Encodings on top of each other; more than this is nothing that a client does.
MAX_ENCODINGS = 2
#: Output of one step of a decoder, and so what a bomb may cost beyond the limit.
STEP_BYTES = 64 * 1024
#: What is handed to zlib at once: it copies what it leaves over, which with a body of thousands of
#: members must not be the whole body each time.
FEED_BYTES = 4096
#: zstd's decoder keeps a window of what the frame asks for; 8 MB is what browsers are held to
#: (RFC 9659).
MAX_ZSTD_WINDOW_BYTES = 8 * 2**20
#: What may be there of bodies that have not arrived whole: thousands of slow clients hold no more.
MAX_ARRIVING_BYTES = 128 * 2**20


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
    *,
    max_body_bytes: int,
    max_decompressed_bytes: int,
    timeout_seconds: float | None,
) -> bytes:
    """Return the whole body, decompressed as its Content-Encoding says.

    ``arriving`` is charged with what is there of it, until it is whole. ``timeout_seconds`` is
    None where it has arrived. Raises BodyTooLargeError
    past a limit, RequestTimeoutError, UnknownEncodingError, BadRequestError for a broken stream,
    OverloadedError, and ClientDisconnect.
    """
    encodings: list[str] = []
    for name, value in headers:
        if name == b"content-encoding":
            encodings += value.decode("latin-1").lower().split(",")
        elif name == b"content-length" and value.isdigit() and int(value) > max_body_bytes:
            raise _too_large_as_sent(max_body_bytes)
    decoders = _choose_decoders(encodings)
    collecting = _collect(receive, arriving, max_body_bytes)
    if timeout_seconds is not None:
        collecting = _within(timeout_seconds, collecting)
    body = await collecting
    for decode in decoders:
        body = decode(body, max_decompressed_bytes)
    return body


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


def _choose_decoders(encodings: list[str]) -> list[Callable[[bytes, int], bytes]]:
    """Return the decoders in the order to apply them: the last encoding was applied last."""
    named = [name.strip() for name in encodings]
    # airbrake-ruby and others send an empty Content-Encoding, which means none.
    named = [name for name in named if name not in {"", "identity"}]
    unknown = [name for name in named if name not in _DECODERS]
    if unknown or len(named) > MAX_ENCODINGS:
        known = ", ".join(_DECODERS)
        raise UnknownEncodingError(Problem(Sentence(f"Content-Encoding must be one of {known}")))
    return [_DECODERS[name] for name in reversed(named)]


def _inflate(body: bytes, limit_bytes: int, window_bits: int) -> bytes:
    parts: list[bytes] = []
    size_bytes = position = 0
    decoder = zlib.decompressobj(window_bits)
    while not decoder.eof or position < len(body):
        if decoder.eof:
            # What follows is one more member, as gzip allows (RFC 1952, section 2.2).
            decoder = zlib.decompressobj(window_bits)
        fed = body[position : position + FEED_BYTES]
        part = decoder.decompress(fed, STEP_BYTES)
        if not fed and not part and not decoder.eof:
            raise _broken()
        # At its end a decoder names what follows it in both, where it had left something before.
        left = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
        position += len(fed) - len(left)
        size_bytes = _grow(parts, part, size_bytes, limit_bytes)
    return b"".join(parts)


def _decode_gzip(body: bytes, limit_bytes: int) -> bytes:
    try:
        return _inflate(body, limit_bytes, 16 + zlib.MAX_WBITS)
    except zlib.error as error:
        raise _broken() from error


def _decode_deflate(body: bytes, limit_bytes: int) -> bytes:
    """Decode zlib's format (RFC 9110 says it is meant), or the bare one that some clients send."""
    try:
        return _inflate(body, limit_bytes, zlib.MAX_WBITS)
    except zlib.error:
        pass
    try:
        return _inflate(body, limit_bytes, -zlib.MAX_WBITS)
    except zlib.error as error:
        raise _broken() from error


def _decode_br(body: bytes, limit_bytes: int) -> bytes:
    decoder = brotli.Decompressor()
    parts: list[bytes] = []
    size_bytes = 0
    rest = body
    try:
        while not decoder.is_finished():
            part = decoder.process(rest, output_buffer_limit=STEP_BYTES)
            size_bytes = _grow(parts, part, size_bytes, limit_bytes)
            rest = b""
            if not part and decoder.can_accept_more_data() and not decoder.is_finished():
                raise _broken()
    except brotli.error as error:
        raise _broken() from error
    return b"".join(parts)


def _decode_zstd(body: bytes, limit_bytes: int) -> bytes:
    """Decode a frame; twice, as only a reader is bounded and only an object knows of the end."""
    decoder = zstandard.ZstdDecompressor(max_window_size=MAX_ZSTD_WINDOW_BYTES)
    size_bytes = 0
    try:
        with decoder.stream_reader(body) as reader:
            while part := reader.read(STEP_BYTES):
                size_bytes = _grow([], part, size_bytes, limit_bytes)
        frame = decoder.decompressobj()
        decoded = frame.decompress(body)
    except zstandard.ZstdError as error:
        raise _broken() from error
    if not frame.eof or frame.unused_data:
        raise _broken()
    return decoded


def _grow(parts: list[bytes], part: bytes, size_bytes: int, limit_bytes: int) -> int:
    size_bytes += len(part)
    if size_bytes > limit_bytes:
        raise _too_large_decompressed(limit_bytes)
    parts.append(part)
    return size_bytes


def _too_large_as_sent(limit_bytes: int) -> BodyTooLargeError:
    sentence = say("the body is larger than {count} bytes as sent", count=limit_bytes)
    return BodyTooLargeError(Problem(sentence))


def _too_large_decompressed(limit_bytes: int) -> BodyTooLargeError:
    sentence = say("the body is larger than {count} bytes decompressed", count=limit_bytes)
    return BodyTooLargeError(Problem(sentence))


def _broken() -> BadRequestError:
    return BadRequestError(
        Problem(Sentence("the body is not what its Content-Encoding says, or cut off"))
    )


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _decode_gzip,
    "x-gzip": _decode_gzip,
    "deflate": _decode_deflate,
    "br": _decode_br,
    "zstd": _decode_zstd,
}
