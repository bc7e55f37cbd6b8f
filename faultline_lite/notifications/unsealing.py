"""The notification configs of a report, opened and checked: which channels it may notify.

A report is never lost to its configs: what cannot be used is a channel with a refusal. Opened
configs stay in this module; what leaves it is sealed anew, or words of ours.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from faultline_lite.config import PlainConfigs
from faultline_lite.exceptions import ChannelConfigError, ConfigError, Problem
from faultline_lite.models import NamedChannel, Report, Sender
from faultline_lite.notifications.channels import ChannelConfig, Restriction, find_unknown_fields
from faultline_lite.notifiers import parse_config, parse_configs
from faultline_lite.sealedbox import KeyPair, KeyStore
from faultline_lite.sentences import Sentence, say
from faultline_lite.timekeys import parse_time

T = TypeVar("T")

#: Channels that one report may notify; bounds what opening them costs.
MAX_CHANNELS = 20
MAX_CONFIG_BYTES = 8 * 1024
#: Opened configs that are remembered, to open each once and not for every report: if they come in
#: no more than MAX_CONFIG_BYTES, several together too.
REMEMBERED = 1024

_PLAIN_REFUSALS: dict[PlainConfigs, Sentence] = {
    "deny": say("this server takes sealed configs only: `faultline-lite seal` makes one"),
    "master": say("an unsealed config needs the master key: `faultline-lite seal` seals it"),
}


class _Usable(NamedTuple):
    channel: NamedChannel
    restriction: Restriction | None


class _Opened(NamedTuple):
    """What opening gave: channels, or why there are none, which other keys may change."""

    usable: tuple[_Usable, ...]
    refusal: Sentence | None
    pairs: tuple[KeyPair, ...]


class Unsealer:
    """Opens what reports carry, and what the store holds; one for each server."""

    def __init__(self, keys: KeyStore, plain_configs: PlainConfigs) -> None:
        self._keys = keys
        self._plain_configs = plain_configs
        self._opened: _Recent[_Opened] = _Recent()
        self._configs: _Recent[ChannelConfig] = _Recent()

    def name_channels(self, report: Report, sender: Sender) -> tuple[NamedChannel, ...]:
        """Return the channels that the report names, in its order, refused ones too."""
        channels: list[NamedChannel] = []
        for number, given in enumerate(report.notifications):
            if given is None:
                continue
            label = f"notifications[{number}]"
            if len(channels) >= MAX_CHANNELS:
                reason = say(
                    "a report may name {count} channels; the rest is left out", count=MAX_CHANNELS
                )
                return (*channels, self._refuse(label, reason))
            channels += self._name(given, label, report, sender)
        return tuple(channels)

    def open_stored(self, sealed: str) -> ChannelConfig:
        """Return the config that a channel was stored with. Raises ChannelConfigError."""
        key = _digest(sealed.encode())
        return self._configs.get(
            key, lambda: parse_config(msgspec.json.decode(self._keys.open(sealed)))
        )

    def _name(
        self, given: Any, label: str, report: Report, sender: Sender
    ) -> Iterator[NamedChannel]:
        is_sealed = isinstance(given, str)
        if not is_sealed and not self._takes_plain(sender):
            yield self._refuse(label, _PLAIN_REFUSALS[self._plain_configs])
            return
        opened = self._open(given)
        if opened.refusal is not None:
            yield self._refuse(label, opened.refusal)
        for channel, restriction in opened.usable:
            reason = _check(restriction, report, sender) if restriction is not None else None
            yield channel if reason is None else self._refuse(channel.label, reason)

    def _takes_plain(self, sender: Sender) -> bool:
        if self._plain_configs == "master":
            return sender.is_master
        return self._plain_configs == "allow"

    def _open(self, given: Any) -> _Opened:
        content = given.encode() if isinstance(given, str) else msgspec.json.encode(given)
        if len(content) > MAX_CONFIG_BYTES:
            return self._open_anew(given)
        key = _digest(type(given).__name__.encode() + content)
        opened = self._opened.get(key, lambda: self._open_anew(given))
        if opened.refusal is not None and opened.pairs is not self._keys.pairs:
            # A key has been added since: it may be the one.
            return self._opened.replace(key, self._open_anew(given))
        return opened

    def _open_anew(self, given: Any) -> _Opened:
        pairs = self._keys.pairs
        try:
            return _Opened(tuple(self._read(given)), None, pairs)
        except (ChannelConfigError, ConfigError) as error:
            return _Opened((), Sentence(str(error)), pairs)

    def _read(self, given: Any) -> Iterator[_Usable]:
        """Yield each config in it, sealed anew. Raises ChannelConfigError or ConfigError."""
        value = given
        if isinstance(given, str):
            try:
                value = msgspec.json.decode(self._keys.open(given))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                raise ChannelConfigError(Problem(say("what is sealed is not JSON"))) from None
        configs = parse_configs(value)
        values = value if isinstance(value, list) else [value]
        if len(configs) > MAX_CHANNELS:
            raise ChannelConfigError(
                Problem(say("it holds more than {count} configs", count=MAX_CHANNELS))
            )
        for config, each in zip(configs, values, strict=True):
            content = msgspec.json.encode(each, order="deterministic")
            if len(content) > MAX_CONFIG_BYTES:
                raise ChannelConfigError(
                    Problem(say("it has more than {count} bytes", count=MAX_CONFIG_BYTES))
                )
            unknown = tuple(find_unknown_fields(each, type(config)))
            yield _Usable(self._describe(config, content, unknown), config.restrict)

    def _describe(
        self, config: ChannelConfig, content: bytes, unknown_fields: tuple[str, ...]
    ) -> NamedChannel:
        destination = msgspec.json.encode([config.TYPE, *config.destination])
        limit = config.restrict.max_per_hour if config.restrict is not None else None
        return NamedChannel(
            digest=self._keys.identify(b"config " + content),
            label=config.label,
            identity=self._keys.identify(b"channel " + destination),
            type=config.TYPE,
            sealed=self._keys.seal(content),
            threshold=config.threshold,
            notify_interval=config.notify_interval,
            batch_seconds=config.batch,
            max_per_hour=limit,
            close_on_resolve=config.close_on_resolve,
            unknown_fields=unknown_fields,
        )

    def _refuse(self, label: str, reason: Sentence) -> NamedChannel:
        content = msgspec.json.encode([label, reason])
        digest = self._keys.identify(b"refusal " + content)
        return NamedChannel(digest=digest, label=label, refusal=reason)


def _check(restriction: Restriction, report: Report, sender: Sender) -> Sentence | None:
    """Return why the restriction does not allow this report, None where it does."""
    projects, origins, expires = restriction.projects, restriction.origins, restriction.expires
    if projects is not None and not any(fnmatchcase(report.project, each) for each in projects):
        return say("the config is for other projects")
    if origins is not None and sender.origin not in [each.rstrip("/").lower() for each in origins]:
        return say("the config is for other origins")
    if expires is not None and report.received_ms >= parse_time(expires):
        return say("the config has expired")
    return None


class _Recent(Generic[T]):
    """The values that were asked for last, by their keys; at most REMEMBERED."""

    def __init__(self) -> None:
        self._values: OrderedDict[bytes, T] = OrderedDict()

    def get(self, key: bytes, make: Callable[[], T]) -> T:
        """Return the value of the key, made where it is not known."""
        if key not in self._values:
            return self.replace(key, make())
        self._values.move_to_end(key)
        return self._values[key]

    def replace(self, key: bytes, value: T) -> T:
        """Remember the value under the key and return it; the one asked for longest ago goes."""
        self._values[key] = value
        if len(self._values) > REMEMBERED:
            self._values.popitem(last=False)
        return value


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()
