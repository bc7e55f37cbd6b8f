"""The configs of a report: opened once, sealed anew for the store, refused in words of ours."""

import json
from pathlib import Path
from typing import Any

import pytest
from nacl.public import PrivateKey

from faultline_lite.config import PlainConfigs
from faultline_lite.exceptions import ChannelConfigError
from faultline_lite.ingest import CLIENT
from faultline_lite.models import NamedChannel, Report, Sender
from faultline_lite.notifications.unsealing import REMEMBERED, Unsealer
from faultline_lite.sealedbox import KeyStore, create_key_file, rotate_keys, seal

SECRET = "https://hooks.example.com/services/to-be-concealed"
SLACK = {"type": "slack", "endpoint": SECRET, "channel": "#random", "threshold": 30}
HOOK = {"type": "webhook", "endpoint": SECRET}
NOW_MS = 1_481_036_400_000


class CountingStore(KeyStore):
    """A key store that counts how often it had to open something."""

    opened = 0

    def open(self, sealed: str) -> bytes:
        self.opened += 1
        return super().open(sealed)


@pytest.fixture
def keys(tmp_path: Path) -> CountingStore:
    path = tmp_path / "faultline.key"
    create_key_file(path, 1)
    return CountingStore(path)


def name(
    keys: KeyStore,
    *configs: Any,
    sender: Sender = CLIENT,
    plain: PlainConfigs = "allow",
    unsealer: Unsealer | None = None,
) -> tuple[NamedChannel, ...]:
    report = Report("web-shop", (), NOW_MS, configs)
    return (unsealer or Unsealer(keys, plain)).name_channels(report, sender)


def sealed(keys: KeyStore, *configs: Any) -> str:
    content = configs[0] if len(configs) == 1 else list(configs)
    return keys.seal(json.dumps(content).encode())


def test_channel_is_described_without_its_secret(keys: CountingStore) -> None:
    config = {**SLACK, "batch": 60, "restrict": {"max_per_hour": 20}}

    (channel,) = name(keys, config)

    assert (channel.label, channel.type, channel.refusal) == ("slack #random", "slack", None)
    assert (channel.threshold, channel.notify_interval) == (30, 1)
    assert (channel.batch_seconds, channel.max_per_hour) == (60, 20)
    assert json.loads(keys.open(channel.sealed)) == config
    assert "concealed" not in repr(channel)


def test_config_is_the_same_channel_whatever_its_rules_and_however_it_came(
    keys: CountingStore,
) -> None:
    other_rules = {**SLACK, "threshold": 1}
    other_place = {**SLACK, "channel": "#general"}

    plain, rules, boxed, place = name(keys, SLACK, other_rules, sealed(keys, SLACK), other_place)

    assert plain.identity == rules.identity == boxed.identity != place.identity
    assert plain.digest == boxed.digest != rules.digest


def test_order_of_fields_makes_no_other_config(keys: CountingStore) -> None:
    one, other = name(keys, SLACK, dict(reversed(SLACK.items())))

    assert one.digest == other.digest


def test_sealed_string_is_opened_once(keys: CountingStore) -> None:
    unsealer = Unsealer(keys, "allow")
    config = sealed(keys, SLACK, HOOK)

    for _ in range(100):
        name(keys, config, unsealer=unsealer)

    assert keys.opened == 1


def test_what_is_remembered_is_bounded(keys: CountingStore) -> None:
    unsealer = Unsealer(keys, "allow")
    first = sealed(keys, SLACK)
    name(keys, first, unsealer=unsealer)
    for number in range(REMEMBERED):
        name(keys, {**SLACK, "channel": f"#{number}"}, unsealer=unsealer)

    name(keys, first, unsealer=unsealer)

    assert keys.opened == 2


def test_what_is_large_is_not_remembered(keys: CountingStore) -> None:
    unsealer = Unsealer(keys, "allow")
    many = [{**SLACK, "channel": "#" + letter * 1000} for letter in "abcdefghi"]

    small = [name(keys, SLACK, unsealer=unsealer)[0] for _ in range(2)]
    large = [name(keys, many, unsealer=unsealer) for _ in range(2)]

    assert small[0] is small[1]
    assert len(large[0]) == len(many)
    assert [each.digest for each in large[0]] == [each.digest for each in large[1]]
    assert not any(first is second for first, second in zip(*large, strict=True))


def test_string_that_did_not_open_is_tried_again_only_when_keys_have_changed(
    keys: CountingStore, tmp_path: Path
) -> None:
    unsealer = Unsealer(keys, "allow")
    stranger = PrivateKey.generate()
    config = seal(json.dumps(SLACK).encode(), bytes(stranger.public_key))
    for _ in range(3):
        (channel,) = name(keys, config, unsealer=unsealer)
    before = keys.opened
    rotate_keys(tmp_path / "faultline.key", 2)

    name(keys, config, unsealer=unsealer)

    assert channel.refusal == "it is sealed to a key that this server does not have"
    assert (before, keys.opened) == (1, 2)


def test_config_sealed_to_a_key_that_was_added_later_opens_without_a_restart(
    keys: CountingStore, tmp_path: Path
) -> None:
    unsealer = Unsealer(keys, "allow")
    name(keys, SLACK, unsealer=unsealer)
    fresh = rotate_keys(tmp_path / "faultline.key", 2)
    config = seal(json.dumps(SLACK).encode(), bytes(fresh.private_key.public_key))

    (channel,) = name(keys, config, unsealer=unsealer)

    assert channel.refusal is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"not json to-be-concealed", "what is sealed is not JSON"),
        (b'{"type": "pager-to-be-concealed"}', "type: expected one of "),
        (b"[]", "expected a config, or a list of at least one"),
        (b'"to-be-concealed"', "expected an object"),
        (b"[" * 5000, "what is sealed is not JSON"),
    ],
)
def test_sealed_nonsense_is_refused_in_words_of_ours(
    keys: CountingStore, content: bytes, reason: str
) -> None:
    (channel,) = name(keys, keys.seal(content))

    assert (channel.refusal or "").startswith(reason)
    assert "concealed" not in repr(channel)
    assert channel.sealed == ""


@pytest.mark.parametrize(
    ("restrict", "refusal"),
    [
        ({}, None),
        ({"projects": ["web-*"]}, None),
        ({"projects": ["web-shop"], "origins": ["https://a.example"]}, None),
        ({"projects": ["api", "web"]}, "the config is for other projects"),
        ({"projects": ["WEB-*"]}, "the config is for other projects"),
        ({"projects": []}, "the config is for other projects"),
        ({"origins": ["https://b.example"]}, "the config is for other origins"),
        ({"origins": []}, "the config is for other origins"),
        ({"expires": "2016-12-07T00:00:01+09:00"}, None),
        ({"expires": "2016-12-07T00:00:00+09:00"}, "the config has expired"),
    ],
)
def test_restriction_is_checked_at_every_use(
    keys: CountingStore, restrict: dict[str, Any], refusal: str | None
) -> None:
    config = sealed(keys, {**SLACK, "restrict": restrict})

    (channel,) = name(keys, config, sender=Sender("https://a.example"))

    assert channel.label == "slack #random"
    assert channel.refusal == refusal


@pytest.mark.parametrize(
    ("restrict", "refusal"),
    [
        ({"projects": "web-*"}, "restrict.projects: expected a list of texts"),
        ({"maxPerHour": 0}, "restrict.maxPerHour: expected a whole number from 1 to 600"),
        ({"max_per_hour": "x"}, "restrict.max_per_hour: expected a whole number from 1 to 600"),
        (["web-*"], "restrict: expected an object"),
        (
            {"project": ["web-*"]},
            "restrict: expected one of projects, origins, expires, max_per_hour",
        ),
    ],
)
def test_restriction_that_would_not_restrict_is_refused(
    keys: CountingStore, restrict: Any, refusal: str
) -> None:
    (channel,) = name(keys, {**SLACK, "restrict": restrict})

    assert channel.refusal == refusal


def test_restriction_may_be_named_in_camel_case_too(keys: CountingStore) -> None:
    (channel,) = name(keys, {**SLACK, "restrict": {"maxPerHour": 7}})

    assert channel.max_per_hour == 7


@pytest.mark.parametrize("field", ["iconEmoji", "icon_emoji"])
def test_wrong_field_is_named_as_it_was_given(keys: CountingStore, field: str) -> None:
    (channel,) = name(keys, {**SLACK, field: 5})

    assert channel.refusal == f"{field}: expected a text"


@pytest.mark.parametrize(
    ("plain", "is_master", "is_refused"),
    [
        ("allow", False, False),
        ("master", False, True),
        ("master", True, False),
        ("deny", True, True),
    ],
)
def test_policy_is_for_unsealed_configs(
    keys: CountingStore, plain: PlainConfigs, is_master: bool, is_refused: bool
) -> None:
    unsealed, boxed = name(
        keys, SLACK, sealed(keys, SLACK), sender=Sender(None, is_master), plain=plain
    )

    assert (unsealed.refusal is not None) is is_refused
    assert boxed.refusal is None


def test_without_a_key_file_nothing_is_stored_in_the_clear(tmp_path: Path) -> None:
    (channel,) = name(KeyStore(tmp_path / "missing.key"), SLACK)

    assert channel.refusal is not None
    assert channel.sealed == ""


def test_stored_config_opens_as_long_as_its_key_is_there(
    keys: CountingStore, tmp_path: Path
) -> None:
    (channel,) = name(keys, SLACK)
    path = tmp_path / "other.key"
    create_key_file(path, 1)

    assert Unsealer(keys, "deny").open_stored(channel.sealed).label == "slack #random"
    with pytest.raises(ChannelConfigError, match="a key that this server does not have"):
        Unsealer(KeyStore(path), "deny").open_stored(channel.sealed)
