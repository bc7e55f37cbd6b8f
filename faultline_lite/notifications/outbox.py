"""The outbox at work: a courier for each channel that something is due to.

A channel that hangs or is dead has a courier and a pause of its own and holds up no other.
"""

import asyncio
import logging
from collections.abc import Iterable
from functools import partial

from faultline_lite.notifications.attempt import Tools
from faultline_lite.notifications.courier import Courier
from faultline_lite.store.deliveries import list_busy_channels, release_claims

#: Couriers that send at the same moment: sockets of ours that strangers' servers may hold.
MAX_SENDING = 200
#: Couriers at work, nearly all of them waiting for their time. Further channels wait in a line, and
#: take the places of those that have the longest to wait: a thousand dead channels, which anybody
#: can name, must not keep a living one from being served.
MAX_COURIERS = 5000
#: Whoever has to wait for less keeps its place.
SHORT_REST_MS = 2000
LOOK_AROUND_SECONDS = 60.0

_logger = logging.getLogger(__name__)


class Outbox:
    """Delivers what is due; one for each server."""

    def __init__(self, tools: Tools, max_couriers: int = MAX_COURIERS) -> None:
        self._tools = tools
        self._max_couriers = max_couriers
        self._couriers: dict[bytes, Courier] = {}
        self._tasks: dict[asyncio.Task[None], Courier] = {}
        self._line: dict[bytes, None] = {}
        self._stopping = False

    async def start(self) -> None:
        """Take up what an earlier process left, what it died of sending included.

        No other process can be sending: the database is locked to this one.
        """
        now_ms = self._tools.clock.now_ms()
        released = await self._tools.database.write(release_claims, now_ms)
        if released:
            _logger.warning("%d message(s) were being sent when the server died", released)
        await self.look_around()

    async def look_around(self) -> None:
        """Look after every channel that something is due to before the next look."""
        until_ms = self._tools.clock.now_ms() + int(LOOK_AROUND_SECONDS * 1000)
        self.wake(await self._tools.database.read(list_busy_channels, until_ms))

    def wake(self, identities: Iterable[bytes]) -> None:
        """Look after the channels of these identities: something has become due to them."""
        for identity in identities:
            courier = self._couriers.get(identity)
            if courier is not None and not courier.is_finished:
                courier.wake()
            elif not self._stopping:
                self._line[identity] = None
        self._employ()

    async def stop(self, grace_seconds: float) -> None:
        """Send nothing more; what is being sent may finish within ``grace_seconds``."""
        self._stopping = True
        self._line.clear()
        for task, courier in self._tasks.items():
            courier.stop()
            if not courier.is_sending:
                task.cancel()
        if self._tasks:
            tasks = list(self._tasks)
            _, late = await asyncio.wait(tasks, timeout=grace_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _employ(self) -> None:
        """Give the next channels of the line a courier, as far as there is room.

        Where there is none, one is made at a time: its courier's end leads here again.
        """
        if self._line and len(self._tasks) >= self._max_couriers:
            self._make_room()
        while self._line and len(self._tasks) < self._max_couriers:
            identity = next(iter(self._line))
            del self._line[identity]
            courier = self._couriers[identity] = Courier(identity, self._tools, self._employ)
            task = asyncio.create_task(courier.run(), name=f"channel {identity.hex()[:8]}")
            self._tasks[task] = courier
            task.add_done_callback(partial(self._dismiss, identity))

    def _make_room(self) -> None:
        """Send off the courier that has the longest to wait; ``look_around`` employs it again."""
        until_ms = self._tools.clock.now_ms() + SHORT_REST_MS
        resting = [(task, each) for task, each in self._tasks.items() if not each.is_finished]
        task, courier = max(resting, key=lambda each: each[1].resting_until_ms)
        if courier.resting_until_ms > until_ms:
            courier.is_finished = True
            task.cancel()

    def _dismiss(self, identity: bytes, task: "asyncio.Task[None]") -> None:
        courier = self._tasks.pop(task)
        # Another one may have been employed for the channel meanwhile.
        if self._couriers.get(identity) is courier:
            del self._couriers[identity]
        self._employ()
