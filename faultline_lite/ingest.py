"""The way of a report into the store: open its configs, scrub, group, write, decide.

Nothing before the commit is acknowledged, and nothing after it can fail the request.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from faultline_lite.config import Config
from faultline_lite.database import Database
from faultline_lite.fingerprint import address_keys, group_key, normalise, truncate
from faultline_lite.large_work import LARGE_BYTES, LargeWork
from faultline_lite.live import LiveTail
from faultline_lite.metrics import Metrics
from faultline_lite.models import Entry, NamedChannel, NewOccurrence, Recorded, Report, Sender
from faultline_lite.notifications.decisions import Decision, record_and_decide, tell
from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.scrubbing.scrubber import KnownParts, Scrubber
from faultline_lite.store.recording import Recorder
from faultline_lite.timekeys import Timeunit

#: Entries are prepared for so long before other requests have their turn.
TURN_SECONDS = 0.002
#: From here on a payload that may hold secrets has its turn with the other large work: made to be
#: slow, it would hold up the event loop for tens of milliseconds.
SLOW_BYTES = 32 * 1024
#: Nobody in particular: with a client's key, from no page.
CLIENT = Sender()


class Taken(NamedTuple):
    """What became of a report: of its entries, and of its channels."""

    recorded: list[Recorded]
    decisions: list[Decision]

    @property
    def refused(self) -> list[Decision]:
        """Those that no message will come of, whatever happens."""
        return [each for each in self.decisions if each.outcome == "refused"]


class Ingest:
    """Takes reports in; one for each server.

    ``name_channels`` opens the configs of a report; ``on_due`` is told the identities of the
    channels that something has become due to, and ``live`` of the errors that occurred.
    """

    def __init__(
        self,
        config: Config,
        database: Database,
        codec: PayloadCodec,
        metrics: Metrics,
        name_channels: Callable[[Report, Sender], tuple[NamedChannel, ...]],
        on_due: Callable[[set[bytes]], None],
        live: LiveTail,
        large_work: LargeWork,
    ) -> None:
        self._timeunit = config.timeunit
        self._exact = config.grouping == "message"
        self._scrubber = Scrubber(config.scrub_keys)
        self._database = database
        self._recording = _Recording(codec, config.timeunit)
        self._metrics = metrics
        self._name_channels = name_channels
        self._on_due = on_due
        self._live = live
        self._large_work = large_work

    async def take(self, report: Report, sender: Sender = CLIENT) -> Taken:
        """Store the report as a whole and return what became of it, once it is durable.

        Raises DatabaseUnavailableError and OverloadedError, with nothing stored.
        """
        channels: tuple[NamedChannel, ...] = ()
        if report.notifications:
            channels = self._name_channels(report, sender)
        occurrences = []
        known: KnownParts = {}
        turn_ends_at = time.perf_counter() + TURN_SECONDS
        for entry in report.entries:
            prepare = partial(self._prepare, report, entry, channels, known)
            occurrences.append(await self._large_work.run(prepare, self._weigh(entry.payload)))
            if time.perf_counter() >= turn_ends_at:
                await asyncio.sleep(0)
                turn_ends_at = time.perf_counter() + TURN_SECONDS
        size_bytes = sum(len(each.payload) for each in occurrences)
        recorded = await self._database.write_grouped(self._recording, occurrences, size_bytes)
        self._metrics.occurrences.inc(len(recorded))
        self._live.publish(report.project, (each.error_id for each in recorded))
        return Taken(recorded, self._tell(channels, recorded) if channels else [])

    def scrub_message(self, message: str) -> str:
        """Return the message as it would be stored: what a client posted may have been scrubbed."""
        return self._scrubber.scrub_text(message)

    def _weigh(self, payload: bytes) -> int:
        """Return the bytes that preparing it counts for: full of secrets, it takes far longer."""
        size_bytes = len(payload)
        if SLOW_BYTES <= size_bytes < LARGE_BYTES and self._scrubber.is_suspicious(payload):
            return LARGE_BYTES
        return size_bytes

    def _tell(self, channels: tuple[NamedChannel, ...], recorded: list[Recorded]) -> list[Decision]:
        """Return what was decided, and have it delivered."""
        decisions = tell(channels, recorded, self._timeunit)
        due = {each.channel.identity for each in decisions if each.outcome == "notify"}
        if due:
            self._on_due(due)
        return decisions

    def _prepare(
        self,
        report: Report,
        entry: Entry,
        channels: tuple[NamedChannel, ...],
        known: KnownParts,
    ) -> NewOccurrence:
        payload = self._scrubber.scrub(entry.payload, known)
        message, type_ = entry.message, entry.type
        if payload is not entry.payload:
            message = self._scrubber.scrub_text(message)
            type_ = self._scrubber.scrub_text(type_)
        shown = truncate(message)
        return NewOccurrence(
            project=report.project,
            group_key=group_key(message, exact=self._exact, fingerprint=entry.fingerprint),
            address_keys=address_keys(message, exact=self._exact, fingerprint=entry.fingerprint),
            message=shown,
            pattern=truncate(normalise(message)),
            type=type_,
            timestamp_ms=entry.timestamp_ms,
            received_ms=report.received_ms,
            payload=payload,
            channels=channels,
        )


class _Recording:
    """What the writer calls to store reports in groups."""

    def __init__(self, codec: PayloadCodec, timeunit: Timeunit) -> None:
        self._recorder = Recorder(codec, timeunit)

    def execute(
        self, connection: sqlite3.Connection, items: Sequence[Sequence[NewOccurrence]]
    ) -> list[list[Recorded]]:
        """Store the reports, each of which is its occurrences."""
        return record_and_decide(connection, self._recorder, items)

    def forget(self) -> None:
        """Read the counters anew: they may have changed."""
        self._recorder.forget()
