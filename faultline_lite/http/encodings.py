"""Decompress a body as its Content-Encoding says, into no more than a limit."""

import zlib
from collections.abc import Callable, Sequence

import brotli
import zstandard

from faultline_lite.exceptions import (
    BadRequestError,
    BodyTooLargeError,
    Problem,
    UnknownEncodingError,
)
from faultline_lite.sentences import Sentence, say

#: Encodings on top of each other; more than this is nothing that a client does.
MAX_ENCODINGS = 2
#: Output of one step of a decoder, and so what a bomb may cost beyond the limit.
STEP_BYTES = 64 * 1024
#: What is handed to zlib at once: it copies what it leaves over, which with a body of many members
#: must not be the whole body each time.
FEED_BYTES = 4096
#: What may follow each other in one body. A member of nothing takes 20 bytes and as long as
#: kilobytes of text; block-wise compressors begin one every 64 KB.
MAX_MEMBERS = 256
#: zstd's decoder keeps a window of what the frame asks for; 8 MB is what browsers are held to
#: (RFC 9659).
MAX_ZSTD_WINDOW_BYTES = 8 * 2**20

#: Takes a body, and the most bytes that it may come to.
Decoder = Callable[[bytes, int], bytes]


def choose_decoders(encodings: Sequence[str]) -> list[Decoder]:
    """Return the decoders in the order to apply them: the last encoding was applied last.

    Raises UnknownEncodingError.
    """
    named = [name.strip() for name in encodings]
    # airbrake-ruby and others send an empty Content-Encoding, which means none.
    named = [name for name in named if name not in {"", "identity"}]
    unknown = [name for name in named if name not in _DECODERS]
    if unknown or len(named) > MAX_ENCODINGS:
        known = ", ".join(_DECODERS)
        raise UnknownEncodingError(Problem(Sentence(f"Content-Encoding must be one of {known}")))
    return [_DECODERS[name] for name in reversed(named)]


def decode(body: bytes, decoders: Sequence[Decoder], limit_bytes: int) -> bytes:
    """Return the body decompressed by these, one after the other.

    Raises BodyTooLargeError, and BadRequestError for a broken stream.
    """
    for decoder in decoders:
        body = decoder(body, limit_bytes)
    return body


def _inflate(body: bytes, limit_bytes: int, window_bits: int) -> bytes:
    parts: list[bytes] = []
    size_bytes = position = 0
    members = 1
    decoder = zlib.decompressobj(window_bits)
    while not decoder.eof or position < len(body):
        if decoder.eof:
            # What follows is one more member, as gzip allows (RFC 1952, section 2.2).
            members += 1
            if members > MAX_MEMBERS:
                raise _too_many_members()
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


def _too_large_decompressed(limit_bytes: int) -> BodyTooLargeError:
    sentence = say("the body is larger than {count} bytes decompressed", count=limit_bytes)
    return BodyTooLargeError(Problem(sentence))


def _too_many_members() -> BadRequestError:
    return BadRequestError(
        Problem(Sentence(f"the body is compressed in more than {MAX_MEMBERS} pieces"))
    )


def _broken() -> BadRequestError:
    return BadRequestError(
        Problem(Sentence("the body is not what its Content-Encoding says, or cut off"))
    )


_DECODERS: dict[str, Decoder] = {
    "gzip": _decode_gzip,
    "x-gzip": _decode_gzip,
    "deflate": _decode_deflate,
    "br": _decode_br,
    "zstd": _decode_zstd,
}
