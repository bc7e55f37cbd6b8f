"""The form of a notification config: from its fields to the config, and back without secrets.

A secret that was entered goes back to the browser sealed, as the form's ``draft``, so that it need
not be entered again where something else is wrong; the page shows only that it is there.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from faultline_lite.exceptions import ChannelConfigError, Problem
from faultline_lite.notifications.channels import ChannelConfig, camel
from faultline_lite.notifiers import parse_config
from faultline_lite.notifiers.fields import (
    Field,
    list_common_fields,
    list_own_fields,
    list_restrictions,
)
from faultline_lite.notifiers.notifier import Notifier
from faultline_lite.sealedbox import KeyStore
from faultline_lite.sentences import say
from faultline_lite.timekeys import parse_time
from faultline_lite.web.formatting import to_datetime
from faultline_lite.web.forms import Form, first

RESTRICT = "restrict"

_WHOLE = re.compile(r"-?\d{1,10}", re.ASCII)
_SEPARATORS = re.compile(r"[,\n]")
#: What ``<input type="datetime-local">`` sends; it is meant in UTC.
_LOCAL_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?", re.ASCII)
_LOCAL_TIME_SECONDS = "%Y-%m-%dT%H:%M:%S"

Secrets = dict[str, str]


class Input(NamedTuple):
    """A field as the page shows it. ``value`` is never a secret's; ``kept`` are its characters."""

    id: str
    field: Field
    value: str
    kept: int
    problem: str


class Group(NamedTuple):
    """Inputs that stand together: the notifier's own, when and how, restrictions."""

    name: str
    inputs: list[Input]

    @property
    def is_touched(self) -> bool:
        """Whether anything in it was filled in, or is wrong."""
        return any(each.value or each.problem for each in self.inputs)


def read_value(form: Form, notifier: Notifier[Any], secrets: Secrets) -> dict[str, Any]:
    """Return the config as JSON that the form describes, checked by nothing yet."""
    value: dict[str, Any] = {"type": notifier.type}
    for field in (*list_own_fields(notifier), *list_common_fields(notifier)):
        _put(value, field, first(form, field.name), secrets)
    restrict: dict[str, Any] = {}
    for field in list_restrictions():
        _put(restrict, field, first(form, f"{RESTRICT}.{field.name}"), {})
    if "expires" in restrict:
        restrict["expires"] = _from_local(restrict["expires"])
    return {**value, RESTRICT: restrict} if restrict else value


def find_problems(value: dict[str, Any], now_ms: int) -> list[Problem]:
    """Return what is wrong with a config of the form; a path leads to the field."""
    problems: list[Problem] = []
    try:
        parse_config(value)
    except ChannelConfigError as error:
        problems += error.problems
    if _is_over(value.get(RESTRICT, {}).get("expires"), now_ms):
        problems.append(Problem(say("that time is over"), (RESTRICT, "expires")))
    return problems


def _is_over(expires: str | None, now_ms: int) -> bool:
    try:
        return expires is not None and parse_time(expires) <= now_ms
    except ValueError:
        # That it is no time is said already.
        return False


def make_groups(
    notifier: Notifier[Any], value: dict[str, Any], problems: Sequence[Problem] = ()
) -> list[Group]:
    """Return the form's fields, filled in with the value but for its secrets."""
    reasons = {each.path: each.message for each in problems}
    restrict = value.get(RESTRICT, {})
    return [
        Group("own", [_make_input(each, value, (), reasons) for each in list_own_fields(notifier)]),
        Group(
            "common",
            [_make_input(each, value, (), reasons) for each in list_common_fields(notifier)],
        ),
        Group(
            RESTRICT,
            [_make_input(each, restrict, (RESTRICT,), reasons) for each in list_restrictions()],
        ),
    ]


def to_value(config: ChannelConfig) -> dict[str, Any]:
    """Return a config as the JSON that it was made of, by the names that the form has."""
    value = {
        camel(field.name): getattr(config, field.name)
        for field in msgspec.structs.fields(config)
        if field.name != RESTRICT and getattr(config, field.name) != field.default
    }
    if config.restrict is not None:
        restrict = msgspec.structs.asdict(config.restrict)
        value[RESTRICT] = {name: each for name, each in restrict.items() if each is not None}
    return {"type": config.TYPE, **value}


def seal_draft(store: KeyStore, notifier: Notifier[Any], value: dict[str, Any]) -> str:
    """Return the secrets of a value sealed, nothing where there are none."""
    secrets = {
        field.name: value[field.name]
        for field in list_own_fields(notifier)
        if field.kind == "secret" and field.name in value
    }
    return store.seal(msgspec.json.encode({"draft": secrets})) if secrets else ""


def open_draft(store: KeyStore, draft: str) -> Secrets:
    """Return the secrets of a draft; none where it cannot be opened."""
    try:
        content = msgspec.json.decode(store.open(draft), type=dict[str, Secrets])
    except (ChannelConfigError, msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return content.get("draft", {})


def _put(value: dict[str, Any], field: Field, text: str, secrets: Secrets) -> None:
    """Put what was entered into the value; what was left empty is absent."""
    text = text.strip()
    if field.kind == "secret":
        text = text or secrets.get(field.name, "")
    if not text:
        return
    if field.kind == "list":
        value[field.name] = [part.strip() for part in _SEPARATORS.split(text) if part.strip()]
    elif field.kind == "flag":
        value[field.name] = True
    elif field.kind == "number" and _WHOLE.fullmatch(text):
        value[field.name] = int(text)
    else:
        value[field.name] = text


def _make_input(
    field: Field, value: dict[str, Any], path: tuple[str, ...], reasons: dict[tuple[str, ...], str]
) -> Input:
    given = value.get(field.name, "")
    reason = reasons.get((*path, field.name))
    is_secret = field.kind == "secret"
    return Input(
        id=".".join((*path, field.name)),
        field=field,
        value="" if is_secret else _to_text(field, given),
        kept=len(given) if is_secret else 0,
        problem="" if reason is None else _without_name(field.name, reason),
    )


def _without_name(name: str, reason: str) -> str:
    """Return the problem without the name of the field in JSON: the form has another beside it."""
    if reason == say("{field} is required", field=name):
        return say("this field is required")
    return reason.partition(": ")[2] or reason or "?"


def _to_text(field: Field, given: Any) -> str:
    if field.kind == "list":
        return ", ".join(given)
    if field.name == "expires":
        return _to_local(str(given))
    return "yes" if given is True else str(given)


def _from_local(text: str) -> str:
    """Return the time of a ``datetime-local`` field as RFC 3339; anything else stays."""
    found = _LOCAL_TIME.fullmatch(text)
    if found is None:
        return text
    return f"{text}Z" if found[1] else f"{text}:00Z"


def _to_local(text: str) -> str:
    try:
        return f"{to_datetime(parse_time(text)):{_LOCAL_TIME_SECONDS}}"
    except ValueError:
        return text
