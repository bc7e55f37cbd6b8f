"""Compress what came in before a dictionary was trained once more, with it.

A young server stores its first occurrences without one, and the next with what it learnt from
those: ten times as large as they need be. How far it has come is not stored: what a restart leaves
stays as it is.
"""

import sqlite3
import time
from collections.abc import Callable

from faultline_lite.database import Database
from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.store.dictionaries import (
    StoredPayload,
    list_payloads_before,
    replace_payloads,
)

#: Occurrences of one step.
STEP_OCCURRENCES = 64
#: What came in longer ago is left to retention: an old server adopts few dictionaries.
MOST_OCCURRENCES = 50_000
#: A run ends after so long, where more is to be done, so that a shutdown need not wait for it.
RUN_SECONDS = 1.0
#: While reports wait for the writer, a step is followed by a pause of so many times its length.
BUSY_PAUSE = 9.0


class Recompression:
    """Goes backwards through the occurrences; ``wake`` asks for the next run to begin at once."""

    def __init__(
        self, database: Database, codec: PayloadCodec, wake: Callable[[], None] = lambda: None
    ) -> None:
        self._database = database
        self._codec = codec
        self._wake = wake
        self._before_id = self._end_id = 0

    def begin(self, before_id: int) -> None:
        """Begin anew with the occurrences before that one."""
        self._before_id = before_id
        self._end_id = before_id - MOST_OCCURRENCES
        self._wake()

    async def run(self) -> None:
        """Go on until nothing is left, or for RUN_SECONDS."""
        ends_at = time.monotonic() + RUN_SECONDS
        while self._before_id > max(0, self._end_id):
            if time.monotonic() >= ends_at:
                self._wake()
                return
            await self._step()

    async def _step(self) -> None:
        started = time.monotonic()
        before_id = self._before_id
        next_id, smaller = await self._database.maintain(self._compress_before, before_id)
        if smaller:
            await self._database.write(replace_payloads, smaller)
        # A new dictionary may have begun it anew meanwhile.
        if self._before_id == before_id:
            self._before_id = next_id
        await self._database.give_way((time.monotonic() - started) * BUSY_PAUSE)

    def _compress_before(
        self, connection: sqlite3.Connection, before_id: int
    ) -> tuple[int, list[tuple[StoredPayload, int, bytes]]]:
        """Return where to go on, and what a newer dictionary makes smaller, with its id."""
        stored = list_payloads_before(connection, before_id, STEP_OCCURRENCES)
        next_id = stored[-1].id if stored else 0
        newest_id = self._codec.current_id
        older = [each for each in stored if each.dictionary_id != newest_id]
        if not older:
            return next_id, []
        payloads = [self._codec.decompress(each.dictionary_id, each.payload) for each in older]
        used_id, compressed = self._codec.compress(payloads)
        smaller = [
            (each, used_id, payload)
            for each, payload in zip(older, compressed, strict=True)
            if len(payload) < len(each.payload)
        ]
        return next_id, smaller
