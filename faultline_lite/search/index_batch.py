"""Read the next occurrences for the search index, and make rows of what is new in them.

All of it is done on the maintenance thread. What it has seen counts only once the rows are stored.
"""

import sqlite3
import time
from collections.abc import Callable
from typing import NamedTuple

from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.search.new_texts import find_new_texts, see_again
from faultline_lite.search.novelty import Memory, Seen
from faultline_lite.store import search_index as store
from faultline_lite.store.search_index import Document, NewRow, Unindexed
from faultline_lite.store.search_texts import Indexed

#: Rows that are read of a document to know again what is in it.
RECALLED_ROWS = 100


class Limits(NamedTuple):
    """How much one batch takes in: occurrences, and characters of new text."""

    occurrences: int
    characters: int


class Batch(NamedTuple):
    """Rows to be stored, the last occurrence that they are of, and what has been seen for them."""

    rows: list[NewRow]
    last: Unindexed
    documents: dict[int, Document | None]
    seen: dict[int, Seen]


class BatchReader:
    """Makes batches; ``give_way`` is told how long each piece of work has taken, in seconds."""

    def __init__(self, codec: PayloadCodec, give_way: Callable[[float], None]) -> None:
        self._codec = codec
        self._give_way = give_way
        self._memory = Memory()
        #: What is stored and not remembered yet: that takes time, which the next batch has.
        self._stored: tuple[Batch, dict[int, int]] | None = None

    def read(self, connection: sqlite3.Connection, limits: Limits) -> Batch | None:
        """Return the next batch, None where all is indexed."""
        if self._stored is not None:
            self._remember(*self._stored)
            self._stored = None
        occurrences = store.list_unindexed(connection, limits.occurrences)
        if not occurrences:
            return None
        documents = store.get_documents(connection, {each.error_id for each in occurrences})
        batch = Batch([], occurrences[-1], documents, {})
        texts: dict[int, list[Indexed]] = {}
        first_ids: dict[int, int] = {}
        room = limits.characters
        for each in occurrences:
            started = time.perf_counter()
            new = self._find_new(connection, each, batch)
            texts.setdefault(each.error_id, []).extend(new)
            first_ids.setdefault(each.error_id, each.id)
            room -= sum(len(indexed.text) for indexed in new)
            self._give_way(time.perf_counter() - started)
            if room <= 0:
                batch = batch._replace(last=each)
                break
        for error_id, own in texts.items():
            if own:
                started = time.perf_counter()
                batch.rows.append(store.make_row(self._codec, error_id, first_ids[error_id], own))
                self._give_way(time.perf_counter() - started)
        return batch

    def remember(self, batch: Batch, begun: dict[int, int]) -> None:
        """Count what was seen for a stored batch, whose errors have the documents ``begun``."""
        self._stored = (batch, begun)

    def _remember(self, batch: Batch, begun: dict[int, int]) -> None:
        for error_id, seen in batch.seen.items():
            document = batch.documents[error_id]
            document_id = begun.get(error_id, document.id if document else None)
            if document_id is not None:
                self._memory.keep(document_id, seen)

    def _find_new(
        self, connection: sqlite3.Connection, occurrence: Unindexed, batch: Batch
    ) -> list[Indexed]:
        """Return the texts that are new to the occurrence's error; none where that is gone."""
        error_id = occurrence.error_id
        if error_id not in batch.documents:
            return []
        seen = batch.seen.get(error_id)
        if seen is None:
            seen = batch.seen[error_id] = self._recall(connection, batch.documents[error_id])
        payload = self._codec.decompress(occurrence.dictionary_id, occurrence.payload)
        return find_new_texts(payload, seen)

    def _recall(self, connection: sqlite3.Connection, document: Document | None) -> Seen:
        """Return what has been seen of an error before."""
        if document is None:
            return Seen()
        seen = self._memory.recall(document.id)
        if seen is not None:
            return seen
        rows = store.read_rows_back(connection, self._codec, document.last_row_id, RECALLED_ROWS)
        return see_again(text for row in reversed(rows) for text in row.texts)
