"""Named periodic jobs on an injected clock. It knows nothing of what they do.

A job never overlaps itself, ticks that it missed while it ran collapse into none, and one that
fails stops neither itself nor another.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from faultline_lite.clock import Clock, sleep_unless

_logger = logging.getLogger(__name__)


@dataclass
class _Job:
    name: str
    every_seconds: float
    first_after_seconds: float
    run: Callable[[], Awaitable[object]]
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    #: What its last run ended in, as text; None where that was well.
    failure: str | None = None


class Scheduler:
    """Runs the jobs that were added before ``start``.

    What a job may end in that others have said already, and that passes, is ``known``: it is not
    logged. What is not is logged once, not at each run that ends in it. ``on_failure`` is told the
    name of every job that failed.
    """

    def __init__(
        self,
        clock: Clock,
        known: tuple[type[Exception], ...] = (),
        on_failure: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._clock = clock
        self._known = known
        self._on_failure = on_failure
        self._jobs: dict[str, _Job] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    def add(
        self,
        name: str,
        every_seconds: float,
        run: Callable[[], Awaitable[object]],
        *,
        first_after_seconds: float | None = None,
    ) -> None:
        """Add a job that runs again so long after each run ended.

        Its first run is ``first_after_seconds`` after the start, by default ``every_seconds``.
        """
        first = every_seconds if first_after_seconds is None else first_after_seconds
        self._jobs[name] = _Job(name, every_seconds, first, run)

    def start(self) -> None:
        """Begin; each job waits for its time in a task of its own."""
        self._tasks = [
            asyncio.create_task(self._repeat(job), name=job.name) for job in self._jobs.values()
        ]

    def wake(self, name: str) -> None:
        """Have the job run now, or once more where it is running."""
        self._jobs[name].wake.set()

    async def stop(self, grace_seconds: float) -> None:
        """End all jobs; one that is running may finish within ``grace_seconds``."""
        self._stopping = True
        for job in self._jobs.values():
            job.wake.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=grace_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _repeat(self, job: _Job) -> None:
        wait_seconds = job.first_after_seconds
        while True:
            await sleep_unless(self._clock, wait_seconds, job.wake)
            wait_seconds = job.every_seconds
            if self._stopping:
                return
            job.wake.clear()
            try:
                await job.run()
            except Exception as error:
                self._on_failure(job.name)
                before, job.failure = job.failure, repr(error)
                # A job of every second would fill the disk with one traceback.
                if not isinstance(error, self._known) and job.failure != before:
                    _logger.exception("the job %s failed; it will run again", job.name)
            else:
                job.failure = None
