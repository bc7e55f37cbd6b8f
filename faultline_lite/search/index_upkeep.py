"""Keep the search index small: take out what was given up, merge rows, begin documents anew.

Indexing adds a row for every few occurrences. Rows of one error share most of their grams, so that
many of them in one take half the space and are found faster. And of what an error's occurrences
said before retention let them go, nothing stays for good: once as many are gone as are kept, or
the first is gone for reasons of age, the error's document is made anew from those that are kept.

Its caller alone changes rows, one step after the other.
"""

import sqlite3
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from faultline_lite.clock import Clock
from faultline_lite.database import Database
from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.search.new_texts import find_new_texts, merge_texts
from faultline_lite.search.novelty import Seen
from faultline_lite.store import search_index as index
from faultline_lite.store import search_upkeep as store
from faultline_lite.store.search_index import NewRow
from faultline_lite.store.search_terms import make_terms
from faultline_lite.store.search_texts import Indexed
from faultline_lite.store.search_upkeep import OldRow, Segment
from faultline_lite.timekeys import DAY_MS

#: Rows that are taken out, and occurrences that are read again, in one step.
STEP_ROWS = 16
STEP_OCCURRENCES = 64
#: Pages that are merged in one step.
STEP_PAGES = 16
#: The table of grams is merged whole when a row was taken out for so many that are left.
ROWS_LEFT = 4
#: While reports wait for the writer, merging is followed by a pause of so many times its length.
BUSY_PAUSE = 3.0
#: Characters of text past which a row takes in no more.
ROW_CHARACTERS = 32_768
#: Texts of one error that are known while its document is made anew.
MOST_SEEN = 100_000
#: Between two looks for documents to be made anew.
LOOK_SECONDS = 600.0


class _Merge(NamedTuple):
    """Rows that follow each other in a document, and those to stand in their place."""

    segment: Segment
    old: list[OldRow]
    new: list[NewRow]


class IndexUpkeep:
    """Cleans up in steps.

    ``index_step`` lets new occurrences in between two steps of a long piece; ``give_way`` is told
    how many seconds a piece of work has taken.
    """

    def __init__(
        self,
        database: Database,
        codec: PayloadCodec,
        clock: Clock,
        index_step: Callable[[], Awaitable[bool]],
        give_way: Callable[[float], None],
    ) -> None:
        self._database = database
        self._codec = codec
        self._clock = clock
        self._index_step = index_step
        self._give_way = give_way
        self._outdated: deque[int] = deque()
        self._looks_at = clock.monotonic() + LOOK_SECONDS
        #: Rows taken out since the grams were merged, and what was left when that was last asked.
        self._taken_out = 0
        self._rows_left = 0
        #: What the next step of merging the grams is told; 0 where none is under way.
        self._merge_pages = 0

    def look_soon(self) -> None:
        """Look for outdated documents with the next step: many may have become so."""
        self._looks_at = self._clock.monotonic()

    async def step(self) -> bool:
        """Do one piece of the work; return whether there was any."""
        return (
            await self._take_out()
            or await self._merge()
            or await self._renew()
            or await self._compact()
        )

    async def renew(self, error_id: int) -> None:
        """Make the error's document anew from the occurrences that are kept."""
        document_id = await self._database.write(
            store.begin_document, error_id, self._clock.now_ms()
        )
        if document_id is None:
            return
        seen, after_id = Seen(), 0
        while True:
            found = await self._database.maintain(self._read_kept, error_id, after_id, seen)
            if found is None:
                # Nothing is indexed between this look and the exchange: none is lost.
                break
            after_id, rows = found
            if len(seen) > MOST_SEEN:
                seen = Seen(seen.hashes())
            await self._database.write(store.append_rows, document_id, rows)
            await self._index_step()
        await self._database.write(store.exchange_documents, error_id, document_id)

    async def _renew(self) -> bool:
        """Make a document anew, where one is to be."""
        if not self._outdated and self._clock.monotonic() >= self._looks_at:
            self._looks_at = self._clock.monotonic() + LOOK_SECONDS
            before_ms = self._clock.now_ms() - DAY_MS
            self._outdated.extend(await self._database.maintain(store.list_outdated, before_ms))
        if not self._outdated:
            return False
        await self.renew(self._outdated.popleft())
        return True

    def _read_kept(
        self, connection: sqlite3.Connection, error_id: int, after_id: int, seen: Seen
    ) -> tuple[int, list[NewRow]] | None:
        kept = store.list_indexed(connection, error_id, after_id, STEP_OCCURRENCES)
        if not kept:
            return None
        texts: list[Indexed] = []
        for each in kept:
            started = time.perf_counter()
            payload = self._codec.decompress(each.dictionary_id, each.payload)
            texts += find_new_texts(payload, seen)
            self._give_way(time.perf_counter() - started)
        return kept[-1].id, self._make_rows(error_id, kept[0].id, texts)

    async def _take_out(self) -> bool:
        """Take some rows of a given-up document out, where there is one."""
        found = await self._database.maintain(self._read_given_up)
        if found is None:
            return False
        await self._database.write(store.delete_last_rows, *found)
        self._taken_out += len(found[1])
        return True

    async def _compact(self) -> bool:
        """Merge some pages of the table of grams, once much in it is of rows that are gone.

        What is taken out stays in it, marked as deleted, until FTS5 happens to merge it. Where room
        is short, ever more errors would go for room that does not come back.
        """
        if not self._merge_pages and self._taken_out * ROWS_LEFT > self._rows_left:
            self._rows_left = await self._database.maintain(store.count_rows)
            if self._taken_out * ROWS_LEFT > self._rows_left:
                self._taken_out, self._merge_pages = 0, -STEP_PAGES
        if not self._merge_pages:
            return False
        started = time.perf_counter()
        goes_on = await self._database.write(store.merge_grams, self._merge_pages)
        self._merge_pages = STEP_PAGES if goes_on else 0
        await self._database.give_way((time.perf_counter() - started) * BUSY_PAUSE)
        return True

    def _read_given_up(self, connection: sqlite3.Connection) -> tuple[int, list[OldRow]] | None:
        document = store.get_given_up(connection)
        if document is None:
            return None
        rows = index.read_rows_back(connection, self._codec, document.last_row_id, STEP_ROWS)
        return document.id, [OldRow(row.id, row.previous_id, make_terms(row.texts)) for row in rows]

    async def _merge(self) -> bool:
        """Merge some rows of a document, where there are enough."""
        merge = await self._database.maintain(self._read_loose)
        if merge is None:
            return False
        await self._database.write(store.replace_rows, *merge)
        return True

    def _read_loose(self, connection: sqlite3.Connection) -> _Merge | None:
        segment = store.get_loose_segment(connection, STEP_ROWS)
        if segment is None:
            return None
        started = time.perf_counter()
        rows = index.read_rows_back(connection, self._codec, segment.last_row_id, STEP_ROWS)
        texts = merge_texts(text for row in reversed(rows) for text in row.texts)
        old = [OldRow(row.id, row.previous_id, make_terms(row.texts)) for row in rows]
        merge = _Merge(segment, old, self._make_rows(segment.error_id, 0, texts))
        self._give_way(time.perf_counter() - started)
        return merge

    def _make_rows(
        self, error_id: int, first_occurrence_id: int, texts: Iterable[Indexed]
    ) -> list[NewRow]:
        """Return rows of these texts, none of them larger than need be."""
        groups: list[list[Indexed]] = []
        room = 0
        for each in texts:
            if room <= 0:
                groups.append([])
                room = ROW_CHARACTERS
            groups[-1].append(each)
            room -= len(each.text)
        return [
            index.make_row(self._codec, error_id, first_occurrence_id, group) for group in groups
        ]
