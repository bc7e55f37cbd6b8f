"""The fields of configs, for whoever asks people for them: read off the classes of the notifiers.

A field that a notifier gets is asked for everywhere; its declaration says whether it is a secret.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

import msgspec

from faultline_lite.notifications.channels import ChannelConfig, Restriction, camel, is_secret
from faultline_lite.notifiers.notifier import Notifier

Kind = Literal["text", "secret", "choice", "list", "number", "flag"]

#: Accepted for the sake of the original's configs, or asked for field by field.
_NOT_ASKED = frozenset({"link_expires", "restrict"})
_COMMON = frozenset(ChannelConfig.__struct_fields__)


class Field(NamedTuple):
    """A field by its name in JSON. ``default`` is what stands for its absence, as text.

    ``choices`` belong to the kind "choice"; ``least`` and ``most`` bound a number, where it is.
    """

    name: str
    kind: Kind
    is_required: bool
    default: str
    choices: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None


def list_own_fields(notifier: Notifier[Any]) -> list[Field]:
    """Return the fields that only such configs have, the required ones first."""
    fields = msgspec.structs.fields(notifier.config)
    return _describe(each for each in fields if each.name not in _COMMON)


def list_common_fields(notifier: Notifier[Any]) -> list[Field]:
    """Return the fields about when and how, as far as they mean something to that notifier."""
    idle = {"close_on_resolve"} if notifier.close is None else set()
    fields = msgspec.structs.fields(ChannelConfig)
    return _describe(each for each in fields if each.name not in _NOT_ASKED | idle)


def list_restrictions() -> list[Field]:
    """Return the fields of ``restrict``; they are in snake_case in JSON too."""
    fields = msgspec.structs.fields(Restriction)
    names = {camel(each.name): each.name for each in fields}
    return [each._replace(name=names[each.name]) for each in _describe(fields)]


def _describe(fields: Iterable[msgspec.structs.FieldInfo]) -> list[Field]:
    return sorted(map(_describe_one, fields), key=lambda each: not each.is_required)


def _describe_one(field: msgspec.structs.FieldInfo) -> Field:
    kind, meta = _strip(field.type)
    least = None if meta is None else meta.ge
    most = None if meta is None else meta.le
    return Field(
        name=camel(field.name),
        kind="secret" if is_secret(field.type) else _kind_of(kind),
        is_required=field.required,
        default=_show(field.default),
        choices=tuple(map(str, get_args(kind))) if get_origin(kind) is Literal else (),
        least=None if least is None else int(least),
        most=None if most is None else int(most),
    )


def _strip(kind: Any) -> tuple[Any, msgspec.Meta | None]:
    """Return the type behind ``| None`` and ``Annotated``, and what is annotated."""
    while True:
        if get_origin(kind) is Annotated:
            kind, meta = get_args(kind)
            return kind, meta
        options = [each for each in get_args(kind) if each is not type(None)]
        if type(None) not in get_args(kind):
            return kind, None
        kind = options[0]


def _kind_of(kind: Any) -> Kind:
    if get_origin(kind) is Literal:
        return "choice"
    if get_origin(kind) is tuple:
        return "list"
    kinds: dict[Any, Kind] = {int: "number", bool: "flag"}
    return kinds.get(kind, "text")


def _show(default: Any) -> str:
    """Return a default as text; nothing for what is absent, empty or off."""
    return "" if default in (None, msgspec.NODEFAULT, (), False) else str(default)
