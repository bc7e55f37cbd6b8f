"""Delete much without anybody waiting for it: in steps of a few milliseconds of the writer's time.

It counts what has gone; what is to go is for others to say.
"""

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from faultline_lite.database import Database
from faultline_lite.metrics import Metrics
from faultline_lite.store.notification_retention import erase_delivery
from faultline_lite.store.retention import (
    Gone,
    delete_minutes,
    delete_occurrences,
    erase_errors,
    withdraw_errors,
)
from faultline_lite.store.surplus import Silent

#: Why something goes: by hand, by age, too much of an error, of a project, of all.
Reason = Literal["deleted", "age", "count", "project", "size"]
#: Deletes up to so many rows and says what that was.
Work = Callable[[sqlite3.Connection, int], Gone]

#: The writer's time for one step; it takes as many rows as fit in it.
STEP_SECONDS = 0.003
FIRST_ROWS = 50
MIN_ROWS = 10
MAX_ROWS = 1000
#: While reports wait for the writer, it is left to them for so many times as long as a step took.
BUSY_PAUSE = 5.0


@dataclass
class Freed:
    """What went, or would go: occurrences and errors, bytes of compressed payload."""

    occurrences: int = 0
    errors: int = 0
    payload_bytes: int = 0
    #: Occurrences by why they went.
    reasons: Counter[Reason] = field(default_factory=Counter)


class Eraser:
    """Deletes in steps. A ``patient`` one gives way to reports, others must keep up with them."""

    def __init__(self, database: Database, metrics: Metrics, *, patient: bool = True) -> None:
        self._database = database
        self._metrics = metrics
        self._patient = patient
        self._rows = FIRST_ROWS
        self.freed = Freed()

    async def delete(self, ids: Sequence[int], reason: Reason) -> None:
        """Delete these occurrences."""
        left = list(ids)
        while left:
            taken = left[: self._rows]
            await self._step(_deletion_of(taken), reason)
            del left[: len(taken)]

    async def erase(self, error_ids: Sequence[int], reason: Reason) -> None:
        """Erase these errors and everything of them."""
        left = list(error_ids)
        goes_on = True
        while goes_on:
            gone, goes_on = await self._step(
                lambda connection, limit: erase_errors(connection, left, limit), reason
            )
            # They are erased in their order; the one in which the step ended goes on.
            del left[: gone.errors]

    async def erase_silent(self, errors: Sequence[Silent], reason: Reason) -> None:
        """Erase those of the errors that were not seen since, and everything of them."""
        await self.erase(await self._database.write(withdraw_errors, errors), reason)

    async def delete_minutes(self, error_id: int, before_minute: int) -> None:
        """Delete the beginning of an error's timeline."""
        await self._repeat(
            lambda connection, limit: delete_minutes(connection, error_id, before_minute, limit)
        )

    async def erase_delivery(self, delivery_id: int) -> None:
        """Erase a settled delivery and its items."""
        await self._repeat(lambda connection, limit: erase_delivery(connection, delivery_id, limit))

    async def _repeat(self, delete: Callable[[sqlite3.Connection, int], int]) -> None:
        """Delete until a step finds less than it could have taken."""
        goes_on = True
        while goes_on:
            _, goes_on = await self._step(
                lambda connection, limit: Gone(rows=delete(connection, limit)), "age"
            )

    async def _step(self, work: Work, reason: Reason) -> tuple[Gone, bool]:
        """Return what went in one step, and whether it took as much as it could."""
        limit = self._rows

        def run(connection: sqlite3.Connection) -> tuple[Gone, float]:
            started = time.perf_counter()
            return work(connection, limit), started

        gone, started = await self._database.write(run)
        # With the commit, which takes longer than the work where the rows lie far apart.
        seconds = time.perf_counter() - started
        self._count(gone, reason)
        is_full = gone.rows >= limit
        if is_full or seconds > STEP_SECONDS:
            self._rows = _adapt(limit, seconds)
        if self._patient:
            await self._database.give_way(seconds * BUSY_PAUSE)
        return gone, is_full

    def _count(self, gone: Gone, reason: Reason) -> None:
        self.freed.occurrences += gone.occurrences
        self.freed.errors += gone.errors
        self.freed.payload_bytes += gone.payload_bytes
        if gone.occurrences:
            self.freed.reasons[reason] += gone.occurrences
            self._metrics.retention_occurrences.labels(reason).inc(gone.occurrences)


def _deletion_of(ids: Sequence[int]) -> Work:
    return lambda connection, _: delete_occurrences(connection, ids)


def _adapt(rows: int, seconds: float) -> int:
    """Return how many rows the next step takes, after so many took that long."""
    # No more than twice as many at once: a step that found its pages in memory says little.
    fitting = round(rows * min(2.0, STEP_SECONDS / seconds)) if seconds > 0 else rows * 2
    return max(MIN_ROWS, min(MAX_ROWS, fitting))
