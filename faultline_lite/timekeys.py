"""Times as the API has them: RFC 3339 texts, units of time, and the reversedUnixtime.

Inside they are epoch milliseconds in UTC.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple

Timeunit = Literal["year", "month", "day", "hour", "minute"]

#: faultline counts down from JavaScript's Number.MAX_SAFE_INTEGER, so that text order is newest
#: first.
MAX_SAFE_INTEGER = 2**53 - 1
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNIT_MS = {"minute": MINUTE_MS, "hour": HOUR_MS, "day": DAY_MS}
_MILLISECOND = timedelta(milliseconds=1)
#: The first and the last time that a datetime can hold, in the years 1 and 9999.
FIRST_MS = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
LAST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
#: RFC 3339, section 5.6; fromisoformat takes more than that.
_RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d):(\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:[0-5]\d)", re.ASCII
)
_REVERSED = re.compile(r"(\d{16})(?:-([1-9]\d{0,9}))?", re.ASCII)


class Span(NamedTuple):
    """A row of whole units of time: the first begins at start_ms, the last one ends at end_ms."""

    start_ms: int
    end_ms: int
    timeunit: Timeunit

    def starts(self) -> Iterator[int]:
        """Yield the epoch milliseconds at which each unit begins."""
        start_ms = self.start_ms
        while start_ms < self.end_ms:
            yield start_ms
            _, start_ms = bucket_bounds_ms(start_ms, self.timeunit)


def parse_time(text: str) -> int:
    """Return the epoch milliseconds of an RFC 3339 time; a finer fraction is cut.

    A leap second counts as the last millisecond of its minute, as Unix time has no place for it.
    Raises ValueError, which says what is wrong, also for times outside the years 1 to 9999.
    """
    found = _RFC_3339.fullmatch(text)
    if found is None:
        raise ValueError("not an RFC 3339 time such as 2016-12-07T00:00:00+09:00")
    day, minute, second, fraction, offset = found.groups()
    if second == "60":
        second, fraction = "59", "999"
    milliseconds = (fraction or "")[:3].ljust(3, "0")
    offset = "+00:00" if offset in "Zz" else offset
    try:
        moment = datetime.fromisoformat(f"{day}T{minute}:{second}.{milliseconds}{offset}")
        return (moment.astimezone(UTC) - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError):
        raise ValueError("no such day or time of day") from None


def format_time(epoch_ms: int) -> str:
    """Return the time as ``YYYY-MM-DDTHH:MM:SS+00:00``."""
    return _format_second(epoch_ms // 1000)


@lru_cache(64)
def _format_second(second: int) -> str:
    # Asked for the same few all the time.
    return (_EPOCH + timedelta(seconds=second)).isoformat()


def bucket_bounds_ms(epoch_ms: int, timeunit: Timeunit) -> tuple[int, int]:
    """Return the beginning of the unit of time, in UTC, that the time falls in, and of the next."""
    unit_ms = _UNIT_MS.get(timeunit)
    if unit_ms is not None:
        start_ms = epoch_ms - epoch_ms % unit_ms
        return start_ms, start_ms + unit_ms
    moment = _EPOCH + timedelta(milliseconds=epoch_ms)
    if timeunit == "year":
        return _month_ms(moment.year, 1), _month_ms(moment.year + 1, 1)
    following = (moment.year + 1, 1) if moment.month == 12 else (moment.year, moment.month + 1)
    return _month_ms(moment.year, moment.month), _month_ms(*following)


def span_within(start_ms: int, end_ms: int, timeunit: Timeunit) -> Span:
    """Return the units of time that begin within start and end, both included."""
    unit_start_ms, unit_end_ms = bucket_bounds_ms(start_ms, timeunit)
    first_ms = start_ms if unit_start_ms == start_ms else unit_end_ms
    return Span(first_ms, max(first_ms, bucket_bounds_ms(end_ms, timeunit)[1]), timeunit)


def span_around(start_ms: int, end_ms: int, timeunit: Timeunit) -> Span:
    """Return the units of time from the one that start is in to the one that end is in."""
    return span_within(bucket_bounds_ms(start_ms, timeunit)[0], end_ms, timeunit)


def reversed_unixtime(second: int, ordinal: int) -> str:
    """Return the address of an occurrence: its second counted down, 16 digits.

    The second and later occurrences of a second carry their ordinal behind a hyphen.
    """
    text = f"{MAX_SAFE_INTEGER - second:016d}"
    return text if ordinal == 1 else f"{text}-{ordinal}"


def parse_reversed_unixtime(text: str) -> tuple[int, int]:
    """Return (second, ordinal) of such an address. Raises ValueError where it is none."""
    found = _REVERSED.fullmatch(text)
    if found is None or found[2] == "1":
        raise ValueError("not a reversedUnixtime")
    return MAX_SAFE_INTEGER - int(found[1]), int(found[2] or 1)


def _month_ms(year: int, month: int) -> int:
    if year > 9999:
        return LAST_MS + 1
    return (datetime(year, month, 1, tzinfo=UTC) - _EPOCH) // _MILLISECOND
