"""Text for a terminal: tables, and reports' text that cannot steer the terminal."""

import json
import shutil
import sys
import time
import unicodedata
from collections.abc import Sequence
from typing import Any

import click
import msgspec

from faultline_lite.timekeys import MINUTE_MS, parse_time

#: Longer cells are cut in tables; --json has them whole.
MAX_CELL_COLUMNS = 80
#: What a terminal leaves of them at least. All columns of a list fit into 80 with that.
LEAST_CELL_COLUMNS = 12
_GAP = "  "
#: Invisible, or turning the direction of what follows (Unicode's general categories).
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class Moment(str):
    """A time as the API writes it, of which a table shows how long ago it was on a terminal."""

    __slots__ = ()


def printable(text: str) -> str:
    """Return the text with every control, format and unassigned character as an escape."""
    return "".join(_escape(character) if _is_unsafe(character) else character for character in text)


def json_text(value: Any) -> str:
    """Return the value as indented JSON: the same value, and as safe to print as ``printable``."""
    return _escape_json(json.dumps(value, ensure_ascii=False, indent=2))


def json_line(raw: bytes) -> str:
    """Return JSON as one line of it: the same value, and as safe to print as ``printable``."""
    return _escape_json(msgspec.json.format(raw, indent=-1).decode())


def print_table(
    headings: Sequence[str], rows: Sequence[Sequence[object]], *, whole: bool = False
) -> None:
    """Print rows under headings; numbers to the right, Japanese counted as two columns wide.

    Cells are cut at MAX_CELL_COLUMNS, and further to fit a terminal, unless they are wanted
    ``whole``.
    """
    limit = sys.maxsize if whole else MAX_CELL_COLUMNS
    fits = not whole and sys.stdout.isatty()
    shown = [[_shorten(value) if fits else str(value) for value in row] for row in rows]
    cells = [[_cut(printable(text), limit) for text in row] for row in shown]
    widths = [max(map(_width, column)) for column in zip(headings, *cells, strict=True)]
    if fits:
        widths = fit_widths(widths, shutil.get_terminal_size().columns)
        cells = [
            [_cut(cell, width) for cell, width in zip(row, widths, strict=True)] for row in cells
        ]
    numeric = [
        bool(rows) and all(type(row[n]) is int for row in rows) for n in range(len(headings))
    ]
    for line in [list(headings), *cells]:
        padded = [
            _pad(cell, width, right=right)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ]
        click.echo(_GAP.join(padded).rstrip())


def print_more(shown: int, most: int) -> None:
    """Say on standard error that what was shown is not all, and how to see more of it.

    ``most`` is what ``--limit`` takes.
    """
    how = f"--limit shows up to {most}" if shown < most else "there are more"
    click.echo(f"the first {shown}; {how}", err=True)


def fit_widths(widths: Sequence[int], columns: int) -> list[int]:
    """Return the widths of a table's columns, the widest of them narrowed to fit into ``columns``.

    None becomes narrower than LEAST_CELL_COLUMNS: rather a line is broken.
    """
    fitted = list(widths)
    surplus = sum(fitted) + len(_GAP) * (len(fitted) - 1) - columns
    for _ in range(surplus):
        widest = max(fitted)
        if widest <= LEAST_CELL_COLUMNS:
            break
        fitted[fitted.index(widest)] -= 1
    return fitted


def tell_age(moment: str, now_ms: int) -> str:
    """Return how long ago the moment is, as ``3h ago``; a time that is none as it is."""
    try:
        minutes = (now_ms - parse_time(moment)) // MINUTE_MS
    except ValueError:
        return moment
    if minutes < 1:
        return "now"
    if minutes < 60:
        return f"{minutes}m ago"
    hours = minutes // 60
    return f"{hours}h ago" if hours < 48 else f"{hours // 24}d ago"


def _shorten(value: object) -> str:
    if isinstance(value, Moment):
        return tell_age(value, time.time_ns() // 1_000_000)
    return str(value)


def _is_unsafe(character: str) -> bool:
    return unicodedata.category(character) in _UNSAFE


def _escape_json(text: str) -> str:
    if text.isprintable():
        # As nearly all are, and much quicker to tell.
        return text
    # Outside of strings JSON has no character that is unsafe but the line break.
    return "".join(
        json.dumps(character)[1:-1] if character != "\n" and _is_unsafe(character) else character
        for character in text
    )


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _width(text: str) -> int:
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _cut(text: str, limit: int) -> str:
    if _width(text) <= limit:
        return text
    columns = 0
    for end, character in enumerate(text):
        columns += _columns(character)
        if columns > limit - 1:
            return f"{text[:end]}…"
    return text


def _pad(text: str, width: int, *, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space
