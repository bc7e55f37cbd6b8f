"""What of an occurrence can be searched: its texts, by kind. It reads payloads and nothing else.

Found by full text are the messages and types of the exception and its causes, the files and
functions of their frames, and the values in context, environment, session and params. Names of
fields are not: every report has them.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Literal, NamedTuple

import msgspec

Kind = Literal["message", "type", "file", "function", "value", "environment", "release"]

#: Of longer texts the beginning is searched, and of parts with very many the first ones.
MAX_TEXT_CHARACTERS = 16_384
MAX_PART_CHARACTERS = 32_768
MAX_PART_TEXTS = 1000

_MAPS = ("context", "environment", "session", "params")
#: Fields of the context that a query can ask for by name.
_NAMED: tuple[tuple[str, Kind], ...] = (("environment", "environment"), ("version", "release"))
#: Kinds that are asked for by the whole of a text.
WHOLE_KINDS = frozenset(kind for _, kind in _NAMED)


class Passage(NamedTuple):
    """A text of an occurrence, as posted, and where it stood."""

    kind: Kind
    text: str


class _Frame(msgspec.Struct):
    file: str | None = None
    function: str | None = None


class _Cause(msgspec.Struct):
    message: str | None = None
    type: str | None = None
    backtrace: list[_Frame] | None = None


class _Payload(msgspec.Struct):
    message: str
    type: str
    backtrace: msgspec.Raw = msgspec.Raw()
    causes: msgspec.Raw = msgspec.Raw()
    context: msgspec.Raw = msgspec.Raw()
    environment: msgspec.Raw = msgspec.Raw()
    session: msgspec.Raw = msgspec.Raw()
    params: msgspec.Raw = msgspec.Raw()


class Part(NamedTuple):
    """A part of a payload, still encoded, so that one seen before need not be decoded."""

    name: str
    raw: bytes

    def passages(self) -> Iterable[tuple[Kind, str]]:
        """Return the kinds and texts of the part, bounded in size and number."""
        found = _READERS[self.name](self.raw)
        # No text is longer than the JSON that it comes in.
        return found if len(self.raw) <= MAX_TEXT_CHARACTERS else _bound(found)


_payload_decoder = msgspec.json.Decoder(_Payload)
_frames_decoder = msgspec.json.Decoder(list[_Frame] | None)
_causes_decoder = msgspec.json.Decoder(list[_Cause] | None)
_map_decoder = msgspec.json.Decoder()


def split_payload(payload: bytes) -> list[Part]:
    """Return the parts of a stored payload that hold text to search."""
    decoded = _payload_decoder.decode(payload)
    parts = [Part("message", decoded.message.encode()), Part("type", decoded.type.encode())]
    for name in ("backtrace", "causes", *_MAPS):
        raw = bytes(getattr(decoded, name))
        if raw:
            parts.append(Part(name, raw))
    return parts


def _bound(found: Iterable[tuple[Kind, str]]) -> Iterator[tuple[Kind, str]]:
    left = MAX_PART_CHARACTERS
    for kind, text in islice(found, MAX_PART_TEXTS):
        kept = text[: min(left, MAX_TEXT_CHARACTERS)]
        left -= len(kept)
        yield kind, kept


def _read_frames(frames: list[_Frame] | None) -> Iterator[tuple[Kind, str]]:
    for frame in frames or ():
        if frame.file:
            yield "file", frame.file
        if frame.function:
            yield "function", frame.function


def _read_causes(raw: bytes) -> Iterator[tuple[Kind, str]]:
    for cause in _causes_decoder.decode(raw) or ():
        yield "message", cause.message or ""
        yield "type", cause.type or ""
        yield from _read_frames(cause.backtrace)


def _read_context(raw: bytes) -> Iterator[tuple[Kind, str]]:
    context = _map_decoder.decode(raw)
    if isinstance(context, dict):
        for name, kind in _NAMED:
            value = context.get(name)
            if isinstance(value, str):
                yield kind, value
    yield from _walk(context)


def _walk(value: Any) -> Iterator[tuple[Kind, str]]:
    """Yield every string and number in a JSON value, in its order."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield "value", value
        elif isinstance(value, dict):
            waiting.extend(reversed(value.values()))
        elif isinstance(value, list):
            waiting.extend(reversed(value))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield "value", str(value)


_READERS: dict[str, Any] = {
    "message": lambda raw: (("message", raw.decode()),),
    "type": lambda raw: (("type", raw.decode()),),
    "backtrace": lambda raw: _read_frames(_frames_decoder.decode(raw)),
    "causes": _read_causes,
    "context": _read_context,
    **dict.fromkeys(
        ("environment", "session", "params"), lambda raw: _walk(_map_decoder.decode(raw))
    ),
}
