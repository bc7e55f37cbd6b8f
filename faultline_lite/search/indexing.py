"""Keep the search index up with the occurrences, behind the ingest transaction.

Reading and cutting texts is done on the maintenance thread, a few occurrences at a time, writing
in transactions of some milliseconds. While reports wait for the writer, indexing mostly waits, too:
it may fall behind, and catches up as soon as there is room. Where it is, is in the store, so that
a restart goes on from there.
"""

import asyncio
import math
import time
from collections.abc import Callable

from faultline_lite.clock import Clock
from faultline_lite.database import Database
from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.search.index_batch import BatchReader, Limits
from faultline_lite.search.index_upkeep import IndexUpkeep
from faultline_lite.store.search_index import get_lag, insert_rows

#: A step while reports wait for the writer, and otherwise. The smaller it is, the shorter is its
#: transaction, and the more pages does each occurrence touch.
BUSY_STEP = Limits(16, 4_096)
STEP = Limits(256, 65_536)
#: A run ends after so long, where more is to be done, so that a shutdown need not wait for it.
RUN_SECONDS = 1.0
#: While reports wait for the writer, each piece of work is followed by a pause of so many times its
#: length; less so once the index is so many seconds behind.
BUSY_PAUSE = 9.0
LATE_PAUSE = 1.0
LATE_SECONDS = 60.0
MOST_PAUSE_SECONDS = 0.1


class Indexing:
    """Indexes what has come in, and keeps the index clean of what has gone.

    ``wake`` asks for the next run to begin at once.
    """

    def __init__(
        self,
        database: Database,
        codec: PayloadCodec,
        clock: Clock,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._wake = wake
        self._is_late = False
        self._turn = asyncio.Lock()
        self._reader = BatchReader(codec, self._give_way)
        self.upkeep = IndexUpkeep(database, codec, clock, self._index_step, self._give_way)

    async def run(self) -> None:
        """Go on until all is indexed and clean, or for RUN_SECONDS."""
        _, lag_seconds = await self._database.read(get_lag, self._clock.now_ms())
        self._is_late = lag_seconds > LATE_SECONDS
        if not await self.catch_up(RUN_SECONDS):
            self._wake()

    async def catch_up(self, seconds: float = math.inf) -> bool:
        """Index and clean for so long at most; return whether all is done. One at a time."""
        # Two would take the same rows out, and the table of grams cannot tell that they are gone.
        async with self._turn:
            ends_at = time.monotonic() + seconds
            while time.monotonic() < ends_at:
                if not (await self._index_step() or await self.upkeep.step()):
                    return True
        return False

    async def _index_step(self) -> bool:
        """Index the next occurrences; return whether there were any."""
        limits = BUSY_STEP if self._database.queued_bytes else STEP
        batch = await self._database.maintain(self._reader.read, limits)
        if batch is None:
            return False
        begun = await self._database.write(
            insert_rows, batch.rows, batch.last, self._clock.now_ms()
        )
        # Where the last occurrence is gone, nothing was stored, and all is read again.
        if begun is not None:
            self._reader.remember(batch, begun)
        return True

    def _give_way(self, worked_seconds: float) -> None:
        """Let go of the interpreter while reports wait: asked for it, a thread gives it up late."""
        if self._database.queued_bytes:
            pause = LATE_PAUSE if self._is_late else BUSY_PAUSE
            time.sleep(min(worked_seconds * pause, MOST_PAUSE_SECONDS))
