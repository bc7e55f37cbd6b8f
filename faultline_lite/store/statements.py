"""Statements over many rows at once.

A row of its own costs a statement several crossings between Python and SQLite, in each of which
the threads may have to wait for the interpreter's lock; one statement over 64 rows costs them once.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

#: Few distinct sizes, so that every statement stays in the connection's cache of compiled ones.
_SIZES = (64, 8, 1)


def execute_rows(
    connection: sqlite3.Connection, template: str, rows: Sequence[Sequence[Any]]
) -> Iterator[tuple[Any, ...]]:
    """Run ``template`` over the rows, many at a time, and yield the rows that it returns.

    ``{rows}`` in the template becomes a VALUES list ``(?, ?), (?, ?), ...``. What it returns comes
    in the order of the rows only where the statement orders it. The caller must exhaust the
    iterator.
    """
    start = 0
    for size in _SIZES:
        while len(rows) - start >= size:
            chunk = rows[start : start + size]
            row = "(" + ", ".join("?" * len(chunk[0])) + ")"
            statement = template.format(rows=", ".join([row] * size))
            yield from connection.execute(statement, [value for row in chunk for value in row])
            start += size


def write_rows(
    connection: sqlite3.Connection, template: str, rows: Sequence[Sequence[Any]]
) -> None:
    """Run ``template`` over the rows like ``execute_rows``, for statements that return nothing."""
    for _ in execute_rows(connection, template, rows):
        raise AssertionError("the statement returns rows")
