"""See whether a config works before an error has to: by its URL, or by a sample that is sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from faultline_lite.egress.guard import Egress
from faultline_lite.exceptions import NotifyError
from faultline_lite.fingerprint import group_key
from faultline_lite.notifications.attempt import (
    ATTEMPT_SECONDS,
    conceal,
    report_bug,
    say_too_slow,
)
from faultline_lite.notifications.channels import ChannelConfig
from faultline_lite.notifications.messages import ErrorSummary, Message
from faultline_lite.notifiers import notifier_of
from faultline_lite.notifiers.notifier import Http
from faultline_lite.sentences import Sentence
from faultline_lite.timekeys import format_time, reversed_unixtime

PROJECT = "sample-project"
MESSAGE = "A sample of what faultline-lite sends: nothing is wrong"
TYPE = "notify-test"


class _NoIssues:
    """Remembers the issues of one trial, and nothing beyond it."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}

    async def get_number(self, error_id: int) -> int | None:
        """Return the number, None where there is none."""
        return self._numbers.get(error_id)

    async def set_number(self, error_id: int, number: int | None) -> None:
        """Remember the number, or forget it."""
        if number is None:
            self._numbers.pop(error_id, None)
        else:
            self._numbers[error_id] = number

    @asynccontextmanager
    async def turn(self, place: str) -> AsyncIterator[None]:
        """Give the turn at once: nobody else is there."""
        yield


def check_endpoint(config: ChannelConfig, egress: Egress) -> None:
    """Raise NotifyError where nothing is ever sent to the config's URL, as it is not encrypted."""
    endpoint = getattr(config, "endpoint", None)
    if endpoint:
        egress.check_scheme(urlsplit(endpoint).scheme.lower())


async def try_config(config: ChannelConfig, http: Http, now_ms: int) -> Sentence:
    """Send the sample and return what came of it. Raises NotifyError; both without a secret."""
    try:
        async with asyncio.timeout(ATTEMPT_SECONDS):
            outcome = await notifier_of(config).send(http, config, make_sample(now_ms), _NoIssues())
    except NotifyError as error:
        reason = conceal(config, error.reason)
        raise NotifyError(reason, permanent=error.permanent) from None
    except TimeoutError:
        raise NotifyError(say_too_slow(), permanent=False) from None
    except Exception as error:  # noqa: BLE001 - its message, and so a traceback, may hold a secret
        raise NotifyError(report_bug(error, config.label), permanent=False) from None
    return conceal(config, outcome)


def make_sample(now_ms: int) -> Message:
    """Return a message of one made-up error."""
    place = reversed_unixtime(now_ms // 1000, 1)
    error = ErrorSummary(
        error_id=1,
        fingerprint=group_key(MESSAGE, exact=False, fingerprint=None).hex(),
        project=PROJECT,
        message=MESSAGE,
        type=TYPE,
        reason="first",
        occurrences=1,
        total=1,
        timestamp_ms=now_ms,
        reversed_unixtime=place,
        link=None,
        occurrence={
            "project": PROJECT,
            "message": MESSAGE,
            "type": TYPE,
            "timestamp": format_time(now_ms),
            "reversedUnixtime": place,
            "backtrace": [
                {"file": "app/checkout.py", "line": 42, "function": "charge"},
                {"file": "app/main.py", "line": 7, "function": "main"},
            ],
            "context": {"environment": "test"},
        },
    )
    return Message(errors=(error,), error_count=1, occurrence_count=1)
