"""Serve one channel: put its messages together, send them one at a time, record what came of it.

What it does next is ``delivery_plan``'s to say. The store is asked before every step, so that
nothing but the pauses is lost with the process.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from faultline_lite.clock import sleep_unless
from faultline_lite.exceptions import DatabaseUnavailableError
from faultline_lite.notifications.attempt import Result, Tools, attempt
from faultline_lite.notifications.delivery_plan import (
    MAX_RETRY_AFTER_SECONDS,
    SPACING_MS,
    Form,
    Send,
    Wait,
    back_off_seconds,
    find_capped,
    plan,
)
from faultline_lite.notifiers import NOTIFIERS
from faultline_lite.store import deliveries as store
from faultline_lite.store.resolutions import end_delivery
from faultline_lite.timekeys import format_time

#: A little longer than an attempt may take.
LEASE_MS = 60_000
#: Before the store is asked again after it could not take a write, or failed.
STORE_RETRY_SECONDS = 5.0
#: Rows of the outbox that one write moves into a message: some milliseconds.
STEP_ROWS = 200
#: Between two looks at what is due while there is a reason to wait.
LOOK_SECONDS = 1.0
#: The wall clock may be set meanwhile: a longer wait is looked at again.
LONGEST_WAIT_SECONDS = 300.0

_logger = logging.getLogger(__name__)


class Courier:
    """Serves the channel of that identity until nothing is due to it.

    ``on_rest`` is called whenever it has to wait.
    """

    def __init__(self, identity: bytes, tools: Tools, on_rest: Callable[[], None]) -> None:
        self._identity = identity
        self._tools = tools
        self._on_rest = on_rest
        self._woken = asyncio.Event()
        #: On the monotonic clock: the wall clock may be set back meanwhile.
        self._paused_until_seconds = 0.0
        self._failures = 0
        #: The configs that their cap holds back, with the time since when, and the cap.
        self._capped: dict[int, tuple[int, int]] = {}
        self._stopping = False
        self.is_sending = False
        self.is_finished = False
        #: Until then it has nothing to do; 0 while it has.
        self.resting_until_ms = 0

    def wake(self) -> None:
        """Have it look again at what is due."""
        self._woken.set()

    def stop(self) -> None:
        """Have it end once what it is sending is recorded."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Serve the channel. Its failures end here: they are logged, and it goes on."""
        channel = None
        while not self._stopping:
            self._woken.clear()
            try:
                channel = channel or await self._find_channel()
                is_busy = channel is not None and await self._take_step(channel)
                # Nothing may come between this look and the end.
                if not is_busy and not self._woken.is_set():
                    break
            except DatabaseUnavailableError:
                await self._tools.clock.sleep(STORE_RETRY_SECONDS)
            except Exception:
                _logger.exception("a channel could not be served; it will be tried again")
                await self._tools.clock.sleep(STORE_RETRY_SECONDS)
        self.is_finished = True

    async def _find_channel(self) -> store.Channel | None:
        return await self._tools.database.read(store.get_channel, self._identity)

    async def _take_step(self, channel: store.Channel) -> bool:
        """Do the next thing; return whether there may be more to do."""
        notifier = NOTIFIERS.get(channel.type)
        one_error_each = notifier is not None and notifier.one_error_each
        now_ms = self._tools.clock.now_ms()
        agenda = await self._tools.database.read(
            store.get_agenda, channel.id, now_ms, one_error_each=one_error_each
        )
        for config_id, cap in find_capped(agenda, now_ms, self._tools.limits).items():
            self._capped.setdefault(config_id, (now_ms, cap))
        step = plan(agenda, now_ms, now_ms + self._pause_ms(), self._tools.limits)
        if isinstance(step, Send):
            await self._send(channel, step.delivery_id)
        elif isinstance(step, Form):
            await self._form(channel, step, one_error_each)
        elif isinstance(step, Wait):
            await self._wait(step)
        return step is not None

    async def _form(self, channel: store.Channel, step: Form, one_error_each: bool) -> None:
        now_ms = self._tools.clock.now_ms()
        note = self._say_held(step.config_ids)
        if one_error_each:
            await self._form_each(channel, step, now_ms, note)
        else:
            await self._form_one(channel, step, now_ms, note)

    async def _form_each(
        self, channel: store.Channel, step: Form, now_ms: int, note: str | None
    ) -> None:
        """Make a message for each error; the last of an overdue many is the sum of the others.

        Where a cap holds back more errors than it lets through, they would wait ever longer. What
        has waited for less finds its way in the next hour.
        """
        limit = step.limit
        sums_up = step.is_overdue and await self._tools.database.read(
            store.has_more_errors, channel.id, step.config_ids, limit
        )
        if sums_up:
            # One step only: what it leaves is all summed up.
            limit = min(limit - 1, store.MAX_FORMED)
        if limit > 0:
            await self._tools.database.write(
                store.form_deliveries, channel.id, step.config_ids, now_ms, note, limit
            )
        if sums_up:
            await self._form_one(channel, step, now_ms, note)

    async def _form_one(
        self, channel: store.Channel, step: Form, now_ms: int, note: str | None
    ) -> None:
        write = self._tools.database.write
        delivery_id, moved = await write(
            store.form_delivery, channel.id, step.config_ids, now_ms, note, STEP_ROWS
        )
        while moved == STEP_ROWS:
            # Nobody else sends for the channel, so that it may grow before it is sent.
            moved = await write(
                store.extend_delivery, delivery_id, channel.id, step.config_ids, STEP_ROWS
            )

    def _say_held(self, config_ids: Sequence[int]) -> str | None:
        """Return the note for what these configs had to hold back, and forget that they had."""
        held = [self._capped.pop(each) for each in config_ids if each in self._capped]
        if not held:
            return None
        since_ms, cap = min(held)
        since = format_time(since_ms)
        return f"Held back since {since}: at most {cap} messages an hour go to this channel."

    async def _wait(self, step: Wait) -> None:
        # Whatever comes meanwhile waits as well. In a storm every report would have the store
        # asked again, so that one look a second is enough.
        self.resting_until_ms = step.until_ms
        self._on_rest()
        await self._tools.clock.sleep(min(self._seconds_until(step.until_ms), LOOK_SECONDS))
        seconds = self._seconds_until(step.until_ms)
        await sleep_unless(self._tools.clock, seconds, self._woken)
        self.resting_until_ms = 0

    def _seconds_until(self, moment_ms: int) -> float:
        seconds = (moment_ms - self._tools.clock.now_ms()) / 1000
        return min(max(seconds, 0.0), LONGEST_WAIT_SECONDS)

    async def _send(self, channel: store.Channel, delivery_id: int) -> None:
        async with self._tools.places:
            if self._stopping:
                return
            self.is_sending = True
            try:
                await self._claim_and_send(channel, delivery_id)
            finally:
                self.is_sending = False

    async def _claim_and_send(self, channel: store.Channel, delivery_id: int) -> None:
        now_ms = self._tools.clock.now_ms()
        claimed = await self._tools.database.write(
            store.claim_delivery, delivery_id, now_ms, now_ms + LEASE_MS
        )
        if claimed is None:
            return
        result = await attempt(self._tools, channel, claimed)
        self._pause(SPACING_MS / 1000)
        if result is None:
            await self._record(store.delete_delivery, delivery_id)
        elif result.failure is None:
            self._failures = 0
            await self._record_end(channel, claimed, result)
        else:
            await self._record_failure(channel, claimed, result)

    def _pause(self, seconds: float) -> None:
        """Send nothing before so much time has passed."""
        self._paused_until_seconds = self._tools.clock.monotonic() + seconds

    def _pause_ms(self) -> int:
        """Return what is left of the pause."""
        seconds = self._paused_until_seconds - self._tools.clock.monotonic()
        return max(0, round(seconds * 1000))

    async def _record_failure(
        self, channel: store.Channel, claimed: store.Claimed, result: Result
    ) -> None:
        now_ms = self._tools.clock.now_ms()
        if result.permanent or now_ms >= claimed.give_up_ms:
            await self._record_end(channel, claimed, result)
            return
        self._failures += 1
        asked = min(result.retry_after_seconds, MAX_RETRY_AFTER_SECONDS)
        self._pause(max(asked, back_off_seconds(self._failures)))
        wait = max(asked, back_off_seconds(claimed.attempts))
        # The last attempt is made in time.
        due_ms = min(now_ms + int(wait * 1000), claimed.give_up_ms)
        if self._failures == 1:
            _logger.warning("%s: %s; it will be tried again", channel.label, result.failure)
        self._tools.metrics.deliveries.labels(channel.type, "postponed").inc()
        await self._record(
            store.postpone_delivery, claimed.id, now_ms, due_ms, result.failure or ""
        )

    async def _record_end(
        self, channel: store.Channel, claimed: store.Claimed, result: Result
    ) -> None:
        state = "sent" if result.failure is None else "failed"
        if result.failure is not None:
            _logger.warning("%s: delivery %d failed: %s", channel.label, claimed.id, result.failure)
        self._tools.metrics.deliveries.labels(channel.type, state).inc()
        await self._record(
            end_delivery,
            claimed.id,
            self._tools.clock.now_ms(),
            outcome=result.outcome,
            failure=result.failure,
        )

    async def _record(self, function: Callable[..., None], *args: Any, **fields: Any) -> None:
        """Write what became of a delivery, however long the store takes: it was sent once."""
        while True:
            try:
                await self._tools.database.write(function, *args, **fields)
            except DatabaseUnavailableError:
                await self._tools.clock.sleep(STORE_RETRY_SECONDS)
            else:
                return
