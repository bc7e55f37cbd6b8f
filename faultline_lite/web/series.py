"""Small time series for the rows of a list: the last hours as bars."""

import sqlite3
from collections.abc import Sequence

from faultline_lite.models import Bucket
from faultline_lite.store.timeline import fill_buckets, list_error_buckets, list_project_buckets
from faultline_lite.timekeys import HOUR_MS, Span, span_around

SPARKLINE_HOURS = 24


def sparkline_span(now_ms: int) -> Span:
    """Return the last 24 hours, the one that has begun included."""
    return span_around(now_ms - (SPARKLINE_HOURS - 1) * HOUR_MS, now_ms, "hour")


def error_sparklines(
    connection: sqlite3.Connection, error_ids: Sequence[int], now_ms: int
) -> dict[int, list[int]]:
    """Return for each error its occurrences in each of the last 24 hours."""
    span = sparkline_span(now_ms)
    return _counts(list_error_buckets(connection, error_ids, span), span)


def project_sparklines(
    connection: sqlite3.Connection, project_ids: Sequence[int], now_ms: int
) -> dict[int, list[int]]:
    """Return for each project its occurrences in each of the last 24 hours."""
    span = sparkline_span(now_ms)
    return _counts(list_project_buckets(connection, project_ids, span), span)


def _counts(buckets: dict[int, list[Bucket]], span: Span) -> dict[int, list[int]]:
    return {
        owner_id: [bucket.count for bucket in fill_buckets(found, span)]
        for owner_id, found in buckets.items()
    }
