"""What whoever runs the server should know of: what goes wrong on every page, the rest in Settings.

Names only; the templates have the words.
"""

import shutil
from collections.abc import Iterator
from typing import Literal, NamedTuple

from faultline_lite.http.services import Services

AlarmName = Literal["reports-refused", "disk-low"]
HintName = Literal["open", "same-key", "no-client-key", "no-key-pair", "plain", "no-public-url"]


class Alarm(NamedTuple):
    """Something that goes wrong now. ``detail`` is a reason in our words, ``amount`` in bytes."""

    name: AlarmName
    detail: str = ""
    amount: int = 0


def find_alarms(services: Services) -> list[Alarm]:
    """Return what goes wrong now, the worst first. Asks the disk: not for the event loop."""
    return list(_find_alarms(services))


def find_hints(services: Services) -> list[HintName]:
    """Return what could be set up better."""
    return list(_find_hints(services))


def _find_alarms(services: Services) -> Iterator[Alarm]:
    database = services.database
    reason = database.refusal or database.failure
    if reason is not None:
        yield Alarm("reports-refused", reason)
    free_bytes = shutil.disk_usage(database.path.parent).free
    if free_bytes < services.config.min_free_bytes:
        yield Alarm("disk-low", amount=free_bytes)


def _find_hints(services: Services) -> Iterator[HintName]:
    config = services.config
    if services.keys.is_open:
        yield "open"
    elif config.master_api_key in config.client_api_keys:
        yield "same-key"
    elif not config.client_api_keys:
        yield "no-client-key"
    if not services.key_store.pairs:
        yield "no-key-pair"
    # A client key is in the pages of browsers: whoever has it may have us send anywhere.
    if config.plain_configs == "allow" and config.client_api_keys:
        yield "plain"
    if config.public_url is None:
        yield "no-public-url"
