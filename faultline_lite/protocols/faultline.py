"""faultline's own protocol: a POSTed JSON body becomes a Report.

What was posted is kept as the bytes it came in: the body is decoded once typed, which checks it and
skips what may be anything, and once into raw parts, which are put together to the payload of each
entry.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from faultline_lite.exceptions import BadRequestError, BodyTooLargeError, Problem
from faultline_lite.models import Entry, Report
from faultline_lite.protocols.plain import MAX_DEPTH, is_plain
from faultline_lite.protocols.shapes import (
    MAX_EXPLAINED_BYTES,
    explain,
    find_unreadable,
    read_problem,
)
from faultline_lite.timekeys import format_time, parse_time

#: What the entries of a report may come to once each holds what they share; at least what a body
#: of half as many bytes comes to without sharing.
MAX_REPORT_BYTES = 16 * 2**20
#: The type of an entry without one, as the original has it.
DEFAULT_TYPE = "_"


class AnyObject(msgspec.Struct, gc=False):
    """An object of whatever fields: its syntax is checked, and no value is made of it."""


#: PHP's json_encode makes an empty array of an empty map.
Map = AnyObject | list[Any] | None


class Frame(msgspec.Struct, gc=False):
    """One frame of a backtrace, newest first."""

    file: str | None = None
    # JSON has one kind of number: some encoders write 15 as 15.0.
    line: int | float | None = None
    column: int | float | None = None
    function: str | None = None
    code: Map = None


class Cause(msgspec.Struct, gc=False):
    """An exception that led to the entry's."""

    type: str | None = None
    message: str | None = None
    backtrace: list[Frame] | None = None


class EntryShape(msgspec.Struct, gc=False):
    """What an entry must look like; fields that are not named here are kept as they are."""

    message: str
    type: str | None = None
    backtrace: list[Frame] | None = None
    timestamp: str | None = None
    fingerprint: list[str] | None = None
    causes: list[Cause] | None = None
    context: Map = None
    environment: Map = None
    session: Map = None
    params: Map = None


class ReportShape(msgspec.Struct, gc=False):
    """What a body must look like. ``notifications`` is not in it: they never refuse a report."""

    errors: list[EntryShape]
    notifier: Map = None
    context: Map = None
    environment: Map = None
    session: Map = None
    params: Map = None


_MAPS = ("context", "environment", "session", "params")
#: The server's own words in an answered occurrence; a client's fields of these names give way.
_RESERVED = frozenset({"project", "reversedUnixtime", "receivedAt", "event", "notifications"})
#: Raw parts are equal to raw parts only, never to bytes.
_NULL = msgspec.Raw(b"null")

_shape_decoder = msgspec.json.Decoder(ReportShape)
_parts_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_entries_decoder = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_any_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()

#: Every bracket as a square one, and what is neither a bracket nor a quote.
_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b'[]{}"')
_STRING = re.compile(rb'"[^"]*"')
_SURROGATE = rb"\\u[dD][%s][0-9a-fA-F]{2}"
#: A whole surrogate pair as escapes, or the half of one; an even number of backslashes before it
#: escape each other.
_SURROGATES = re.compile(
    rb"(?<!\\)((?:\\\\)*+)(?:%s%s|(%s))"
    % (_SURROGATE % b"89abAB", _SURROGATE % b"c-fC-F", _SURROGATE % b"89a-fA-F")
)


def decode_report(
    body: bytes, *, project: str, event: dict[str, str], received_ms: int, max_entries: int
) -> Report:
    """Return the report in ``body``; ``event`` describes the HTTP request it came with.

    Raises BadRequestError with a Problem for each thing that is wrong. Malformed notification
    configs are not, since a report is worth more than its config.
    """
    plain = is_plain(body)
    shape, body = _decode_shape(body, plain=plain)
    _check_entries(shape, max_entries)
    parts = _parts_decoder.decode(body)
    raw_entries = _entries_decoder.decode(parts.pop("errors"))
    notifications = _decode_notifications(parts.pop("notifications", None))
    shared = _keep(parts)
    own = [_keep(raw) for raw in raw_entries]
    if not plain:
        _check_readable(body, (shared, *own))
    shared["event"] = msgspec.Raw(_encoder.encode(event))
    _check_size(body, shared, len(own))
    shared["timestamp"] = msgspec.Raw(_encoder.encode(format_time(received_ms)))
    entries = tuple(
        _make_entry(each, {**shared, **raw}, received_ms)
        for each, raw in zip(shape.errors, own, strict=True)
    )
    return Report(project, entries, received_ms, notifications)


def _decode_shape(body: bytes, *, plain: bool) -> tuple[ReportShape, bytes]:
    """Return the checked shape and the body, in which lone surrogates have been replaced."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise BadRequestError(Problem(f"the body is not UTF-8: byte {error.start}")) from None
    if not plain:
        _check_depth(body)
    try:
        return _shape_decoder.decode(body), body
    except msgspec.ValidationError as error:
        # Decoded as anything, millions of small values take many times their bytes.
        problems = _list_problems(body) if len(body) <= MAX_EXPLAINED_BYTES else []
        raise BadRequestError(*problems or [read_problem(error)]) from None
    except msgspec.DecodeError as error:
        mended = _SURROGATES.sub(_mend, body)
        if mended == body:
            raise BadRequestError(_no_json(error)) from None
        return _decode_shape(mended, plain=plain)
    except RecursionError:
        raise BadRequestError(_too_deep()) from None


def _list_problems(body: bytes) -> list[Problem]:
    try:
        return explain(body, ReportShape)
    except msgspec.DecodeError as error:
        mended = _SURROGATES.sub(_mend, body)
        return [_no_json(error)] if mended == body else _list_problems(mended)


def _mend(found: re.Match[bytes]) -> bytes:
    """Replace half a surrogate pair.

    JavaScript and Ruby cut strings between two surrogates; the report is worth more.
    """
    return found[1] + rb"\ufffd" if found[2] else found[0]


def _no_json(error: msgspec.DecodeError) -> Problem:
    return Problem(f"the body is not JSON: {error}")


def _too_deep() -> Problem:
    return Problem(f"nested deeper than {MAX_DEPTH} levels")


def _check_depth(body: bytes) -> None:
    """Raise BadRequestError for brackets within more than MAX_DEPTH others.

    Whole passes over the bytes, each of which takes away the innermost pairs, since a loop over
    brackets is slow where there are millions.
    """
    without_escapes = body.replace(rb"\\", b"").replace(rb"\"", b"")
    signs = without_escapes.translate(_SQUARE, _NO_BRACKETS)
    # Most strings hold no bracket. Taking out two quotes that touch leaves every other sign inside
    # or outside of a string, as it was.
    brackets = _STRING.sub(b"", signs.replace(b'""', b""))
    for _ in range(MAX_DEPTH):
        outer = brackets.replace(b"[]", b"")
        if len(outer) == len(brackets):
            break
        brackets = outer
    if b"[]" in brackets or brackets.count(b"[") > MAX_DEPTH:
        raise BadRequestError(_too_deep())


def _check_size(body: bytes, shared: dict[str, msgspec.Raw], entries: int) -> None:
    if entries * len(body) <= MAX_REPORT_BYTES:
        return
    shared_bytes = sum(memoryview(raw).nbytes for raw in shared.values())
    if len(body) + entries * shared_bytes > max(MAX_REPORT_BYTES, 2 * len(body)):
        message = "what the entries share is stored with each of them, and too much in all"
        raise BodyTooLargeError(Problem(message, ("errors",)))


def _check_entries(shape: ReportShape, max_entries: int) -> None:
    if not shape.errors:
        raise BadRequestError(Problem("errors holds no entry", ("errors",)))
    if len(shape.errors) > max_entries:
        raise BadRequestError(Problem(f"errors holds more than {max_entries} entries", ("errors",)))
    problems = list(_check_values(shape))
    if problems:
        raise BadRequestError(*problems)


def _check_values(shape: ReportShape) -> Iterator[Problem]:
    """Yield what the types alone cannot tell."""
    yield from _check_maps(shape, (), (*_MAPS, "notifier"))
    for number, entry in enumerate(shape.errors):
        path = ("errors", str(number))
        yield from _check_maps(entry, path, _MAPS)
        if entry.timestamp is not None:
            try:
                parse_time(entry.timestamp)
            except ValueError as error:
                yield Problem(str(error), (*path, "timestamp"), entry.timestamp[:100])


def _check_maps(
    shape: ReportShape | EntryShape, path: tuple[str, ...], names: tuple[str, ...]
) -> Iterator[Problem]:
    for name in names:
        value = getattr(shape, name)
        if value and type(value) is list:
            yield Problem("Expected `object`, got `array`", (*path, name))


def _decode_notifications(raw: msgspec.Raw | None) -> tuple[Any, ...]:
    """Return the configs, whatever they are: what cannot be one is refused where it is opened."""
    try:
        value = None if raw is None else _any_decoder.decode(raw)
    except msgspec.DecodeError:
        return (bytes(raw or b""),)
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list) else (value,)


def _keep(parts: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    """Leave out what is null, which means absent, and what is the server's to say."""
    return {name: raw for name, raw in parts.items() if name not in _RESERVED and raw != _NULL}


def _check_readable(body: bytes, parts: Iterable[dict[str, msgspec.Raw]]) -> None:
    """Raise BadRequestError for a part that cannot be decoded, so that every stored payload can."""
    try:
        for each in parts:
            for raw in each.values():
                _any_decoder.decode(raw)
    except msgspec.DecodeError:
        raise BadRequestError(find_unreadable(body)) from None


def _make_entry(entry: EntryShape, payload: dict[str, msgspec.Raw], received_ms: int) -> Entry:
    type_ = entry.type or DEFAULT_TYPE
    message = entry.message or type_
    payload["type"] = msgspec.Raw(_encoder.encode(type_))
    payload["message"] = msgspec.Raw(_encoder.encode(message))
    return Entry(
        message=message,
        type=type_,
        timestamp_ms=received_ms if entry.timestamp is None else parse_time(entry.timestamp),
        payload=_encoder.encode(payload),
        fingerprint=tuple(entry.fingerprint) if entry.fingerprint else None,
    )
