"""The way of a report into the store: scrub, group, write.

Nothing before the commit is acknowledged, and nothing after it can fail the request.
"""

import asyncio
import sqlite3
from collections.abc import Sequence

from faultline_lite.config import Config
from faultline_lite.database import Database
from faultline_lite.fingerprint import address_key, group_key, normalise, truncate
from faultline_lite.metrics import Metrics
from faultline_lite.models import Entry, NewOccurrence, Recorded, Report
from faultline_lite.payloads import PayloadCodec
from faultline_lite.scrubber import Scrubber
from faultline_lite.store.recording import record_reports

#: Entries that are prepared before other requests have their turn.
ENTRIES_AT_A_TIME = 25


class Ingest:
    """Takes reports in; one for each server."""

    def __init__(
        self, config: Config, database: Database, codec: PayloadCodec, metrics: Metrics
    ) -> None:
        self._timeunit = config.timeunit
        self._exact = config.grouping == "message"
        self._scrubber = Scrubber(config.scrub_keys)
        self._database = database
        self._codec = codec
        self._metrics = metrics

    async def take(self, report: Report) -> list[Recorded]:
        """Store the report as a whole and return what each entry produced, once it is durable.

        Raises DatabaseUnavailableError, with nothing stored.
        """
        occurrences = []
        for number, entry in enumerate(report.entries, 1):
            occurrences.append(self._prepare(report, entry))
            if number % ENTRIES_AT_A_TIME == 0:
                await asyncio.sleep(0)
        size_bytes = sum(len(each.payload) for each in occurrences)
        recorded = await self._database.write_grouped(self._record, occurrences, size_bytes)
        self._metrics.occurrences.inc(len(recorded))
        return recorded

    def scrub_message(self, message: str) -> str:
        """Return the message as it would be stored: what a client posted may have been scrubbed."""
        return self._scrubber.scrub_text(message)

    def _prepare(self, report: Report, entry: Entry) -> NewOccurrence:
        payload = self._scrubber.scrub(entry.payload)
        message, type_ = entry.message, entry.type
        if payload is not entry.payload:
            message = self._scrubber.scrub_text(message)
            type_ = self._scrubber.scrub_text(type_)
        shown = truncate(message)
        return NewOccurrence(
            project=report.project,
            group_key=group_key(message, exact=self._exact, fingerprint=entry.fingerprint),
            address_keys=self._address_keys(message, shown, entry.fingerprint),
            message=shown,
            pattern=truncate(normalise(message)),
            type=type_,
            timestamp_ms=entry.timestamp_ms,
            received_ms=report.received_ms,
            payload=payload,
        )

    def _address_keys(
        self, message: str, shown: str, fingerprint: tuple[str, ...] | None
    ) -> tuple[bytes, ...]:
        """Return the keys that lead to the error although its group key does not."""
        keys = []
        if shown is not message:
            keys.append(address_key(shown))
        if fingerprint is not None:
            keys.append(group_key(message, exact=self._exact, fingerprint=None))
        return tuple(keys)

    def _record(
        self, connection: sqlite3.Connection, reports: Sequence[Sequence[NewOccurrence]]
    ) -> list[list[Recorded]]:
        return record_reports(connection, self._codec, reports, self._timeunit)
