"""The kinds of channels, by the ``type`` of their configs: a module each, and its line here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from faultline_lite.exceptions import ChannelConfigError, Problem
from faultline_lite.notifications.channels import ChannelConfig, read_config, wrong_field
from faultline_lite.notifiers import apprise, github, gitlab, slack, webhook
from faultline_lite.notifiers.notifier import Notifier
from faultline_lite.sentences import say

_ALL: tuple[Notifier[Any], ...] = (
    slack.NOTIFIER,
    github.NOTIFIER,
    gitlab.NOTIFIER,
    webhook.NOTIFIER,
    apprise.NOTIFIER,
)

NOTIFIERS: Mapping[str, Notifier[Any]] = MappingProxyType({each.type: each for each in _ALL})


def parse_config(value: object) -> ChannelConfig:
    """Return the config that a JSON object describes.

    Raises ChannelConfigError, whose problems name fields and never a value.
    """
    return read_config(*find_kind(value))


def parse_configs(value: object) -> list[ChannelConfig]:
    """Return the configs of a sealed string's JSON: one, or a list of them.

    Raises ChannelConfigError for the first one that is wrong.
    """
    if not isinstance(value, list):
        return [parse_config(value)]
    if not value:
        raise ChannelConfigError(Problem(say("expected a config, or a list of at least one")))
    return [parse_config(each) for each in value]


def find_kind(value: object) -> tuple[dict[str, Any], type[ChannelConfig]]:
    """Return the value with the class that its ``type`` asks for. Raises ChannelConfigError."""
    if not isinstance(value, dict):
        raise ChannelConfigError(Problem(say("expected an object")))
    kind = value.get("type")
    if not isinstance(kind, str) or kind not in NOTIFIERS:
        expected = say("expected one of {choices}", choices=", ".join(NOTIFIERS))
        raise ChannelConfigError(wrong_field(expected, "type"))
    return value, NOTIFIERS[kind].config


def notifier_of(config: ChannelConfig) -> Notifier[Any]:
    """Return what sends to channels of that config's kind."""
    return NOTIFIERS[config.TYPE]
