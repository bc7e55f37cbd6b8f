"""The database file: made, upgraded with a copy beside it, refused where it is not ours."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database as Tables

from faultline_lite.copies import copy_database
from faultline_lite.database import PAGE_BYTES, connect
from faultline_lite.database_file import (
    APPLICATION_ID,
    lock_database,
    prepare_database,
    quick_check,
)
from faultline_lite.exceptions import DatabaseInUseError, DatabaseUnusableError, NoRoomError
from faultline_lite.migrations import migrations

ALL = [migration.name for migration in migrations.pending(Tables(memory=True))]


def read_schema(path: Path) -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name"
        ).fetchall()


def make_old_database(path: Path, stop_before: str) -> None:
    """Make the database that a version without that migration, and those behind it, has made."""
    with closing(connect(path)) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        migrations.apply(Tables(connection, execute_plugins=False), stop_before=stop_before)
        connection.execute("INSERT INTO project (name, created_ms) VALUES ('old', 1)")


def list_copies(folder: Path) -> list[Path]:
    return sorted(folder.glob("faultline.db.before-upgrade-*"))


def test_new_file_is_made_ready(tmp_path: Path) -> None:
    path = tmp_path / "faultline.db"
    copy = prepare_database(path)
    with closing(connect(path)) as connection:
        pragmas = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("application_id", "auto_vacuum", "journal_mode", "page_size")
        }

    assert copy is None
    assert pragmas == {
        "application_id": APPLICATION_ID,
        "auto_vacuum": 2,
        "journal_mode": "wal",
        "page_size": PAGE_BYTES,
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list_copies(tmp_path) == []


def test_current_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "faultline.db"
    prepare_database(path)
    before = path.read_bytes()
    copy = prepare_database(path)

    assert copy is None
    assert path.read_bytes() == before


@pytest.mark.parametrize("stop_before", ALL[1:])
def test_older_file_is_upgraded_to_the_same_schema_with_a_copy_beside_it(
    tmp_path: Path, stop_before: str
) -> None:
    old, fresh = tmp_path / "faultline.db", tmp_path / "fresh.db"
    make_old_database(old, stop_before)
    schema_before = read_schema(old)
    copy = prepare_database(old)
    prepare_database(fresh)

    assert read_schema(old) == read_schema(fresh)
    assert quick_check(old) == []
    assert copy is not None
    assert list_copies(tmp_path) == [copy]
    assert read_schema(copy) == schema_before
    assert quick_check(copy) == []
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    for path in (old, copy):
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT name FROM project").fetchall() == [("old",)]


def test_upgrade_whose_copy_has_no_room_is_refused_and_leaves_the_file_alone(
    tmp_path: Path,
) -> None:
    path = tmp_path / "faultline.db"
    make_old_database(path, ALL[-1])
    schema_before = read_schema(path)

    with pytest.raises(NoRoomError, match=r"is not upgraded.* no room for a copy"):
        prepare_database(path, min_free_bytes=2**60)

    assert list_copies(tmp_path) == []
    assert read_schema(path) == schema_before
    assert prepare_database(path, min_free_bytes=1) is not None


def test_all_tables_are_strict(tmp_path: Path) -> None:
    path = tmp_path / "faultline.db"
    prepare_database(path)
    with closing(sqlite3.connect(path)) as connection:
        loose = connection.execute(
            """
            SELECT name FROM pragma_table_list
            WHERE schema = 'main' AND type = 'table' AND NOT strict
            AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '\\_%' ESCAPE '\\'
            ORDER BY name
            """
        ).fetchall()

    assert loose == []


def test_file_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "faultline.db"
    prepare_database(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            """
            INSERT INTO _sqlite_migrations (migration_set, name, applied_at)
            VALUES ('faultline-lite', 'of_tomorrow', '2999-01-01')
            """
        )
    with pytest.raises(DatabaseUnusableError, match="newer version of faultline-lite: install"):
        prepare_database(path)

    assert list_copies(tmp_path) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE _sqlite_migrations SET name = 'given_up' WHERE name = 'create_census'",
        "ALTER TABLE project DROP COLUMN created_ms",
        "DROP TABLE ended_session",
        "DROP INDEX outbox_by_error",
    ],
)
def test_file_of_a_version_that_was_never_released_is_refused(tmp_path: Path, change: str) -> None:
    path = tmp_path / "faultline.db"
    prepare_database(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(change)

    for look in (prepare_database, quick_check):
        with pytest.raises(DatabaseUnusableError, match=r"a development version.*: move it away"):
            look(path)

    assert list_copies(tmp_path) == []


def test_file_with_tables_and_indexes_of_others_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "faultline.db"
    prepare_database(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)")
        connection.execute("CREATE INDEX mine ON error (type)")

    assert prepare_database(path) is None


def test_file_that_another_program_writes_is_refused_with_what_helps(tmp_path: Path) -> None:
    path = tmp_path / "faultline.db"
    prepare_database(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseUnusableError, match="is locked: close the other program"):
            prepare_database(path)


def test_folder_that_cannot_be_made_is_refused_with_what_is_needed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(DatabaseUnusableError, match=r"file cannot be written to: .*: the db needs"):
        lock_database(tmp_path / "file" / "faultline.db")


def test_file_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "faultline.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE precious (id INTEGER)")
    before = path.read_bytes()
    with pytest.raises(DatabaseUnusableError, match="is a database of another program"):
        prepare_database(path)

    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"no database at all", b"SQLite format 3\x00" + b"x" * 5000])
def test_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "faultline.db"
    path.write_bytes(content)
    with pytest.raises(DatabaseUnusableError, match=r"put a backup in its place"):
        prepare_database(path)

    assert path.read_bytes() == content


def test_damage_is_found(tmp_path: Path) -> None:
    path = tmp_path / "faultline.db"
    prepare_database(path)
    content = bytearray(path.read_bytes())
    content[PAGE_BYTES * 3 : PAGE_BYTES * 4] = b"\xa5" * PAGE_BYTES
    path.write_bytes(content)
    try:
        problems = quick_check(path)
    except DatabaseUnusableError as error:
        problems = [str(error)]

    assert problems


def test_copy_never_overwrites(tmp_path: Path) -> None:
    path, target = tmp_path / "faultline.db", tmp_path / "copy.db"
    prepare_database(path)
    target.write_text("precious")
    with closing(connect(path)) as connection, pytest.raises(FileExistsError):
        copy_database(connection, target, 0)

    assert target.read_text() == "precious"


def test_file_is_claimed_by_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "faultline.db"
    with lock_database(path):
        with pytest.raises(DatabaseInUseError):
            lock_database(path)
        # By another name of it, too.
        with pytest.raises(DatabaseInUseError):
            lock_database(tmp_path / "folder" / ".." / "folder" / "faultline.db")
    with lock_database(path):
        pass

    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
