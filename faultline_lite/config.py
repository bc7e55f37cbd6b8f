"""The configuration: one table of keys and defaults, filled from a file, the environment, flags."""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta
from platformdirs import user_data_path

from faultline_lite.database import Durability
from faultline_lite.egress.destinations import parse_host
from faultline_lite.exceptions import ConfigError
from faultline_lite.logs import LogFormat
from faultline_lite.notifications.channels import MAX_BATCH_SECONDS, MAX_PER_HOUR
from faultline_lite.timekeys import Timeunit

ENVIRONMENT_PREFIX = "FAULTLINE_LITE_"
#: What the original read from its environment, where it means the same.
FAULTLINE_NAMES = {
    "FAULTLINE_MASTER_API_KEY": "master_api_key",
    "FAULTLINE_CLIENT_API_KEY": "client_api_keys",
    "FAULTLINE_TIMEUNIT": "timeunit",
    "FAULTLINE_ERROR_DATA_RETENTION_IN_DAYS": "retention_days",
}
#: Variables of this prefix that speak to the command line, not to the server.
CLIENT_VARIABLES = frozenset({"URL", "API_KEY", "CONFIG"})
SECRET_KEYS = frozenset({"master_api_key", "client_api_keys"})

#: Kubernetes gives every container the addresses of a service called "faultline-lite" under our
#: prefix, and a URL as its PORT (kubernetes.io, "Discovering services"); so did Docker's links.
_SERVICE_VARIABLE = re.compile(r"SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?")

_SIZE_UNITS = {"kib": 2**10, "mib": 2**20, "gib": 2**30, "kb": 10**3, "mb": 10**6, "gb": 10**9}
_SIZE_EXPECTED = "expected bytes, such as 1048576, 500 MiB or 10 GiB"
_PATH_KEYS = ("db", "key_file")
_DATA_PATH = user_data_path("faultline-lite")

#: The bounds keep what is computed from them, days in milliseconds above all, within SQLite's
#: 64-bit integers.
_MAX_COUNT = 2**31 - 1
_MAX_SIZE_BYTES = 2**62

Text = Annotated[str, Meta(min_length=1)]
#: What fits into an HTTP header as it is. Anything else would never match a request's key.
Key = Annotated[str, Meta(pattern=r"^[!-~]+\Z")]
Count = Annotated[int, Meta(ge=-1, le=_MAX_COUNT)]
Positive = Annotated[int, Meta(ge=1, le=_MAX_COUNT)]
Size = Annotated[int, Meta(ge=-1, le=_MAX_SIZE_BYTES, extra={"size": True})]
PositiveSize = Annotated[int, Meta(ge=1, le=_MAX_SIZE_BYTES, extra={"size": True})]
Port = Annotated[int, Meta(ge=0, le=65535)]
PlainConfigs = Literal["allow", "master", "deny"]
LogLevel = Literal["debug", "info", "warning", "error"]


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a server is told.

    ``sources`` says for each key where its value came from, ``file`` which file was read, if any.
    """

    host: Annotated[Text, Meta(description="address to listen on")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="port to listen on; 0 takes a free one")] = 7070
    db: Annotated[Path, Meta(description="the database file")] = _DATA_PATH / "faultline.db"
    key_file: Annotated[
        Path, Meta(description="the key pairs that notification configs are sealed to")
    ] = _DATA_PATH / "faultline.key"
    master_api_key: Annotated[
        Key | None, Meta(description="may do everything; needed beyond loopback")
    ] = None
    client_api_keys: Annotated[tuple[Key, ...], Meta(description="may only report errors")] = ()
    public_url: Annotated[
        str | None, Meta(description="where users reach this server; base of links")
    ] = None
    timeunit: Annotated[
        Timeunit, Meta(description="unit of timelines and of notification thresholds")
    ] = "minute"
    grouping: Annotated[
        Literal["pattern", "message"],
        Meta(description="group by the message without its numbers and ids, or by all of it"),
    ] = "pattern"
    durability: Annotated[
        Durability,
        Meta(description="full: on disk before 201; normal: a power cut may lose the last seconds"),
    ] = "full"
    retention_days: Annotated[
        Count, Meta(description="days after which occurrences and silent errors go; 0: never")
    ] = 90
    max_occurrences_per_error: Annotated[
        Count, Meta(description="occurrences kept of one error; 0: all")
    ] = 1000
    max_occurrences_per_project: Annotated[
        Count, Meta(description="occurrences kept of one project; 0: all")
    ] = 0
    max_db_bytes: Annotated[
        Size, Meta(description="size of the database past which the oldest go; 0: no limit")
    ] = 10 * 2**30
    min_free_bytes: Annotated[Size, Meta(description="room to leave on the disk; 0: none")] = (
        500 * 2**20
    )
    max_body_bytes: Annotated[PositiveSize, Meta(description="largest request body, as sent")] = (
        2**20
    )
    max_decompressed_bytes: Annotated[
        PositiveSize, Meta(description="largest request body, decompressed")
    ] = 8 * 2**20
    max_entries: Annotated[Positive, Meta(description="most errors in one report")] = 1000
    max_request_seconds: Annotated[
        Positive, Meta(description="seconds within which a request must have arrived")
    ] = 30
    rate_limit_per_key: Annotated[
        Count, Meta(description="occurrences a minute with one key; 0: no limit")
    ] = 100_000
    rate_limit_per_project: Annotated[
        Count, Meta(description="occurrences a minute in one project; 0: no limit")
    ] = 100_000
    scrub_keys: Annotated[
        tuple[Text, ...], Meta(description="names to hide beside the usual ones")
    ] = ()
    plain_configs: Annotated[
        PlainConfigs,
        Meta(description="unsealed notification configs: from all, with the master key, from none"),
    ] = "allow"
    batch_seconds: Annotated[
        int,
        Meta(ge=0, le=MAX_BATCH_SECONDS, description="time that a channel's next message collects"),
    ] = 5
    max_per_hour: Annotated[
        int,
        Meta(ge=1, le=MAX_PER_HOUR, description="messages to a channel; the rest is summed up"),
    ] = 60
    allow_hosts: Annotated[
        tuple[Text, ...],
        Meta(description="names, addresses, networks to notify although they are not public"),
    ] = ()
    allow_private: Annotated[
        bool, Meta(description="notify into private networks, 10.0.0.0/8 and the like")
    ] = False
    allow_http: Annotated[bool, Meta(description="notify without encryption too")] = False
    log_level: Annotated[LogLevel, Meta(description="least severe log line")] = "info"
    log_format: Annotated[LogFormat, Meta(description="text for people, json for a collector")] = (
        "text"
    )
    sources: dict[str, str] = {}
    file: Path | None = None

    def __repr__(self) -> str:
        shown = (f"{key}={getattr(self, key)!r}" for key in KEYS if key not in SECRET_KEYS)
        return f"Config({', '.join(shown)})"


#: The keys that a user may set.
KEYS = tuple(name for name in Config.__struct_fields__ if name not in {"sources", "file"})


def load_config(file: Path | None, environ: Mapping[str, str], flags: Mapping[str, Any]) -> Config:
    """Return the configuration: defaults, then the file, the environment, the flags.

    A flag of None was not given. Raises ConfigError naming everything that is wrong, and never
    the value of a secret key.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    sources = dict.fromkeys(KEYS, "default")
    layers = (
        ("file", _read_file(file, problems) if file else {}),
        ("environment", _read_environment(environ, problems)),
        ("flag", {key: value for key, value in flags.items() if value is not None}),
    )
    for source, layer in layers:
        for key, value in layer.items():
            try:
                values[key] = _convert(key, value, source)
            except (msgspec.ValidationError, ValueError) as error:
                problems.append(f"{key} ({source}): {_say(key, error)}")
            sources[key] = source
    if problems:
        raise ConfigError("; ".join(problems))
    return Config(**values, sources=sources, file=file)


def is_key(text: str) -> bool:
    """Return whether the text can be an API key: printable ASCII characters without spaces."""
    return _is_of_kind(text, Key)


def check_listen(config: Config) -> None:
    """Raise ConfigError where the server would be open to others without a key."""
    if config.master_api_key is None and not is_loopback(config.host):
        raise ConfigError(
            f"listening on {config.host} needs a master_api_key, or anybody could read and delete "
            "your errors: `faultline-lite init` writes a configuration with fresh keys"
        )


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach the host."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def describe_keys() -> Iterator[tuple[str, Any, str]]:
    """Yield each key with its default and what it is for, in the order of the table."""
    for field in msgspec.structs.fields(Config):
        if field.name in KEYS:
            yield field.name, field.default, _description(field.type)


def _read_file(file: Path, problems: list[str]) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            content = tomllib.load(opened)
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}") from error
    known = {key: value for key, value in content.items() if key in KEYS}
    problems += [_unknown(key, KEYS) for key in content if key not in KEYS]
    # The example shows what has no default to show as an empty text.
    known = {key: value for key, value in known.items() if value != ""}
    # A path in a file is meant from where the file is.
    for key in _PATH_KEYS:
        if isinstance(known.get(key), str):
            known[key] = str(file.resolve().parent / _expand(known[key]))
    return known


def _read_environment(environ: Mapping[str, str], problems: list[str]) -> dict[str, str]:
    names = {f"{ENVIRONMENT_PREFIX}{key.upper()}": key for key in KEYS}
    # An empty variable is how a compose file leaves one out: it must not hide the other name's
    # value. A secret that was read from a file ends with a line break.
    given = {
        name: value.strip()
        for name, value in environ.items()
        if value.strip() and not _is_of_orchestrator(name, value)
    }
    problems += [
        _unknown(name, names)
        for name in given
        if name.startswith(ENVIRONMENT_PREFIX)
        and name not in names
        and name.removeprefix(ENVIRONMENT_PREFIX) not in CLIENT_VARIABLES
    ]
    # Our own name wins over the original's.
    return {key: given[name] for name, key in {**FAULTLINE_NAMES, **names}.items() if name in given}


def _is_of_orchestrator(name: str, value: str) -> bool:
    rest = name.removeprefix(ENVIRONMENT_PREFIX)
    if rest == name or not _SERVICE_VARIABLE.fullmatch(rest):
        return False
    return rest != "PORT" or "://" in value


def _unknown(name: str, known: Mapping[str, str] | tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"unknown key {name}" + (f", did you mean {near[0]}?" if near else "")


def _convert(key: str, value: Any, source: str) -> Any:
    kind = Config.__annotations__[key]
    if key in _PATH_KEYS:
        return _to_path(value)
    if source == "environment" and "tuple" in str(kind):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, str) and _is_size(kind):
        value = _parse_size(value)
    if isinstance(value, str) and _choices(kind):
        value = value.lower()
    converted = msgspec.convert(value, kind, strict=source != "environment")
    if key == "host":
        _check_host(converted)
    if key == "public_url" and converted is not None:
        return _check_url(converted)
    if key == "allow_hosts":
        for host in converted:
            parse_host(host)
    return converted


def _say(key: str, error: Exception) -> str:
    """Return what is expected of the key, without the value."""
    if key in SECRET_KEYS:
        return "expected printable ASCII characters without spaces"
    kind = Config.__annotations__[key]
    choices = _choices(kind)
    if choices:
        return f"expected {' or '.join(choices)}"
    # msgspec's own words are of Python's types.
    return _expected(kind) if isinstance(error, msgspec.ValidationError) else str(error)


def _expected(kind: Any) -> str:
    """Return what a value of that kind looks like in the file."""
    if _is_size(kind):
        return _SIZE_EXPECTED
    if kind.__origin__ is int:
        low = next(meta.ge for meta in kind.__metadata__ if meta.ge is not None)
        high = next(meta.le for meta in kind.__metadata__ if meta.le is not None)
        return f"expected a whole number from {low} to {high}"
    if kind.__origin__ is bool:
        return "expected true or false"
    return 'expected a list such as ["a", "b"]' if "tuple" in str(kind) else "expected a text"


def _choices(kind: Any) -> tuple[str, ...]:
    """Return the words to choose from, nothing where any will do."""
    literal = kind.__origin__
    return get_args(literal) if get_origin(literal) is Literal else ()


def _is_of_kind(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _to_path(value: Any) -> Path:
    if not isinstance(value, str | Path) or str(value) in {"", "."}:
        raise ValueError("expected the path of a file")
    return _expand(str(value))


def _expand(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:
        # "~name" of nobody: then it is a name like any other.
        return Path(path)


def _check_host(host: str) -> None:
    """Raise ValueError for what looks like an address with a port, or like one within a URL."""
    if ":" in host:
        try:
            ip_address(host)
        except ValueError:
            raise ValueError("expected a name or an address, without port and brackets") from None


def _check_url(url: str) -> str:
    expected = "expected a URL such as https://errors.example.com"
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError(expected) from None
    surplus = parts.query or parts.fragment or parts.username is not None
    if parts.scheme not in {"http", "https"} or not has_host or surplus or not is_key(url):
        raise ValueError(expected)
    return url.rstrip("/")


def _parse_size(text: str) -> int:
    """Return bytes from ``1048576``, ``500 MiB``, ``10GB``. Raises ValueError."""
    number = text.strip().lower()
    factor = 1
    for unit, unit_bytes in _SIZE_UNITS.items():
        if number.endswith(unit):
            number, factor = number.removesuffix(unit).strip(), unit_bytes
            break
    try:
        return int(float(number) * factor) if "." in number else int(number) * factor
    except (ValueError, OverflowError):
        raise ValueError(_SIZE_EXPECTED) from None


def _description(kind: Any) -> str:
    return next(str(meta.description) for meta in kind.__metadata__ if meta.description)


def _is_size(kind: Any) -> bool:
    return any((meta.extra or {}).get("size") for meta in getattr(kind, "__metadata__", ()))
