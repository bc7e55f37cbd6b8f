"""Statements over many rows at once.

Between two steps of a statement the threads may have to wait for the interpreter's lock, and every
row that a statement returns is a step, as is every row that a statement of its own writes. So rows
are written many at a time, and read as one JSON array.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec

#: Rows of one statement.
_MOST = 64
#: Up to so many rows every number has a statement of its own, beyond it every multiple: few enough
#: for all of them to stay in the connection's cache of compiled statements.
_FINE = 16


def write_rows(
    connection: sqlite3.Connection, template: str, rows: Sequence[Sequence[Any]]
) -> None:
    """Run ``template`` over the rows; ``{rows}`` in it becomes a list ``(?, ?), (?, ?), ...``.

    What looks rows up by a key says ``IN (SELECT * FROM (VALUES {rows}))``: for a bare list of
    pairs SQLite reads the whole table.
    """
    for statement, values in _fill(template, rows):
        connection.execute(statement, values)


def read_rows(
    connection: sqlite3.Connection, template: str, rows: Sequence[Sequence[Any]]
) -> Iterator[list[Any]]:
    """Run ``template`` like ``write_rows`` and yield what it finds.

    It must select one value, a ``json_group_array``, whose elements are yielded.
    """
    for statement, values in _fill(template, rows):
        (found,) = connection.execute(statement, values).fetchone()
        yield from msgspec.json.decode(found)


def _fill(template: str, rows: Sequence[Sequence[Any]]) -> Iterator[tuple[str, list[Any]]]:
    start = 0
    while start < len(rows):
        size = min(_MOST, len(rows) - start)
        if size > _FINE:
            size -= size % _FINE
        chunk = rows[start : start + size]
        yield _write_out(template, len(chunk[0]), size), [*chain.from_iterable(chunk)]
        start += size


@lru_cache(512)
def _write_out(template: str, columns: int, size: int) -> str:
    """Return the statement for so many rows; the same object each time, whose hash is known."""
    row = "(" + ", ".join("?" * columns) + ")"
    return template.format(rows=", ".join([row] * size))
