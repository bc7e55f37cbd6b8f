"""The database file before it is opened for work: owner, shape, version, upgrade, soundness."""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from filelock import FileLock, Timeout
from sqlite_utils import Database as Tables

from faultline_lite.copies import copy_database, remove_unsent_copies
from faultline_lite.database import PAGE_BYTES, connect
from faultline_lite.exceptions import DatabaseInUseError, DatabaseUnusableError, NoRoomError
from faultline_lite.migrations import migrations

#: "flt1", in the header of the file, as sqlite.org/pragma.html#pragma_application_id suggests.
APPLICATION_ID = 0x666C7431
#: What helps, by SQLite's primary result codes (sqlite.org/rescode.html).
_REMEDIES = {
    sqlite3.SQLITE_BUSY: "close the other program that has it open",
    sqlite3.SQLITE_CORRUPT: "put a backup in its place",
    sqlite3.SQLITE_FULL: "make room for it",
    sqlite3.SQLITE_NOTADB: "put a backup in its place, or name another db",
    sqlite3.SQLITE_READONLY: "let this user write to it and to its folder",
}


def lock_database(path: Path) -> FileLock:
    """Claim the file for this process; the claim ends with the process, also after a crash.

    Raises DatabaseInUseError when another server has it, DatabaseUnusableError where its folder
    cannot be written to.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(f"{path.resolve()}.lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise DatabaseInUseError(f"another faultline-lite serves {path}: stop it first") from None
    except OSError as error:
        raise DatabaseUnusableError(
            f"{path.parent} cannot be written to: {error.strerror}: "
            "the db needs a folder that this user may write to"
        ) from error
    return lock


def prepare_database(path: Path, min_free_bytes: int = 0) -> Path | None:
    """Create the file, or bring an older one up to date after a copy beside it.

    Returns the path of that copy, None where no upgrade was due. Raises DatabaseUnusableError when
    the file is not ours, is damaged, or was written by a newer version or one that was never
    released, and NoRoomError, with nothing changed, when the copy would leave less than
    ``min_free_bytes`` of the disk free.
    """
    # Errors hold personal data: the file, and the log that SQLite creates after its mode, is the
    # owner's alone.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    remove_unsent_copies(path)
    is_new = path.stat().st_size == 0
    try:
        with closing(connect(path)) as connection:
            if is_new:
                _stamp(connection)
            _check_owner(connection, path)
            connection.execute("PRAGMA journal_mode = WAL")
            tables = Tables(connection, execute_plugins=False)
            copy = None
            if not is_new and migrations.pending(tables):
                copy = _copy(connection, path, min_free_bytes)
            migrations.apply(tables)
            _check_shape(connection, path)
            return copy
    except sqlite3.DatabaseError as error:
        raise DatabaseUnusableError(f"{path} cannot be opened: {_explain(error)}") from error


def quick_check(path: Path) -> list[str]:
    """Return what SQLite's quick_check finds wrong, nothing for a sound file.

    Raises DatabaseUnusableError when the file cannot be read as a database of ours.
    """
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            _check_owner(connection, path)
            if not migrations.pending(Tables(connection, execute_plugins=False)):
                _check_shape(connection, path)
            rows = connection.execute("PRAGMA quick_check").fetchall()
    except sqlite3.DatabaseError as error:
        raise DatabaseUnusableError(f"{path} cannot be read: {_explain(error)}") from error
    return [text for (text,) in rows if text != "ok"]


def _explain(error: sqlite3.DatabaseError) -> str:
    """Return what SQLite says, and what helps, where that is known."""
    # A warning of Python's own has no code.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return f"{error}: {_REMEDIES[code]}" if code in _REMEDIES else str(error)


def _stamp(connection: sqlite3.Connection) -> None:
    """Set what SQLite takes only before the first table exists."""
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _check_owner(connection: sqlite3.Connection, path: Path) -> None:
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    if application_id != APPLICATION_ID:
        raise DatabaseUnusableError(f"{path} is a database of another program")
    tables = Tables(connection, recursive_triggers=False, execute_plugins=False)
    applied = {migration.name for migration in migrations.applied(tables)}
    # On an empty database every migration of this version is pending.
    known = {migration.name for migration in migrations.pending(Tables(memory=True))}
    if applied > known:
        raise DatabaseUnusableError(
            f"{path} was written by a newer version of faultline-lite: install that one, "
            "or start this one with another db"
        )
    if applied - known:
        raise _unreleased(path)


def _check_shape(connection: sqlite3.Connection, path: Path) -> None:
    """Raise DatabaseUnusableError where something of this version's schema is not there.

    Before a release the migrations were edited in place: their names do not tell.
    """
    with closing(sqlite3.connect(":memory:")) as fresh:
        migrations.apply(Tables(fresh, execute_plugins=False))
        expected = _read_shape(fresh)
    if expected - _read_shape(connection):
        raise _unreleased(path)


def _read_shape(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """Return the columns of all tables, and the indexes and triggers.

    Not the SQL that made them, which SQLite rewrites at times, in the words of its own version.
    """
    rows = connection.execute(
        """
        SELECT list.name, columns.name
        FROM pragma_table_list AS list JOIN pragma_table_xinfo(list.name) AS columns
        WHERE list.schema = 'main' AND list.type IN ('table', 'virtual')
        UNION ALL
        SELECT type, name FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL
        """
    )
    return set(rows)


def _unreleased(path: Path) -> DatabaseUnusableError:
    return DatabaseUnusableError(
        f"{path} was written by a development version of faultline-lite and cannot be upgraded: "
        "move it away to begin with an empty database"
    )


def _copy(connection: sqlite3.Connection, path: Path, min_free_bytes: int) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    target = path.with_name(f"{path.name}.before-upgrade-{stamp}")
    try:
        copy_database(connection, target, min_free_bytes)
    except NoRoomError as error:
        raise NoRoomError(f"{path} is not upgraded, which begins with a copy: {error}") from None
    return target
