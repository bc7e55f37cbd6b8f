"""What a channel is: the fields that the configs of all notifiers share, and how one is read.

Pure. A notifier derives its own config from ``ChannelConfig``. Nothing here may put a value of a
config into a message: problems name fields, a label is made of what the notifier declares public.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args, get_origin
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from faultline_lite.exceptions import ChannelConfigError, Problem
from faultline_lite.sentences import Sentence, say
from faultline_lite.timekeys import parse_time

C = TypeVar("C", bound="ChannelConfig")

#: What may stand in one text of a config; some are printed, all are kept in memory.
MAX_TEXT_CHARACTERS = 4096
MAX_LABEL_CHARACTERS = 120
MAX_BATCH_SECONDS = 3600
MAX_PER_HOUR = 600
CONCEALED = "[concealed]"
_RESTRICT = "restrict"
#: A shorter value is no secret worth the name, and would be found in every other text.
SHORTEST_SECRET = 6

Text = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT_CHARACTERS)]
#: Never shown: a token, or a URL that is as good as one.
Secret = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT_CHARACTERS, extra={"secret": True})]
Whole = Annotated[int, Meta(ge=-(2**31), lt=2**31)]


#: Returns why the value of a field is wrong that is of the right type, None where it is not.
Check = Callable[[Any], Sentence | None]


def check_time(text: str) -> Sentence | None:
    """Return whether it is no moment."""
    try:
        parse_time(text)
    except ValueError:
        return say("expected an RFC 3339 time such as 2027-01-01T00:00:00Z")
    return None


def check_timezone(name: str) -> Sentence | None:
    """Return whether the system knows no such zone."""
    return None if _is_timezone(name) else say("expected an IANA name such as Asia/Tokyo")


class Restriction(msgspec.Struct, frozen=True, kw_only=True):
    """For which reports a config may be used, since anyone can copy a sealed one out of a page.

    ``projects`` are globs, ``origins`` compared with the request's ``Origin``, ``expires`` is
    RFC 3339. None stands for no restriction.
    """

    CHECKS: ClassVar[Mapping[str, Check]] = {"expires": check_time}

    projects: tuple[Text, ...] | None = None
    origins: tuple[Text, ...] | None = None
    expires: Text | None = None
    max_per_hour: Annotated[int, Meta(ge=1, le=MAX_PER_HOUR)] | None = None


class ChannelConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the configs: when to notify, how to print, and what each notifier must tell of it.

    Every field may be given in camelCase or in snake_case. Its printed form shows the label only.
    """

    #: The ``type`` of a config that is meant for this class.
    TYPE: ClassVar[str]
    #: What the types alone cannot tell, by the field's name; an override has these too.
    CHECKS: ClassVar[Mapping[str, Check]] = {"timezone": check_timezone}

    notify_interval: Whole = 1
    threshold: Whole = 1
    timezone: Text | None = None
    link_template: Text | None = None
    batch: Annotated[int, Meta(ge=0, le=MAX_BATCH_SECONDS)] | None = None
    #: Accepted and ignored: the original signed links to S3 for so many seconds.
    link_expires: Any = None
    close_on_resolve: bool = False
    restrict: Restriction | None = None

    @property
    def place(self) -> str:
        """Where it goes, for people, made of nothing secret: ``#random``, ``owner/repo``."""
        raise NotImplementedError

    @property
    def destination(self) -> tuple[str, ...]:
        """Everything that makes it the same channel or another one, credentials included."""
        raise NotImplementedError

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that must never be seen: tokens, URLs that are capabilities."""
        raise NotImplementedError

    def issue_page(self, number: int) -> str | None:
        """Return the address of the tracker's issue for people, None where there are no issues."""
        del number
        return None

    @property
    def label(self) -> str:
        """What the channel is called wherever it is shown: ``slack #random``."""
        place = "".join(c if c.isprintable() else " " for c in self.conceal(self.place))
        return f"{self.TYPE} {place}"[:MAX_LABEL_CHARACTERS].rstrip()

    def conceal(self, text: str) -> str:
        """Return the text, such as a vendor's answer, without any of the config's secrets."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            if len(secret) >= SHORTEST_SECRET:
                text = text.replace(secret, CONCEALED)
        return text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.label})"


def read_config(value: dict[str, Any], kind: type[C]) -> C:
    """Return ``value`` as a config of that kind.

    Unknown fields are ignored and null means absent; but an unknown restriction is wrong, since
    what it was to keep out would come in. Raises ChannelConfigError with a Problem for each field
    that is wrong, by the name that it was given.
    """
    problems: list[Problem] = []
    fields = _read_fields(value, kind, (), problems)
    if problems:
        raise ChannelConfigError(*problems)
    return kind(**fields)


def _read_fields(
    value: dict[str, Any], kind: Any, path: tuple[str, ...], problems: list[Problem]
) -> dict[str, Any]:
    """Return the fields of ``kind`` that are there and right; add what is wrong to ``problems``."""
    fields: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        name, given = _find_given(value, field.name)
        if given is None:
            if field.required:
                problems.append(Problem(say("{field} is required", field=name), (*path, name)))
            continue
        if field.name == _RESTRICT and isinstance(given, dict):
            problems += _find_unknown_restrictions(given)
            given = _read_fields(given, Restriction, (name,), problems)
        try:
            # Configs come out of environments: "5" is meant as 5.
            fields[field.name] = msgspec.convert(given, field.type, strict=False)
        except msgspec.ValidationError:
            problems.append(wrong_field(_expect(field.type), *path, name))
            continue
        check = kind.CHECKS.get(field.name)
        reason = None if check is None else check(fields[field.name])
        if reason is not None:
            problems.append(wrong_field(reason, *path, name))
    return fields


def _find_given(value: dict[str, Any], name: str) -> tuple[str, Any]:
    """Return a field by the name that it has in ``value``, camelCase or snake_case."""
    in_camel_case = camel(name)
    given = value.get(in_camel_case)
    if given is None and value.get(name) is not None:
        return name, value[name]
    return in_camel_case, given


def _find_unknown_restrictions(given: dict[str, Any]) -> Iterator[Problem]:
    names = Restriction.__struct_fields__
    if not set(given) <= {*names, *map(camel, names)}:
        yield wrong_field(say("expected one of {choices}", choices=", ".join(names)), _RESTRICT)


def wrong_field(reason: Sentence, *path: str) -> Problem:
    """Return the problem that the field at the path is wrong for that reason."""
    return Problem(say("{field}: {reason}", field=".".join(path), reason=reason), path)


def find_unknown_fields(value: dict[str, Any], kind: type[ChannelConfig]) -> list[str]:
    """Return the names in ``value`` that mean nothing to configs of that kind."""
    names = {field.name for field in msgspec.structs.fields(kind)} | {"type"}
    return [name for name in value if name not in names | set(map(camel, names))]


def is_secret(kind: Any) -> bool:
    """Return whether a field of that type is a ``Secret``, or may be one."""
    metas = getattr(kind, "__metadata__", ())
    return any((meta.extra or {}).get("secret") for meta in metas) or any(
        is_secret(each) for each in get_args(kind) if get_origin(kind) is not Literal
    )


def camel(name: str) -> str:
    """Return ``notify_interval`` as ``notifyInterval``."""
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


def format_local_time(epoch_ms: int, timezone: str | None) -> str:
    """Return the time in that zone, UTC by default, as ``2016-12-07T09:00:00+09:00``.

    A client's time may have no place there: before the year 1, or after 9999. It is in UTC then.
    """
    moment = datetime.fromtimestamp(epoch_ms // 1000, UTC)
    try:
        return moment.astimezone(ZoneInfo(timezone or "UTC")).isoformat()
    except OverflowError:
        return moment.isoformat()


def _is_timezone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        # A path, a folder, or nothing that the system knows.
        return False
    return True


def _expect(kind: Any) -> Sentence:
    """Return what a field takes. msgspec's own messages may quote what was given."""
    origin = get_origin(kind)
    if origin is Annotated:
        kind, meta = get_args(kind)
        if meta.ge is not None and meta.le is not None:
            least, most = meta.ge, meta.le
            return say("expected a whole number from {least} to {most}", least=least, most=most)
        return _expect(kind)
    if origin is Literal:
        return say("expected one of {choices}", choices=", ".join(map(str, get_args(kind))))
    if origin is tuple:
        return say("expected a list of texts")
    if origin is not None:
        return _expect(next(each for each in get_args(kind) if each is not type(None)))
    return _EXPECTED.get(kind, say("expected an object"))


_EXPECTED = {
    str: say("expected a text"),
    int: say("expected a whole number"),
    bool: say("expected true or false"),
}
