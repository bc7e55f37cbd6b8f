"""Count whom each error met and in which versions, behind the ingest transaction.

Every occurrence is looked at once, on the maintenance thread, and what it adds is written in
transactions of some milliseconds. Where the census is, is in the store: a restart goes on there.
"""

import sqlite3
import time
from collections.abc import Callable
from typing import NamedTuple

from faultline_lite.database import Database
from faultline_lite.facets import read_user_and_version
from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.store.census import (
    Found,
    Uncounted,
    add_to_census,
    get_counted_id,
    list_uncounted,
)

#: Occurrences of one step while reports wait for the writer, and otherwise.
BUSY_STEP_OCCURRENCES = 50
STEP_OCCURRENCES = 250
#: A run ends after so long, where more is to be done, so that a shutdown need not wait for it.
RUN_SECONDS = 1.0
#: While reports wait for the writer, a step is followed by a pause of so many times its length.
BUSY_PAUSE = 3.0


class _Batch(NamedTuple):
    found: dict[int, Found]
    counted_id: int
    last: Uncounted


class Census:
    """Goes through what has come in; ``wake`` asks for the next run to begin at once."""

    def __init__(
        self, database: Database, codec: PayloadCodec, wake: Callable[[], None] = lambda: None
    ) -> None:
        self._database = database
        self._codec = codec
        self._wake = wake

    async def run(self) -> None:
        """Go on until all is counted, or for RUN_SECONDS."""
        ends_at = time.monotonic() + RUN_SECONDS
        while time.monotonic() < ends_at:
            started = time.monotonic()
            batch = await self._database.maintain(self._read_batch)
            if batch is None:
                return
            await self._database.write(add_to_census, batch.found, batch.counted_id, batch.last)
            await self._database.give_way((time.monotonic() - started) * BUSY_PAUSE)
        self._wake()

    def _read_batch(self, connection: sqlite3.Connection) -> _Batch | None:
        counted_id = get_counted_id(connection)
        limit = BUSY_STEP_OCCURRENCES if self._database.queued_bytes else STEP_OCCURRENCES
        occurrences = list_uncounted(connection, counted_id, limit)
        if not occurrences:
            return None
        found: dict[int, Found] = {}
        for each in occurrences:
            payload = self._codec.decompress(each.dictionary_id, each.payload)
            user, version = read_user_and_version(payload)
            if user is not None or version is not None:
                found.setdefault(each.error_id, Found(set(), {})).add(
                    user, version, each.timestamp_ms
                )
        return _Batch(found, counted_id, occurrences[-1])
