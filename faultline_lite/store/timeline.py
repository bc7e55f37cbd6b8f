"""The time series of an error: occurrences a minute, summed up to any unit of time."""

import sqlite3

from faultline_lite.models import Bucket
from faultline_lite.timekeys import Timeunit, bucket_bounds_ms

MINUTE_MS = 60_000


def list_buckets(
    connection: sqlite3.Connection, error_id: int, start_ms: int, end_ms: int, timeunit: Timeunit
) -> list[Bucket]:
    """Return the buckets that hold an occurrence and begin within start and end, oldest first."""
    rows = connection.execute(
        """
        SELECT minute, count FROM timeline WHERE error_id = ? AND minute BETWEEN ? AND ?
        ORDER BY minute
        """,
        (error_id, -(-start_ms // MINUTE_MS), end_ms // MINUTE_MS),
    )
    if timeunit == "minute":
        return [Bucket(minute * MINUTE_MS, count) for minute, count in rows]
    counts: dict[int, int] = {}
    unit_start_ms = unit_ends_ms = 0
    for minute, count in rows:
        minute_ms = minute * MINUTE_MS
        # Only the first minute of each bucket needs the calendar.
        if not counts or minute_ms >= unit_ends_ms:
            unit_start_ms, unit_ends_ms = bucket_bounds_ms(minute_ms, timeunit)
        counts[unit_start_ms] = counts.get(unit_start_ms, 0) + count
    return [Bucket(start_ms, count) for start_ms, count in counts.items()]
