"""Numbers and times as text, the same in every language; the visitor's zone is the browser's."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SIZE_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
_COUNT_UNITS = ("", "k", "M", "G", "T")
#: Control characters, shown as the pictures that Unicode has of them. What turns the direction of
#: text round is among them: left open, it would reach beyond the text that it is in.
_PICTURES = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n\r"},
    0x7F: 0x2421,
    **dict.fromkeys([*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)], 0xFFFD),
}
_INVISIBLE = re.compile("[^\t\n\r -~\xa0-\u2029\u202f-\u2065\u206a-\U0010ffff]")


def visible(text: str) -> str:
    """Return the text without characters that do something instead of being seen."""
    return text.translate(_PICTURES) if _INVISIBLE.search(text) else text


def to_datetime(epoch_ms: int) -> datetime:
    """Return the time in UTC."""
    return _EPOCH + timedelta(milliseconds=epoch_ms)


def iso_time(epoch_ms: int) -> str:
    """Return what stands in the ``datetime`` of a ``<time>``: RFC 3339 to the millisecond."""
    return to_datetime(epoch_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def utc_time(epoch_ms: int) -> str:
    """Return the exact time for people: ``2016-12-07 00:00:00 UTC``."""
    return f"{to_datetime(epoch_ms).isoformat(' ')[:19]} UTC"


def whole_number(number: int) -> str:
    """Return the number with a comma every three digits, as English and Japanese write it."""
    return f"{number:,}"


def short_number(number: int) -> str:
    """Return the number in at most five characters: ``999``, ``1.2k``, ``34k``, ``5.6M``."""
    if abs(number) < 1000:
        return str(number)
    value, unit = float(number), 0
    while abs(value) >= 999.5 and unit < len(_COUNT_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    digits = 1 if abs(value) < 9.95 else 0
    return f"{value:.{digits}f}{_COUNT_UNITS[unit]}"


def shorten(text: str, most: int) -> str:
    """Return at most so many characters of the text, with an ellipsis where some are left out."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def size_text(size_bytes: int) -> str:
    """Return the size with the unit that suits it: ``512 bytes``, ``3.4 MiB``."""
    value, unit = float(size_bytes), 0
    while abs(value) >= 1024 and unit < len(_SIZE_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.1f} {_SIZE_UNITS[unit]}" if unit else f"{size_bytes} {_SIZE_UNITS[0]}"


def bars_path(counts: Sequence[int], width: int, height: int) -> str:
    """Return the ``d`` of an SVG path with a bar for each count, the highest of full height.

    A count above nothing is at least one unit high: an occurrence is never invisible.
    """
    highest = max(counts, default=0)
    if highest == 0:
        return ""
    step = width / len(counts)
    thickness = step * 0.75
    bars = []
    for number, count in enumerate(counts):
        if count:
            tall = max(1.0, count / highest * height)
            bars.append(f"M{number * step:.4g} {height}v-{tall:.4g}h{thickness:.4g}V{height}z")
    return "".join(bars)
