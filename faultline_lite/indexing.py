"""Keep the search index up with the occurrences, behind the ingest transaction.

Reading and cutting texts is done on the maintenance thread, a few occurrences at a time, writing
in transactions of some milliseconds. While reports wait for the writer, indexing waits longer: it
may fall behind, and catches up as soon as there is room. Where it is, is in the store, so that a
restart goes on from there.
"""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from faultline_lite.clock import Clock
from faultline_lite.database import Database
from faultline_lite.grams import fold, skeleton
from faultline_lite.novelty import Memory, Seen
from faultline_lite.payloads import PayloadCodec
from faultline_lite.searchable import Part, split_payload
from faultline_lite.store import search_index as store
from faultline_lite.store.search_index import Document, NewRow, StoredRow, Unindexed
from faultline_lite.store.search_terms import Indexed, make_terms

#: Occurrences of one step.
STEP_OCCURRENCES = 64
#: Rows that are taken out in one transaction.
STEP_ROWS = 16
#: A run ends after so long, where more is to be done, so that a shutdown need not wait for it.
RUN_SECONDS = 1.0
#: While reports wait for the writer, a step is followed by a pause of so many times its length.
BUSY_PAUSE = 9.0
#: Rows that are read of a document to know again what is in it.
RECALLED_ROWS = 100

_logger = logging.getLogger(__name__)


class _Batch(NamedTuple):
    """Rows to be stored, and what will have been seen once they are."""

    rows: list[NewRow]
    last: Unindexed
    seen: dict[int, Seen]


class Indexing:
    """Indexes what has come in, and takes out of the index what has gone.

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

    async def run(self) -> None:
        """Go on indexing until all is indexed and clean, or for RUN_SECONDS."""
        ends_at = time.monotonic() + RUN_SECONDS
        while time.monotonic() < ends_at:
            started = time.monotonic()
            if not (await self._index_step() or await self._clean_step()):
                break
            await self._pause(time.monotonic() - started)
        else:
            self._wake()

    async def _pause(self, step_seconds: float) -> None:
        if self._database.queued_bytes:
            await asyncio.sleep(step_seconds * BUSY_PAUSE)

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
        texts: dict[int, list[Indexed]] = {}
        first_ids: dict[int, int] = {}
        for each in occurrences:
            if each.error_id not in seen:
                continue
            new = list(self._find_new(each, seen[each.error_id]))
            if new:
                texts.setdefault(each.error_id, []).extend(new)
                first_ids.setdefault(each.error_id, each.id)
        rows = [
            store.make_row(self._codec, error_id, first_ids[error_id], found)
            for error_id, found in texts.items()
        ]
        return _Batch(rows, occurrences[-1], seen)

    def _recall(self, connection: sqlite3.Connection, error_ids: set[int]) -> dict[int, Seen]:
        """Return what has been seen of these errors, as far as they exist."""
        recalled = {}
        for error_id, document in store.get_documents(connection, error_ids).items():
            seen = Seen() if document is None else self._memory.recall(document.id)
            if document is not None and seen is None:
                rows = store.read_rows_back(
                    connection, self._codec, document.last_row_id, RECALLED_ROWS
                )
                seen = Seen(_hashes(each for row in reversed(rows) for each in row.texts))
            assert seen is not None  # noqa: S101 - mypy does not see that one of the two made it
            recalled[error_id] = seen
        return recalled

    def _find_new(self, occurrence: Unindexed, seen: Seen) -> Iterator[Indexed]:
        """Yield the texts of an occurrence that its error has not had before."""
        payload = self._codec.decompress(occurrence.dictionary_id, occurrence.payload)
        for part in split_payload(payload):
            # Three values, unlike a text's two: Python hashes bytes like the string they spell.
            if not seen.add(("part", *part)):
                continue
            try:
                yield from _find_new_texts(part, seen)
            except msgspec.DecodeError as error:
                # It is stored, shown and counted all the same.
                _logger.warning("%s of an occurrence cannot be searched: %s", part.name, error)

    async def _clean_step(self) -> bool:
        """Take some rows of a given-up document out; return whether there was one."""
        found = await self._database.maintain(self._read_given_up)
        if found is None:
            return False
        document, rows = found
        await self._database.write(store.delete_last_rows, document, rows)
        self._memory.forget(document.id)
        return True

    def _read_given_up(
        self, connection: sqlite3.Connection
    ) -> tuple[Document, list[tuple[StoredRow, str]]] | None:
        document = store.get_given_up(connection)
        if document is None:
            return None
        rows = store.read_rows_back(connection, self._codec, document.last_row_id, STEP_ROWS)
        return document, [(row, make_terms(row.texts)) for row in rows]


def _find_new_texts(part: Part, seen: Seen) -> Iterator[Indexed]:
    for kind, text in part.passages():
        if not seen.add((kind, text)):
            continue
        folded = fold(text)
        bare = skeleton(folded)
        # A text of which only ids and the like are new has its lasting grams in the index.
        lasting = bare == folded or seen.add((kind, bare, None))
        yield Indexed(kind, text, lasting)


def _hashes(texts: Iterator[Indexed]) -> Iterator[int]:
    """Yield the hashes by which ``_find_new_texts`` knows the texts again."""
    for kind, text, _ in texts:
        yield hash((kind, text))
        yield hash((kind, skeleton(fold(text)), None))
