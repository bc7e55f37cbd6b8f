"""The boundary between asyncio and SQLite: writes in groups, reads beside them."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from faultline_lite.database import MAX_WAL_BYTES, Database
from faultline_lite.exceptions import DatabaseUnavailableError
from faultline_lite.metrics import Metrics

pytestmark = pytest.mark.anyio


def insert(connection: sqlite3.Connection, name: str) -> str:
    connection.execute("INSERT INTO project (name, created_ms) VALUES (?, 1)", (name,))
    return name


class InsertAll:
    """Inserts all names that wait, and remembers nothing."""

    def execute(self, connection: sqlite3.Connection, items: Sequence[str]) -> list[str]:
        return [insert(connection, name) for name in items]

    def forget(self) -> None:
        pass


insert_all = InsertAll()


def list_names(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("SELECT name FROM project ORDER BY id").fetchall()
    return [name for (name,) in rows]


@contextmanager
def reader(path: Path) -> Iterator[sqlite3.Connection]:
    """A foreign connection that reads, and goes on seeing the state of now."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM project").fetchone()
        yield connection
        connection.execute("ROLLBACK")


async def test_write_is_read_afterwards(database: Database) -> None:
    assert await database.write(insert, "a") == "a"
    assert await database.read(list_names) == ["a"]
    assert await database.maintain(list_names) == ["a"]


async def test_background_work_pauses_only_while_reports_wait(database: Database) -> None:
    async with asyncio.timeout(5):
        await database.give_way(3600)


async def test_failed_write_raises_and_leaves_nothing(database: Database) -> None:
    def insert_and_fail(connection: sqlite3.Connection) -> None:
        insert(connection, "a")
        raise LookupError("of the caller's own")

    with pytest.raises(LookupError, match="of the caller's own"):
        await database.write(insert_and_fail)
    with pytest.raises(sqlite3.IntegrityError):
        await asyncio.gather(*(database.write(insert, name) for name in ("a", "a")))

    assert await database.read(list_names) == ["a"]
    assert database.failure is None


async def test_reads_cannot_write(database: Database) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await database.read(insert, "a")


async def test_caller_that_gives_up_does_not_stop_the_write(database: Database) -> None:
    waiting = asyncio.create_task(database.write_grouped(insert_all, "a", 1))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await database.write(insert, "b")

    assert await database.read(list_names) == ["a", "b"]
    assert database.queued_bytes == 0


async def test_close_commits_what_waits_and_refuses_what_comes(
    database_path: Path, anyio_backend: str
) -> None:
    database = Database(database_path, "full", Metrics())
    writes = [
        asyncio.create_task(database.write_grouped(insert_all, f"name {number}", 1))
        for number in range(50)
    ]
    await asyncio.sleep(0)
    await database.close()
    with pytest.raises(DatabaseUnavailableError, match="shutting down"):
        await database.write(insert, "late")
    written = await asyncio.gather(*writes)

    with closing(sqlite3.connect(database_path)) as connection:
        assert list_names(connection) == written
    assert not database.files["log"].exists()


async def test_writes_go_on_while_somebody_reads(database: Database) -> None:
    with reader(database.path) as foreign:
        await database.write(insert, "a")
        await database.write_grouped(insert_all, "b", 1)
        await database.checkpoint()

        assert list_names(foreign) == []
        assert await database.read(list_names) == ["a", "b"]


async def test_writes_go_on_while_all_readers_are_busy(database: Database) -> None:
    release = threading.Event()

    def wait(_: sqlite3.Connection) -> None:
        release.wait()

    reads = [asyncio.create_task(database.read(wait)) for _ in range(8)]
    upkeep = asyncio.create_task(database.maintain(wait))
    await database.write(insert, "a")
    await database.write_grouped(insert_all, "b", 1)
    await database.checkpoint()
    busy = [each.done() for each in (*reads, upkeep)]
    release.set()
    await asyncio.gather(*reads, upkeep)

    assert busy == [False] * 9
    assert await database.read(list_names) == ["a", "b"]


async def test_large_log_is_emptied_and_nobody_waits_for_a_reader(database: Database) -> None:
    def fill(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE IF NOT EXISTS filler (content BLOB)")
        connection.execute("INSERT INTO filler VALUES (randomblob(?))", (MAX_WAL_BYTES,))

    await database.write(fill)
    with reader(database.path):
        await database.write(insert, "a")
        # A writer that waited for the reader would do so for longer.
        async with asyncio.timeout(4):
            await database.checkpoint()
            await database.write(insert, "b")
    size_with_reader = database.files["log"].stat().st_size
    await database.checkpoint()
    await database.write(fill)
    await database.checkpoint()

    assert size_with_reader > MAX_WAL_BYTES
    # It began anew, instead of growing on.
    assert database.files["log"].stat().st_size < 2 * MAX_WAL_BYTES
    assert await database.read(list_names) == ["a", "b"]


async def test_lock_of_a_foreign_tool_is_told_and_got_over(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(sqlite3.connect(database.path, isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        writes = [database.write_grouped(insert_all, name, 1) for name in ("a", "b")]
        results = await asyncio.gather(*writes, return_exceptions=True)
        failure = database.failure
        foreign.execute("ROLLBACK")
    await database.write(insert, "c")

    assert [str(result) for result in results] == [
        "the database cannot be written: database is locked"
    ] * 2
    assert failure == "the database cannot be written: database is locked"
    assert database.failure is None
    assert await database.read(list_names) == ["c"]
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_reads_go_on_while_a_foreign_tool_holds_the_lock(database: Database) -> None:
    await database.write(insert, "a")
    with closing(sqlite3.connect(database.path, isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")

        assert await database.read(list_names) == ["a"]
