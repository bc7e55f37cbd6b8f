"""What an investigator asks of many occurrences at once, read out of one payload. Pure.

Where, in which version, by which program, for whom: each is a facet with at most one value an
occurrence. Values vary less than what was posted: of a URL only the path counts, with its numbers
and ids as placeholders, of a user agent only which program it is.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Literal, get_args

import msgspec

from faultline_lite.fingerprint import make_pattern
from faultline_lite.scrubbing.searches import SCRUBBED

Facet = Literal[
    "environment",
    "version",
    "path",
    "userAgent",
    "hostname",
    "component",
    "action",
    "user",
]
FACETS: tuple[Facet, ...] = get_args(Facet)

#: Of longer values the beginning tells what they are.
MAX_VALUE_CHARACTERS = 200
#: A program's own name may come last, behind those that it claims to be.
MAX_USER_AGENT_CHARACTERS = 1000

#: What tells a user from others, where it is an object, the surest first.
_USER_NAMES = ("id", "email", "username", "name")

#: Programs that call themselves Mozilla as well, each before those that it claims to be.
_BROWSERS = {
    "Edge": r"Edg(?:e|A|iOS)?/",
    "Opera": r"OPR/|OPiOS/|Opera[/ ]",
    "Samsung Internet": r"SamsungBrowser/",
    "Vivaldi": r"Vivaldi/",
    "Yandex": r"YaBrowser/",
    "LINE": r"Line/",
    "Facebook": r"FBA[NV]/",
    "Electron": r"Electron/",
    "Firefox": r"Firefox/|FxiOS/",
    "Headless Chrome": r"HeadlessChrome/",
    "Chrome": r"Chrome/|CriOS/|Chromium/",
    "Safari": r"Safari/",
    "Internet Explorer": r"MSIE |Trident/",
}
_BROWSER_PATTERNS = {name: re.compile(pattern) for name, pattern in _BROWSERS.items()}
_ROBOT = re.compile(r"\b[A-Za-z-]{0,40}(?:[Bb]ot|[Ss]pider|[Cc]rawler)\b")
_PRODUCT = re.compile(r"[^\s/(;]+")
#: Scheme and host of a URL, then its path (RFC 3986, appendix B).
_URL = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?://[^/?#]*)?([^?#]*)")


class _Context(msgspec.Struct):
    """The fields of the context that count; all others are skipped, undecoded."""

    environment: Any = None
    version: Any = None
    url: Any = None
    userAgent: Any = None  # noqa: N815 - faultline's name
    hostname: Any = None
    component: Any = None
    action: Any = None
    user: Any = None
    userId: Any = None  # noqa: N815 - in common use
    user_id: Any = None


class _Variables(msgspec.Struct):
    """Where session and params have the user's id: names in common use, CakePHP's, Devise's."""

    user: Any = None
    userId: Any = None  # noqa: N815 - in common use
    user_id: Any = None
    Auth: Any = None
    warden: Any = msgspec.field(default=None, name="warden.user.user.key")


class _Payload(msgspec.Struct):
    """PHP's json_encode makes an empty array of an empty map."""

    context: _Context | list[Any] | None = None
    session: _Variables | list[Any] | None = None
    params: _Variables | list[Any] | None = None


_NO_CONTEXT = _Context()
_decoder = msgspec.json.Decoder(_Payload)


def read_facets(payload: bytes) -> tuple[str | None, ...]:
    """Return the facets of a stored payload in the order of FACETS; None where it has none."""
    decoded = _decoder.decode(payload)
    context = decoded.context if isinstance(decoded.context, _Context) else _NO_CONTEXT
    return (
        _to_text(context.environment),
        _to_text(context.version),
        _read_path(context.url),
        _read_user_agent(context.userAgent),
        _to_text(context.hostname),
        _to_text(context.component),
        _to_text(context.action),
        _find_user(decoded),
    )


def name_facets(payload: bytes) -> dict[Facet, str]:
    """Return by its name each facet that a stored payload has a value for."""
    named = zip(FACETS, read_facets(payload), strict=True)
    return {facet: value for facet, value in named if value is not None}


@lru_cache(1024)
def name_program(user_agent: str) -> str:
    """Return which browser or program a user agent belongs to, whatever its version."""
    robot = _ROBOT.search(user_agent)
    if robot is not None:
        return robot[0]
    for name, pattern in _BROWSER_PATTERNS.items():
        if pattern.search(user_agent):
            return name
    product = _PRODUCT.match(user_agent)
    return "" if product is None else product[0]


def read_user_and_version(payload: bytes) -> tuple[str | None, str | None]:
    """Return these two facets of a stored payload, as ``read_facets`` has them."""
    decoded = _decoder.decode(payload)
    context = decoded.context if isinstance(decoded.context, _Context) else _NO_CONTEXT
    return _find_user(decoded), _to_text(context.version)


def _find_user(payload: _Payload) -> str | None:
    for user in _list_users(payload):
        if user is None:
            continue
        for name in map(user.get, _USER_NAMES) if isinstance(user, dict) else (user,):
            text = _to_text(name)
            if text is not None:
                return text
    return None


def _list_users(payload: _Payload) -> Iterator[Any]:
    """Yield what stands where users do, the surest place first."""
    for part in (payload.context, payload.session, payload.params):
        if isinstance(part, _Context | _Variables):
            yield from (part.user, part.userId, part.user_id)
    if isinstance(payload.session, _Variables):
        yield _step(payload.session.Auth, "User")
        yield payload.session.Auth
        yield _step(_step(payload.session.warden, 0), 0)


def _step(value: Any, key: str | int) -> Any:
    """Return what an object or a list has at the key, None where it has nothing."""
    if isinstance(value, dict):
        return value.get(key)
    if isinstance(value, list) and isinstance(key, int):
        return value[key] if len(value) > key else None
    return None


def _read_path(url: Any) -> str | None:
    text = _to_text(url)
    if text is None:
        return None
    found = _URL.match(text)
    return make_pattern(found[1]) or "/" if found is not None else None


def _read_user_agent(user_agent: Any) -> str | None:
    text = _to_text(user_agent, MAX_USER_AGENT_CHARACTERS)
    return None if text is None else name_program(text)[:MAX_VALUE_CHARACTERS] or None


def _to_text(value: Any, most: int = MAX_VALUE_CHARACTERS) -> str | None:
    """Return a value as the text that it is shown and counted by, None where it says nothing."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or value == SCRUBBED:
        return None
    return value[:most].strip() or None
