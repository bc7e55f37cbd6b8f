"""Copies of the database beside it: made only where the disk has room for them.

What a copy takes must not be taken from what ``min_free_bytes`` keeps free: retention would make
that room anew by letting go of what was to be kept safe.
"""

import contextlib
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from faultline_lite.exceptions import NoRoomError

MIB = 2**20


def copy_database(connection: sqlite3.Connection, target: Path, min_free_bytes: int) -> None:
    """Copy the whole database, as of one moment, to ``target``, readable by the owner alone.

    One step of SQLite's backup under one read transaction: writers go on, and nothing restarts it.
    Raises NoRoomError, with nothing written, where less than ``min_free_bytes`` would stay free.
    """
    check_room(target.parent, _measure_bytes(connection), min_free_bytes)
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    with closing(sqlite3.connect(target)) as copy:
        connection.backup(copy)
        # In WAL mode a reader of the copy would have to create files beside it.
        copy.execute("PRAGMA journal_mode = DELETE")


def check_room(folder: Path, size_bytes: int, min_free_bytes: int) -> None:
    """Raise NoRoomError unless ``min_free_bytes`` stay free beside a copy of that size.

    0 or less is no limit; then it has to fit.
    """
    free_bytes = shutil.disk_usage(folder).free
    kept_bytes = max(0, min_free_bytes)
    if free_bytes - size_bytes < kept_bytes:
        raise NoRoomError(
            f"there is no room for a copy of the database: it takes {_to_mib(size_bytes)} MiB, "
            f"the disk has {free_bytes // MIB} MiB free, of which {_to_mib(kept_bytes)} MiB are "
            "kept (min_free_bytes)"
        )


def unsent_copy(path: Path, token: str) -> Path:
    """Return where a copy is made that is sent away and then removed."""
    return path.with_name(f"{path.name}.unsent-{token}")


def measure_unsent_bytes(path: Path) -> int:
    """Return what copies take that are sent away and then removed: it comes back by itself."""
    size_bytes = 0
    for each in _list_unsent(path):
        # It may just have gone.
        with contextlib.suppress(FileNotFoundError):
            size_bytes += each.stat().st_size
    return size_bytes


def remove_unsent_copies(path: Path) -> None:
    """Remove what a process left that was killed while it sent a copy."""
    for each in _list_unsent(path):
        each.unlink()


def _list_unsent(path: Path) -> list[Path]:
    beginning = unsent_copy(path, "").name
    return [each for each in path.parent.iterdir() if each.name.startswith(beginning)]


def _measure_bytes(connection: sqlite3.Connection) -> int:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    return int(pages) * int(page_bytes)


def _to_mib(size_bytes: int) -> int:
    return -(-size_bytes // MIB)
