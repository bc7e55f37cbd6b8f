"""Try to send one message: open the config, build the message, hand it to its notifier."""

import asyncio
import logging
import traceback
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import NamedTuple

from faultline_lite.clock import Clock
from faultline_lite.database import Database
from faultline_lite.exceptions import ChannelConfigError, NotifyError
from faultline_lite.metrics import Metrics
from faultline_lite.notifications.channels import ChannelConfig
from faultline_lite.notifications.composing import (
    Draft,
    choose_config,
    make_message,
    make_resolution,
    read_draft,
)
from faultline_lite.notifications.delivery_plan import Limits
from faultline_lite.notifications.unsealing import Unsealer
from faultline_lite.notifiers import notifier_of
from faultline_lite.notifiers.notifier import Http
from faultline_lite.notifiers.turns import Turns
from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.sentences import Sentence, say
from faultline_lite.store.deliveries import Channel, Claimed
from faultline_lite.store.tracked_issues import delete_number, get_number, set_number

#: Over all the requests that it takes.
ATTEMPT_SECONDS = 50.0
MAX_REASON_CHARACTERS = 500

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What all couriers of a server share. ``places`` bounds how many send at once."""

    clock: Clock
    database: Database
    codec: PayloadCodec
    unsealer: Unsealer
    http: Http
    turns: Turns
    places: asyncio.Semaphore
    limits: Limits
    public_url: str | None
    metrics: Metrics


class Result(NamedTuple):
    """What came of an attempt: an outcome, or a failure that may pass or not."""

    outcome: Sentence | None = None
    failure: Sentence | None = None
    permanent: bool = False
    retry_after_seconds: float = 0.0


async def attempt(tools: Tools, channel: Channel, claimed: Claimed) -> Result | None:
    """Send the delivery and return what came of it; None where all it told of was deleted.

    No secret of the config is in the result, whatever the other side answered.
    """
    config: ChannelConfig | None = None
    try:
        draft = await tools.database.read(read_draft, tools.codec, claimed.id)
        if not draft.told:
            return None
        config_id, config = choose_config(draft, tools.unsealer)
        issues = StoredIssues(tools.database, channel.id, config_id, tools.turns)
        async with asyncio.timeout(ATTEMPT_SECONDS):
            outcome = await _hand_over(tools, claimed, draft, config, issues)
    except Exception as error:  # noqa: BLE001 - whatever is raised ends this message's attempt
        return _explain(error, channel, config)
    return Result(outcome=_cut(conceal(config, outcome)))


async def _hand_over(
    tools: Tools, claimed: Claimed, draft: Draft, config: ChannelConfig, issues: "StoredIssues"
) -> Sentence:
    notifier = notifier_of(config)
    if claimed.kind == "message":
        message = make_message(draft, tools.unsealer, tools.public_url, claimed.id, claimed.note)
        return await notifier.send(tools.http, config, message, issues)
    resolution = make_resolution(draft, tools.unsealer, tools.public_url)
    if resolution is None or notifier.close is None:
        return say("nothing to close: the error is unresolved again")
    return await notifier.close(tools.http, config, resolution, issues)


class StoredIssues:
    """The issues of one channel's tracker, as the store remembers them."""

    def __init__(self, database: Database, channel_id: int, config_id: int, turns: Turns) -> None:
        self._database = database
        self._channel_id = channel_id
        self._config_id = config_id
        self._turns = turns

    async def get_number(self, error_id: int) -> int | None:
        """Return the remembered number, None where there is none."""
        return await self._database.read(get_number, error_id, self._channel_id)

    async def set_number(self, error_id: int, number: int | None) -> None:
        """Remember the number, or forget it."""
        if number is None:
            await self._database.write(delete_number, error_id, self._channel_id)
        else:
            await self._database.write(
                set_number, error_id, self._channel_id, self._config_id, number
            )

    def turn(self, place: str) -> AbstractAsyncContextManager[None]:
        """Wait for the turn to look for an issue in that place."""
        return self._turns.take(place)


def _explain(error: Exception, channel: Channel, config: ChannelConfig | None) -> Result:
    """Return the failure that an exception means, without a secret of the config."""
    if isinstance(error, ChannelConfigError):
        reason = say("the config cannot be used: {reason}", reason=error)
        return Result(failure=reason, permanent=True)
    if isinstance(error, NotifyError) and config is not None:
        return Result(
            failure=_cut(conceal(config, error.reason)),
            permanent=error.permanent,
            retry_after_seconds=error.retry_after_seconds or 0.0,
        )
    if isinstance(error, TimeoutError):
        return Result(failure=say_too_slow())
    return Result(failure=report_bug(error, channel.label))


def say_too_slow() -> Sentence:
    """Return what to say of an attempt that took too long."""
    return say("it was not sent within {seconds} seconds", seconds=f"{ATTEMPT_SECONDS:g}")


def conceal(config: ChannelConfig, said: Sentence) -> Sentence:
    """Return the sentence without any of the config's secrets: the other side may repeat them."""
    return Sentence(config.conceal(said))


def report_bug(error: Exception, label: str) -> Sentence:
    """Log what sending should not have raised, and return what to say of it.

    Its message may hold anything, so that only the way to it is logged.
    """
    way = "".join(traceback.format_tb(error.__traceback__))
    _logger.error("%s: %s while sending:\n%s", label, type(error).__name__, way)
    return say("an internal error, {error}; the log has more", error=type(error).__name__)


def _cut(text: Sentence) -> Sentence:
    if len(text) <= MAX_REASON_CHARACTERS:
        return text
    return Sentence(f"{text[:MAX_REASON_CHARACTERS]}...")
