"""Occurrences: fetched and paged, newest first by their own timestamp."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from faultline_lite.models import Occurrence
from faultline_lite.payloads.codec import PayloadCodec

#: Payload bytes of one page; the rest is on the next. Keeps the memory of a request bounded.
MAX_PAGE_BYTES = 8 * 2**20

_COLUMNS = "second, ordinal, timestamp_ms, received_ms, dictionary_id, payload"


class OccurrencePage(NamedTuple):
    """Occurrences, newest first, and whether more follow."""

    occurrences: list[Occurrence]
    has_more: bool


def get_latest(
    connection: sqlite3.Connection, codec: PayloadCodec, error_id: int
) -> Occurrence | None:
    """Return the occurrence with the latest timestamp, None where retention has left none."""
    found = list_occurrences(connection, codec, error_id, after=None, limit=1).occurrences
    return found[0] if found else None


def get_occurrence(
    connection: sqlite3.Connection, codec: PayloadCodec, error_id: int, place: tuple[int, int]
) -> Occurrence | None:
    """Return the occurrence at (second, ordinal) of the error, None where there is none."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM occurrence WHERE error_id = ? AND second = ? AND ordinal = ?",
        (error_id, *place),
    ).fetchone()
    return None if row is None else _to_occurrence(codec, row)


def get_neighbours(
    connection: sqlite3.Connection, error_id: int, place: tuple[int, int]
) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """Return the places of the next newer and the next older occurrence, None at an end."""
    newer, older = (
        connection.execute(
            f"""
            SELECT second, ordinal FROM occurrence
            WHERE error_id = ? AND (second, ordinal) {comparison} (?, ?)
            ORDER BY second {order}, ordinal {order} LIMIT 1
            """,
            (error_id, *place),
        ).fetchone()
        for comparison, order in ((">", "ASC"), ("<", "DESC"))
    )
    return newer, older


def list_regressions(connection: sqlite3.Connection, error_id: int, limit: int) -> list[int]:
    """Return the timestamps of the latest kept occurrences that reopened the error, latest first.

    In epoch milliseconds.
    """
    rows = connection.execute(
        """
        SELECT timestamp_ms FROM occurrence WHERE error_id = ? AND regression = 1
        ORDER BY second DESC, ordinal DESC LIMIT ?
        """,
        (error_id, limit),
    )
    return [timestamp_ms for (timestamp_ms,) in rows]


def list_latest_payloads(
    connection: sqlite3.Connection, codec: PayloadCodec, error_ids: Sequence[int]
) -> list[bytes]:
    """Return the payload of each error's latest occurrence, in no order."""
    rows = connection.execute(
        """
        SELECT occurrence.dictionary_id, occurrence.payload
        FROM json_each(?) AS wanted JOIN occurrence ON occurrence.id = (
            SELECT id FROM occurrence WHERE error_id = wanted.value
            ORDER BY second DESC, ordinal DESC LIMIT 1
        )
        """,
        (msgspec.json.encode(error_ids).decode(),),
    )
    return [codec.decompress(dictionary_id, payload) for dictionary_id, payload in rows]


def list_occurrences(
    connection: sqlite3.Connection,
    codec: PayloadCodec,
    error_id: int,
    *,
    after: tuple[int, int] | None,
    limit: int,
) -> OccurrencePage:
    """Return up to ``limit`` occurrences after the (second, ordinal) ``after``, newest first.

    A page ends early past MAX_PAGE_BYTES; it is empty only where nothing follows.
    """
    condition, place = "", tuple[int, ...]()
    if after is not None:
        condition, place = "AND (second, ordinal) < (?, ?)", after
    rows = connection.execute(
        f"""
        SELECT {_COLUMNS} FROM occurrence WHERE error_id = ? {condition}
        ORDER BY second DESC, ordinal DESC LIMIT ?
        """,
        (error_id, *place, limit + 1),
    )
    page: list[Occurrence] = []
    size_bytes = 0
    for row in rows:
        if len(page) == limit or size_bytes > MAX_PAGE_BYTES:
            return OccurrencePage(page, has_more=True)
        page.append(_to_occurrence(codec, row))
        size_bytes += len(page[-1].payload)
    return OccurrencePage(page, has_more=False)


def _to_occurrence(codec: PayloadCodec, row: Sequence[int | bytes]) -> Occurrence:
    second, ordinal, timestamp_ms, received_ms, dictionary_id, payload = row
    return Occurrence(
        second=int(second),
        ordinal=int(ordinal),
        timestamp_ms=int(timestamp_ms),
        received_ms=int(received_ms),
        payload=codec.decompress(int(dictionary_id), bytes(payload)),
    )
