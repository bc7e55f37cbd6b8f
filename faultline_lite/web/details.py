"""An occurrence as its page shows it, read out of its payload. Pure.

A payload is what some client sent: every part of it may be missing, or be of another shape.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from faultline_lite.facets import name_program
from faultline_lite.timekeys import parse_time
from faultline_lite.web.backtrace import Backtrace, read_backtrace
from faultline_lite.web.room import Room
from faultline_lite.web.tree import Node, build_tree

MAX_CAUSES = 10
MAX_CAUSE_FRAMES = 60
#: The latest ones tell what led to it.
MAX_BREADCRUMBS = 50
MAX_BREADCRUMB_NODES = 15
MAX_MESSAGE_CHARACTERS = 10_000
MAX_CAUSE_CHARACTERS = 2000
MAX_URL_CHARACTERS = 2000
MAX_USER_AGENT_CHARACTERS = 1000
MAX_CRUMB_CHARACTERS = 1000
MAX_LABEL_CHARACTERS = 200

#: Text of one page, so that it stays under 100 KB compressed, and what its parts may take of it;
#: the trees share the rest.
PAGE_BYTES = 88_000
MESSAGE_BYTES = 10_000
BACKTRACE_BYTES = 36_000
CAUSES_BYTES = 10_000
BREADCRUMBS_BYTES = 8000

#: Parts with a tree of their own, in the order of the page.
PARTS = ("context", "environment", "session", "params")
#: What the page shows in other places, or nobody needs to read twice.
_ELSEWHERE = {*PARTS, "message", "type", "backtrace", "causes", "breadcrumbs", "timestamp", "event"}
#: Fields of the context that tell most at a glance, by the names of the facets.
_TAGS = ("environment", "version", "hostname", "component", "action")
#: What a client tells of a user beside the id.
_USER_NAMES = ("name", "username", "email")
#: Where breadcrumbs have their time, kind and words, in the order in which they are looked for.
_CRUMB_TIMES = ("timestamp", "date", "time")
_CRUMB_KINDS = ("category", "type")
_CRUMB_WORDS = ("message", "url", "target", "arguments")
_CRUMB_RESTS = ("data", "metadata", "metaData")


class Cause(NamedTuple):
    """An exception, and where it came from."""

    type: str
    message: str
    backtrace: Backtrace


class Breadcrumb(NamedTuple):
    """Something that happened before."""

    timestamp_ms: int | None
    kind: str
    level: str
    text: str
    rest: Node | None


class RequestLine(NamedTuple):
    """The request that the program was at, as far as the client told."""

    method: str
    url: str
    is_link: bool
    user_agent: str
    program: str
    address: str


class Details(NamedTuple):
    """All that the page of an occurrence shows of its payload."""

    message: str
    message_left_out: int
    type: str
    tags: tuple[tuple[str, str], ...]
    request: RequestLine | None
    backtrace: Backtrace
    causes: tuple[Cause, ...]
    breadcrumbs: tuple[Breadcrumb, ...]
    breadcrumbs_left_out: int
    trees: tuple[tuple[str, Node], ...]


class _Message(msgspec.Struct):
    message: str


_message_decoder = msgspec.json.Decoder(_Message)


def read_details(payload: dict[str, Any], user: str = "") -> Details:
    """Return what there is to see in a decoded payload; ``user`` is the id of its user, if any."""
    context = _map(payload.get("context"))
    root = context.get("rootDirectory")
    message = _text(payload.get("message"))
    crumbs = _list_crumbs(payload, context)
    room = Room(PAGE_BYTES)
    shown_message = room.part(MESSAGE_BYTES).cut(message, MAX_MESSAGE_CHARACTERS)
    request = _read_request(context, room)
    backtrace = read_backtrace(payload.get("backtrace"), root, room.part(BACKTRACE_BYTES))
    causes = _read_causes(payload, root, room.part(CAUSES_BYTES))
    crumb_room = room.part(BREADCRUMBS_BYTES)
    return Details(
        message=shown_message,
        message_left_out=len(message) - len(shown_message),
        type=_text(payload.get("type"))[:MAX_LABEL_CHARACTERS],
        tags=tuple(_list_tags(context, user)),
        request=request,
        backtrace=backtrace,
        causes=causes,
        breadcrumbs=tuple(_read_crumb(each, crumb_room) for each in crumbs[-MAX_BREADCRUMBS:]),
        breadcrumbs_left_out=max(0, len(crumbs) - MAX_BREADCRUMBS),
        trees=tuple(_build_trees(payload, context, room)),
    )


def read_message(payload: bytes) -> str:
    """Return the message of a payload alone."""
    return _message_decoder.decode(payload).message


def _list_tags(context: dict[str, Any], user: str) -> Iterator[tuple[str, str]]:
    for name in _TAGS:
        if context.get(name):
            yield name, _label(context[name])
    if user:
        told = _map(context.get("user"))
        names = [_label(told[name]) for name in _USER_NAMES if told.get(name)]
        yield "user", " · ".join(dict.fromkeys([user, *names]))[:MAX_LABEL_CHARACTERS]


def _build_trees(
    payload: dict[str, Any], context: dict[str, Any], room: Room
) -> Iterator[tuple[str, Node]]:
    # The history is what the breadcrumbs were read from.
    shown = {**payload, "context": {name: context[name] for name in context if name != "history"}}
    for name in PARTS:
        if shown.get(name):
            yield name, build_tree(shown[name], _half(room))
    others = {name: value for name, value in payload.items() if name not in _ELSEWHERE}
    if others:
        yield "others", build_tree(others, _half(room))
    if payload.get("event"):
        yield "event", build_tree(payload["event"], _half(room))


def _half(room: Room) -> Room:
    """Return half of the room that is left, so that something is for those to come."""
    return room.part(room.left_bytes // 2)


def _read_causes(payload: dict[str, Any], root: Any, room: Room) -> tuple[Cause, ...]:
    given = _maps(payload.get("causes"))[:MAX_CAUSES]
    return tuple(_read_cause(each, root, room) for each in given if not room.is_full)


def _read_cause(cause: dict[str, Any], root: Any, room: Room) -> Cause:
    return Cause(
        type=_label(cause.get("type")),
        message=room.cut(_text(cause.get("message")), MAX_CAUSE_CHARACTERS),
        backtrace=read_backtrace(cause.get("backtrace"), root, room, MAX_CAUSE_FRAMES),
    )


def _read_request(context: dict[str, Any], room: Room) -> RequestLine | None:
    url = room.cut(_text(context.get("url")), MAX_URL_CHARACTERS)
    user_agent = room.cut(_text(context.get("userAgent")), MAX_USER_AGENT_CHARACTERS)
    if not url and not user_agent:
        return None
    return RequestLine(
        method=_label(context.get("httpMethod")),
        url=url,
        is_link=_is_web_address(url),
        user_agent=user_agent,
        program=name_program(user_agent),
        address=_label(context.get("userAddr")),
    )


def _is_web_address(url: str) -> bool:
    """Return whether a browser may be led there: never where it would run something."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def _list_crumbs(payload: dict[str, Any], context: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the breadcrumbs: a list, or Sentry's ``{"values": [...]}``, or Airbrake's history."""
    given = payload.get("breadcrumbs")
    if isinstance(given, dict):
        given = given.get("values")
    return _maps(given) or _maps(context.get("history"))


def _read_crumb(crumb: dict[str, Any], room: Room) -> Breadcrumb:
    word = next((name for name in _CRUMB_WORDS if crumb.get(name)), "")
    shown = {*_CRUMB_TIMES, *_CRUMB_KINDS, "level", "severity", word}
    rest = {name: value for name, value in crumb.items() if name not in shown and value}
    if len(rest) == 1:
        # Clients have a field for all that is of no other.
        (only,) = rest.items()
        rest = only[1] if only[0] in _CRUMB_RESTS and isinstance(only[1], dict) else rest
    given = crumb.get(word)
    text = given if isinstance(given, str) else "" if given is None else _to_json(given)
    return Breadcrumb(
        timestamp_ms=next(filter(None, (_to_ms(crumb.get(name)) for name in _CRUMB_TIMES)), None),
        kind=next((_label(crumb[name]) for name in _CRUMB_KINDS if crumb.get(name)), ""),
        level=_label(crumb.get("level") or crumb.get("severity")),
        text=room.cut(text, MAX_CRUMB_CHARACTERS),
        rest=build_tree(rest, room, MAX_BREADCRUMB_NODES) if rest else None,
    )


def _to_ms(value: Any) -> int | None:
    """Return the epoch milliseconds of seconds or of a text, None where it is no time."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e11:
        return round(value * 1000)
    try:
        return parse_time(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _label(value: Any) -> str:
    text = value if isinstance(value, str) else "" if value is None else _to_json(value)
    return text[:MAX_LABEL_CHARACTERS]


def _to_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _maps(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
