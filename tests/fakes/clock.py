"""Time, played by tests."""

import asyncio
import heapq
import itertools
from collections.abc import Callable

#: Steps of the event loop in which everything that was woken comes to rest.
_SETTLING_STEPS = 50


class FakeClock:
    """A clock that stands still until ``advance``; its sleepers wake in the order of their times.

    Begins at ``start_ms`` (epoch milliseconds) and at 0 monotonic seconds.
    """

    def __init__(self, start_ms: int = 1_481_036_400_000) -> None:
        self._start_ms = start_ms
        self._seconds = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._fell_asleep = asyncio.Event()

    def now_ms(self) -> int:
        return self._start_ms + round(self._seconds * 1000)

    def monotonic(self) -> float:
        return self._seconds

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._seconds + seconds, next(self._order), woken))
        self._fell_asleep.set()
        await woken

    async def until_asleep(self, sleepers: Callable[[], int]) -> None:
        """Return once so many are asleep, and stay so: those who were woken meanwhile do not."""
        while True:
            self._fell_asleep.clear()
            await self.settle()
            before = self._asleep()
            await self.settle()
            if len(before) >= sleepers() and before == self._asleep():
                return
            await self._fell_asleep.wait()

    def wake_watchers(self) -> None:
        """Have ``until_asleep`` look again: somebody will not fall asleep any more."""
        self._fell_asleep.set()

    def _asleep(self) -> list[int]:
        return sorted(order for _, order, woken in self._sleepers if not woken.done())

    async def advance(self, seconds: float) -> None:
        """Let so many seconds pass, and all that is due in them happen at its time."""
        end = self._seconds + seconds
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, woken = heapq.heappop(self._sleepers)
            self._seconds = max(self._seconds, due)
            if not woken.done():
                woken.set_result(None)
                await self.settle()
        self._seconds = end
        await self.settle()

    def set_back(self, seconds: float) -> None:
        """Correct the wall clock, which was so much ahead; nobody waits any longer for that."""
        self._start_ms -= round(seconds * 1000)

    async def leap(self, seconds: float) -> None:
        """Let so much time pass at once: whatever was due in it happens at its end, and once.

        So does a machine that was asleep; days of what is due each second would take minutes.
        """
        self._seconds += seconds
        while self._sleepers and self._sleepers[0][0] <= self._seconds:
            _, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
        await self.settle()

    async def settle(self) -> None:
        """Let everything run that waits for nothing but its turn."""
        for _ in range(_SETTLING_STEPS):
            await asyncio.sleep(0)
