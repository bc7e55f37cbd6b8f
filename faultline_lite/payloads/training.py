"""Keep the dictionary of the payloads up to date with what the server sees."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable

from faultline_lite.clock import Clock
from faultline_lite.database import Database
from faultline_lite.payloads.codec import PayloadCodec, train
from faultline_lite.store.dictionaries import (
    get_last_occurrence_id,
    insert_dictionary,
    list_dictionary_ids,
    list_recent_payloads,
)

#: Fewer occurrences than this make a dictionary that knows them by heart and no others.
FIRST_AFTER = 300
#: Occurrences between two attempts: as many as there were, so that a young server learns quickly
#: and an old one spends nearly nothing on it.
MAX_BETWEEN = 50_000
SAMPLES = 2000
SAMPLE_BYTES = 8 * 2**20

_logger = logging.getLogger(__name__)


class PayloadTraining:
    """Tries a new dictionary as occurrences come in, and adopts it where it pays.

    ``on_adopted`` is told the id before which occurrences were stored without it.
    """

    def __init__(
        self,
        database: Database,
        codec: PayloadCodec,
        clock: Clock,
        on_adopted: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._database = database
        self._codec = codec
        self._clock = clock
        self._on_adopted = on_adopted
        self._next_id: int | None = None

    async def run(self) -> None:
        """Train and adopt a dictionary if enough has come in since the last attempt."""
        last_id = await self._database.read(get_last_occurrence_id)
        if self._next_id is None:
            # What an earlier run of the server learnt from counts as the last attempt.
            self._next_id = _next_after(last_id) if self._codec.current_id else FIRST_AFTER
        if last_id < self._next_id:
            return
        self._next_id = _next_after(last_id)
        samples = await self._database.maintain(self._read_samples)
        content = await asyncio.to_thread(train, samples, self._codec)
        if content is None:
            return
        dictionary_id = await self._database.write(insert_dictionary, content, self._clock.now_ms())
        self._codec.add_dictionary(dictionary_id, content)
        self._codec.forget_deleted(await self._database.read(list_dictionary_ids))
        _logger.info("payloads are compressed with dictionary %d from here on", dictionary_id)
        self._on_adopted(await self._database.read(get_last_occurrence_id) + 1)

    def _read_samples(self, connection: sqlite3.Connection) -> list[bytes]:
        samples: list[bytes] = []
        size_bytes = 0
        for dictionary_id, payload in list_recent_payloads(connection, SAMPLES):
            samples.append(self._codec.decompress(dictionary_id, payload))
            size_bytes += len(samples[-1])
            if size_bytes > SAMPLE_BYTES:
                break
        return samples


def _next_after(last_id: int) -> int:
    return last_id + min(max(last_id, FIRST_AFTER), MAX_BETWEEN)
