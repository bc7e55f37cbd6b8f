"""Print a table of results."""

from collections.abc import Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """A measurement beside what it is compared with, and what is to be reached, in words."""

    what: str
    unit: str
    ours: float
    reference: float
    goal: str


def print_comparison(reference: str, rows: Sequence[Row]) -> None:
    """Print the rows with their ratios; ``reference`` heads the column that ours is beside."""
    headings = ("what", "unit", "ours", reference, "ratio", "goal")
    print_table(
        headings,
        [
            (
                row.what,
                row.unit,
                _format(row.ours),
                _format(row.reference),
                f"{row.ours / row.reference:.2f}",
                row.goal,
            )
            for row in rows
        ],
    )


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for row in (headings, *rows):
        first, *rest = (
            cell.ljust(width) if n == 0 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join((first, *rest)))


def _format(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:,.2f}"
