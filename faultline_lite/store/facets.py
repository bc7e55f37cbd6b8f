"""Facets of an error: which values its kept occurrences have, how often, since when."""

import sqlite3
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence

import msgspec

from faultline_lite.facets import FACETS, Facet, read_facets
from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.store.timeline import list_error_buckets
from faultline_lite.timekeys import Span

#: What is looked at, the latest first, so that no error keeps a reader for longer than others.
MAX_OCCURRENCES = 1000
MAX_BYTES = 16 * 2**20
#: Values of a facet that are remembered, and so at most shown.
MAX_VALUES = 100
CACHED_ERRORS = 128

_WITHIN = "AND second BETWEEN ? AND ?"


class FacetValue(msgspec.Struct, frozen=True):
    """A value, the occurrences that have it, and the first and last timestamp of these."""

    value: str
    count: int
    first_ms: int
    last_ms: int


class FacetCounts(msgspec.Struct, frozen=True):
    """One facet: its commonest values, how many others there are, how many occurrences have one."""

    values: tuple[FacetValue, ...]
    distinct: int
    known: int


class Facets(msgspec.Struct, frozen=True):
    """All facets of an error, and what they say it of.

    ``counted_from`` occurrences were looked at, of ``kept`` that retention has left, of ``count``
    that came; in the span, where one was asked for.
    """

    counted_from: int
    kept: int
    count: int
    facets: dict[Facet, FacetCounts]


class _Key(msgspec.Struct, frozen=True):
    """What a cached answer holds for: nothing came, nothing went."""

    error_id: int
    group_key: bytes
    first_seen_ms: int
    count: int
    kept: int
    span: Span | None


class FacetReader:
    """Reads facets, and remembers those that were read last. Safe to use from several threads."""

    def __init__(self, codec: PayloadCodec) -> None:
        self._codec = codec
        self._lock = threading.Lock()
        self._cache: OrderedDict[_Key, Facets] = OrderedDict()

    def read(
        self, connection: sqlite3.Connection, error_id: int, span: Span | None = None
    ) -> Facets:
        """Return the facets of an error, of all its time or of a span of it."""
        connection.execute("BEGIN")
        try:
            return self._read_cached(connection, _make_key(connection, error_id, span))
        finally:
            connection.execute("COMMIT")

    def _read_cached(self, connection: sqlite3.Connection, key: _Key) -> Facets:
        with self._lock:
            found = self._cache.get(key)
            if found is not None:
                self._cache.move_to_end(key)
                return found
        found = self._read(connection, key)
        with self._lock:
            self._cache[key] = found
            if len(self._cache) > CACHED_ERRORS:
                self._cache.popitem(last=False)
        return found

    def _read(self, connection: sqlite3.Connection, key: _Key) -> Facets:
        kept, count = key.kept, key.count
        if key.span is not None:
            kept, count = _count_within(connection, key.error_id, key.span)
        times: list[int] = []
        rows: list[tuple[str | None, ...]] = []
        for timestamp_ms, payload in self._list_payloads(connection, key.error_id, key.span):
            times.append(timestamp_ms)
            rows.append(read_facets(payload))
        columns = zip(*rows, strict=True) if rows else [()] * len(FACETS)
        facets = {
            facet: _count(values, times) for facet, values in zip(FACETS, columns, strict=True)
        }
        return Facets(len(rows), kept, count, facets)

    def _list_payloads(
        self, connection: sqlite3.Connection, error_id: int, span: Span | None
    ) -> Iterator[tuple[int, bytes]]:
        """Yield (timestamp, payload) of the latest occurrences, within the limits."""
        rows = connection.execute(
            f"""
            SELECT timestamp_ms, dictionary_id, payload FROM occurrence
            WHERE error_id = ? {_WITHIN} ORDER BY second DESC, ordinal DESC LIMIT ?
            """,
            (error_id, *_seconds(span), MAX_OCCURRENCES),
        )
        size_bytes = 0
        for timestamp_ms, dictionary_id, compressed in rows:
            payload = self._codec.decompress(dictionary_id, compressed)
            yield timestamp_ms, payload
            size_bytes += len(payload)
            if size_bytes > MAX_BYTES:
                return


def _count(values: Sequence[str | None], times: Sequence[int]) -> FacetCounts:
    """Count the values of one facet, which come with their timestamps, the latest first."""
    counts = Counter(values)
    known = counts.total() - counts.pop(None, 0)
    # Of what has the same key a dictionary keeps the last.
    first_ms = dict(zip(values, times, strict=True))
    last_ms = dict(zip(reversed(values), reversed(times), strict=True))
    commonest = tuple(
        FacetValue(value, count, first_ms[value], last_ms[value])
        for value, count in counts.most_common(MAX_VALUES)
        if value is not None
    )
    return FacetCounts(commonest, len(counts), known)


def _make_key(connection: sqlite3.Connection, error_id: int, span: Span | None) -> _Key:
    row = connection.execute(
        "SELECT id, group_key, first_seen_ms, count, kept FROM error WHERE id = ?", (error_id,)
    ).fetchone()
    if row is None:
        # It has just been erased.
        return _Key(error_id, b"", 0, 0, 0, span)
    error_id, group_key, first_seen_ms, count, kept = row
    return _Key(error_id, group_key, first_seen_ms, count, kept, span)


def _count_within(connection: sqlite3.Connection, error_id: int, span: Span) -> tuple[int, int]:
    """Return how many occurrences are kept, and how many came, in the span."""
    (kept,) = connection.execute(
        f"SELECT count(*) FROM occurrence WHERE error_id = ? {_WITHIN}",
        (error_id, *_seconds(span)),
    ).fetchone()
    buckets = list_error_buckets(connection, [error_id], span)[error_id]
    return kept, sum(bucket.count for bucket in buckets)


def _seconds(span: Span | None) -> tuple[int, int]:
    """Return the first and the last second of the span, of all time where there is none."""
    if span is None:
        return -(2**62), 2**62
    return span.start_ms // 1000, span.end_ms // 1000 - 1
