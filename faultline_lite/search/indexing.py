"""Keep the search index up with the occurrences, behind the ingest transaction.

Reading and cutting texts is done on the maintenance thread, a few occurrences at a time, writing
in transactions of some milliseconds. While reports wait for the writer, indexing mostly waits, too:
it may fall behind, and catches up as soon as there is room. Where it is, is in the store, so that
a restart goes on from there.
"""

import sqlite3
import time
from collections.abc import Callable
from typing import NamedTuple

from faultline_lite.clock import Clock
from faultline_lite.database import Database
from faultline_lite.payloads import PayloadCodec
from faultline_lite.search.index_upkeep import IndexUpkeep
from faultline_lite.search.new_texts import find_new_texts, see_again
from faultline_lite.search.novelty import Memory, Seen
from faultline_lite.store import search_index as store
from faultline_lite.store.search_index import NewRow, Unindexed
from faultline_lite.store.search_terms import Indexed

#: Occurrences of one step.
STEP_OCCURRENCES = 64
#: A run ends after so long, where more is to be done, so that a shutdown need not wait for it.
RUN_SECONDS = 1.0
#: While reports wait for the writer, each piece of work is followed by a pause of so many times its
#: length; less so once the index is so many seconds behind.
BUSY_PAUSE = 9.0
LATE_PAUSE = 1.0
LATE_SECONDS = 60.0
#: Rows that are read of a document to know again what is in it.
RECALLED_ROWS = 100


class _Batch(NamedTuple):
    """Rows to be stored, and what will have been seen once they are."""

    rows: list[NewRow]
    last: Unindexed
    seen: dict[int, Seen]


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
        self._codec = codec
        self._clock = clock
        self._wake = wake
        self._memory = Memory()
        self.upkeep = IndexUpkeep(database, codec, clock, self._index_step)

    async def run(self) -> None:
        """Go on until all is indexed and clean, or for RUN_SECONDS."""
        ends_at = time.monotonic() + RUN_SECONDS
        while time.monotonic() < ends_at:
            if not (await self._index_step() or await self.upkeep.step()):
                return
        self._wake()

    async def _index_step(self) -> bool:
        """Index the next occurrences; return whether there were any."""
        batch = await self._database.maintain(self._read_batch)
        if batch is None:
            return False
        documents = await self._database.write(
            store.insert_rows, batch.rows, batch.last, self._clock.now_ms()
        )
        for error_id, document_id in (documents or {}).items():
            self._memory.keep(document_id, batch.seen[error_id])
        return True

    def _read_batch(self, connection: sqlite3.Connection) -> _Batch | None:
        occurrences = store.list_unindexed(connection, STEP_OCCURRENCES)
        if not occurrences:
            return None
        seen = self._recall(connection, {each.error_id for each in occurrences})
        lag_seconds = (self._clock.now_ms() - occurrences[0].received_ms) / 1000
        by_error: dict[int, list[Unindexed]] = {}
        for each in occurrences:
            if each.error_id in seen:
                by_error.setdefault(each.error_id, []).append(each)
        rows = []
        for error_id, own in by_error.items():
            started = time.perf_counter()
            texts = [text for each in own for text in self._find_new(each, seen[error_id])]
            if texts:
                rows.append(store.make_row(self._codec, error_id, own[0].id, texts))
            self._give_way(time.perf_counter() - started, lag_seconds)
        return _Batch(rows, occurrences[-1], seen)

    def _give_way(self, worked_seconds: float, lag_seconds: float) -> None:
        """Let go of the interpreter while reports wait: asked for it, a thread gives it up late."""
        if self._database.queued_bytes:
            pause = BUSY_PAUSE if lag_seconds < LATE_SECONDS else LATE_PAUSE
            time.sleep(worked_seconds * pause)

    def _find_new(self, occurrence: Unindexed, seen: Seen) -> list[Indexed]:
        payload = self._codec.decompress(occurrence.dictionary_id, occurrence.payload)
        return find_new_texts(payload, seen)

    def _recall(self, connection: sqlite3.Connection, error_ids: set[int]) -> dict[int, Seen]:
        """Return what has been seen of these errors, as far as they exist."""
        recalled = {}
        for error_id, document in store.get_documents(connection, error_ids).items():
            if document is None:
                recalled[error_id] = Seen()
                continue
            seen = self._memory.recall(document.id)
            if seen is None:
                rows = store.read_rows_back(
                    connection, self._codec, document.last_row_id, RECALLED_ROWS
                )
                seen = see_again(text for row in reversed(rows) for text in row.texts)
            recalled[error_id] = seen
        return recalled
