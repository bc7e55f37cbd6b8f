"""The pages that the database file consists of."""

import sqlite3


def get_page_bytes(connection: sqlite3.Connection) -> int:
    """Return the size of a page."""
    (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    return int(page_bytes)


def get_free_pages(connection: sqlite3.Connection) -> int:
    """Return the pages of the file that hold nothing."""
    (pages,) = connection.execute("PRAGMA freelist_count").fetchone()
    return int(pages)


def get_used_bytes(connection: sqlite3.Connection) -> int:
    """Return the bytes of the pages that hold something."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    return (int(pages) - get_free_pages(connection)) * get_page_bytes(connection)


def release_pages(connection: sqlite3.Connection, limit: int) -> None:
    """Give up to ``limit`` empty pages back to the file system."""
    connection.execute(f"PRAGMA incremental_vacuum({limit:d})").fetchall()
