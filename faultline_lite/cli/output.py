"""Text for a terminal: tables, and reports' text that cannot steer the terminal."""

import unicodedata
from collections.abc import Sequence

import click

#: Longer cells are cut in tables; --json has them whole.
MAX_CELL_COLUMNS = 80
#: Invisible, or turning the direction of what follows (Unicode's general categories).
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str) -> str:
    """Return the text with every control, format and unassigned character as an escape."""
    return "".join(
        character if unicodedata.category(character) not in _UNSAFE else _escape(character)
        for character in text
    )


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under headings; numbers to the right, Japanese counted as two columns wide."""
    cells = [[_cut(printable(str(value))) for value in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(headings, *cells, strict=True)]
    numeric = [
        bool(rows) and all(type(row[n]) is int for row in rows) for n in range(len(headings))
    ]
    for line in [list(headings), *cells]:
        padded = [
            _pad(cell, width, right=right)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ]
        click.echo("  ".join(padded).rstrip())


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _cut(text: str) -> str:
    if _width(text) <= MAX_CELL_COLUMNS:
        return text
    while _width(text) > MAX_CELL_COLUMNS - 1:
        text = text[: min(len(text) - 1, MAX_CELL_COLUMNS)]
    return f"{text}…"


def _pad(text: str, width: int, *, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space
