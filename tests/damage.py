"""A database file with a page that is not what it must be."""

import sqlite3
from contextlib import closing
from pathlib import Path


def damage(database: Path, table: str) -> None:
    """Overwrite the first page of the table; nobody has the file open."""
    with closing(sqlite3.connect(database)) as connection:
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)
        ).fetchone()
    with database.open("r+b") as file:
        file.seek((page - 1) * page_bytes)
        file.write(b"\xff" * page_bytes)
