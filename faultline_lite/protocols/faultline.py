"""faultline's own protocol: a POSTed JSON body becomes a Report.

What was posted is kept as the bytes it came in: the body is decoded once typed, which checks it,
and once into raw parts, which are put together to the payload of each entry.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from faultline_lite.exceptions import BadRequestError, Problem
from faultline_lite.models import Entry, Report
from faultline_lite.protocols.shapes import find_problems
from faultline_lite.timekeys import format_time, parse_time

#: Deeper JSON serves nobody, and whoever walks it would need a stack for it.
MAX_DEPTH = 100
#: The type of an entry without one, as the original has it.
DEFAULT_TYPE = "_"

#: PHP's json_encode makes an empty array of an empty map.
Map = dict[str, Any] | list[Any] | None


class Frame(msgspec.Struct):
    """One frame of a backtrace, newest first."""

    file: str | None = None
    line: int | None = None
    column: int | None = None
    function: str | None = None
    code: Map = None


class Cause(msgspec.Struct):
    """An exception that led to the entry's."""

    type: str | None = None
    message: str | None = None
    backtrace: list[Frame] | None = None


class EntryShape(msgspec.Struct):
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


class ReportShape(msgspec.Struct):
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
_KNOWN = frozenset({*EntryShape.__struct_fields__, *ReportShape.__struct_fields__, *_RESERVED})
#: Raw parts are equal to raw parts only, never to bytes.
_NULL = msgspec.Raw(b"null")

_shape_decoder = msgspec.json.Decoder(ReportShape)
_parts_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_entries_decoder = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_any_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()

#: Strings, whose brackets do not count, or a single bracket.
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]', re.DOTALL)
#: Half of a surrogate pair as an escape, with its other half where there is one.
_SURROGATES = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def decode_report(
    body: bytes, *, project: str, event: dict[str, str], received_ms: int, max_entries: int
) -> Report:
    """Return the report in ``body``; ``event`` describes the HTTP request it came with.

    Raises BadRequestError with a Problem for each thing that is wrong. Malformed notification
    configs are not, since a report is worth more than its config.
    """
    shape, body = _decode_shape(body)
    _check_entries(shape, max_entries)
    parts = _parts_decoder.decode(body)
    raw_entries = _entries_decoder.decode(parts.pop("errors"))
    notifications = _decode_notifications(parts.pop("notifications", None))
    shared = {**_keep(parts), "event": msgspec.Raw(_encoder.encode(event))}
    now = msgspec.Raw(_encoder.encode(format_time(received_ms)))
    entries = tuple(
        _make_entry(each, _keep(raw), shared, now, received_ms)
        for each, raw in zip(shape.errors, raw_entries, strict=True)
    )
    return Report(project, entries, received_ms, notifications)


def _decode_shape(body: bytes) -> tuple[ReportShape, bytes]:
    """Return the checked shape and the body, in which lone surrogates have been replaced."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise BadRequestError(Problem(f"the body is not UTF-8: byte {error.start}")) from None
    _check_depth(body)
    try:
        return _shape_decoder.decode(body), body
    except msgspec.ValidationError:
        raise BadRequestError(*_list_problems(body)) from None
    except msgspec.DecodeError as error:
        # JavaScript and Ruby cut strings between two surrogates; the report is worth more.
        mended = _SURROGATES.sub(lambda found: rb"\ufffd" if found[1] else found[0], body)
        if mended == body:
            raise BadRequestError(Problem(f"the body is not JSON: {error}")) from None
        return _decode_shape(mended)
    except RecursionError:
        raise BadRequestError(Problem(f"nested deeper than {MAX_DEPTH} levels")) from None


def _check_depth(body: bytes) -> None:
    if body.count(b"{") + body.count(b"[") <= MAX_DEPTH:
        return
    depth = 0
    for found in _BRACKETS.finditer(body):
        token = found[0]
        if token in b"{[":
            depth += 1
            if depth > MAX_DEPTH:
                raise BadRequestError(Problem(f"nested deeper than {MAX_DEPTH} levels"))
        elif token in b"}]":
            depth -= 1


def _list_problems(body: bytes) -> list[Problem]:
    try:
        value = _any_decoder.decode(body)
    except msgspec.DecodeError as error:
        return [Problem(str(error))]
    return find_problems(value, ReportShape)


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
    yield from _check_maps(shape, ())
    for number, entry in enumerate(shape.errors):
        path = ("errors", str(number))
        yield from _check_maps(entry, path)
        if entry.timestamp is not None:
            try:
                parse_time(entry.timestamp)
            except ValueError as error:
                yield Problem(str(error), (*path, "timestamp"), entry.timestamp[:100])


def _check_maps(shape: ReportShape | EntryShape, path: tuple[str, ...]) -> Iterator[Problem]:
    for name in _MAPS:
        value = getattr(shape, name)
        if value and type(value) is list:
            yield Problem("Expected `object`, got `array`", (*path, name))


def _decode_notifications(raw: msgspec.Raw | None) -> tuple[Any, ...]:
    """Return the configs, whatever they are: what cannot be one is refused where it is opened."""
    value = None if raw is None else _any_decoder.decode(raw)
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list) else (value,)


def _keep(parts: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    """Leave out what is null, which means absent, and what is the server's to say."""
    kept = {}
    for name, raw in parts.items():
        if name in _RESERVED or raw == _NULL:
            continue
        if name not in _KNOWN:
            _check_unknown(name, raw)
        kept[name] = raw
    return kept


def _check_unknown(name: str, raw: msgspec.Raw) -> None:
    """Decode a field that the shape skipped, so that every stored payload can be decoded."""
    try:
        _any_decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequestError(Problem(str(error), (name,))) from None


def _make_entry(
    entry: EntryShape,
    raw: dict[str, msgspec.Raw],
    shared: dict[str, msgspec.Raw],
    now: msgspec.Raw,
    received_ms: int,
) -> Entry:
    type_ = entry.type or DEFAULT_TYPE
    message = entry.message or type_
    payload = {**shared, "timestamp": now, **raw}
    payload["type"] = msgspec.Raw(_encoder.encode(type_))
    payload["message"] = msgspec.Raw(_encoder.encode(message))
    return Entry(
        message=message,
        type=type_,
        timestamp_ms=received_ms if entry.timestamp is None else parse_time(entry.timestamp),
        payload=_encoder.encode(payload),
        fingerprint=tuple(entry.fingerprint) if entry.fingerprint else None,
    )
