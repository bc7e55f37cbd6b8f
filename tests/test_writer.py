"""What is written together, where it is executed, and what a failure takes along."""

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing

import pytest

from faultline_lite.database import Database, connect
from faultline_lite.exceptions import DatabaseUnavailableError
from faultline_lite.writer import MAX_GROUP_ITEMS, MAX_LITTLE_BYTES, MAX_QUEUED_BYTES

pytestmark = pytest.mark.anyio


class Names:
    """Stores names of projects, and remembers in which groups and threads that was."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.threads: set[str] = set()
        self.forgotten = 0

    def forget(self) -> None:
        self.forgotten += 1

    def execute(self, connection: sqlite3.Connection, names: Sequence[str]) -> list[str]:
        self.groups.append(list(names))
        self.threads.add(threading.current_thread().name)
        rows = [(name,) for name in names]
        connection.executemany("INSERT INTO project (name, created_ms) VALUES (?, 0)", rows)
        return [name.upper() for name in names]


class Late(Names):
    """Stores names but for "lost", of which it turns out at the commit that it cannot be."""

    def execute(self, connection: sqlite3.Connection, names: Sequence[str]) -> list[str]:
        if "lost" in names:
            connection.execute("PRAGMA defer_foreign_keys = ON")
            connection.execute("INSERT INTO address VALUES (77, x'00', 1)")
        return super().execute(connection, names)


def list_names(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM project ORDER BY id")]


async def test_items_that_wait_are_written_together_in_their_order(database: Database) -> None:
    names = Names()
    sent = [f"p{number}" for number in range(MAX_GROUP_ITEMS + 1)]

    results = await asyncio.gather(*(database.write_grouped(names, n, 1) for n in sent))

    assert results == [name.upper() for name in sent]
    assert names.groups == [sent[:-1], sent[-1:]]
    assert await database.read(list_names) == sent


async def test_group_ends_where_another_handler_has_its_turn(database: Database) -> None:
    names, others = Names(), Names()

    await asyncio.gather(
        database.write_grouped(names, "a", 1),
        database.write_grouped(names, "b", 1),
        database.write_grouped(others, "c", 1),
        database.write_grouped(names, "d", 1),
    )

    assert (names.groups, others.groups) == ([["a", "b"], ["d"]], [["c"]])
    assert await database.read(list_names) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("size_bytes", "thread"), [(MAX_LITTLE_BYTES, "MainThread"), (MAX_LITTLE_BYTES + 1, "writer")]
)
async def test_much_is_executed_beside_the_event_loop(
    database: Database, size_bytes: int, thread: str
) -> None:
    names = Names()

    await database.write_grouped(names, "a", size_bytes)

    assert names.threads == {thread}


async def test_single_write_is_executed_beside_the_event_loop(database: Database) -> None:
    assert await database.write(lambda _: threading.current_thread().name) == "writer"


async def test_little_does_not_wait_for_much(database: Database) -> None:
    names = Names()

    await asyncio.gather(
        database.write_grouped(names, "a", 1),
        database.write_grouped(names, "b", MAX_LITTLE_BYTES),
        database.write_grouped(names, "c", MAX_LITTLE_BYTES + 1),
        database.write_grouped(names, "d", 1),
    )

    assert names.groups == [["a"], ["b"], ["c", "d"]]


async def test_item_that_cannot_be_stored_leaves_its_neighbours(database: Database) -> None:
    names = Names()
    await database.write_grouped(names, "a", 1)

    results = await asyncio.gather(
        *(database.write_grouped(names, name, 1) for name in ("b", "a", "c")),
        return_exceptions=True,
    )

    assert [results[0], type(results[1]), results[2]] == ["B", sqlite3.IntegrityError, "C"]
    assert await database.read(list_names) == ["a", "b", "c"]


async def test_item_that_cannot_be_committed_leaves_its_neighbours(database: Database) -> None:
    names = Late()

    results = await asyncio.gather(
        *(database.write_grouped(names, name, 1) for name in ("a", "lost", "b")),
        return_exceptions=True,
    )

    assert [results[0], type(results[1]), results[2]] == ["A", sqlite3.IntegrityError, "B"]
    assert await database.read(list_names) == ["a", "b"]


async def test_handler_remembers_until_another_writes(database: Database) -> None:
    names = Names()
    for name in ("a", "b"):
        await database.write_grouped(names, name, 1)
    await database.write_grouped(names, "c", MAX_LITTLE_BYTES + 1)

    assert names.forgotten == 1

    await database.write(lambda connection: connection.execute("DELETE FROM project").rowcount)
    await database.write_grouped(names, "d", 1)

    assert names.forgotten == 2


async def test_handler_forgets_where_a_foreign_tool_has_written(database: Database) -> None:
    names = Names()
    await database.write_grouped(names, "a", 1)
    with closing(connect(database.path)) as foreign:
        foreign.execute("DELETE FROM project")

    await database.write_grouped(names, "b", 1)
    await database.write_grouped(names, "c", 1)

    assert names.forgotten == 2


@pytest.mark.parametrize("size_bytes", [1, MAX_LITTLE_BYTES + 1])
async def test_handler_forgets_what_was_undone(database: Database, size_bytes: int) -> None:
    names = Late()
    await database.write_grouped(names, "a", size_bytes)
    with pytest.raises(sqlite3.IntegrityError):
        await database.write_grouped(names, "lost", size_bytes)
    before = names.forgotten

    await database.write_grouped(names, "b", size_bytes)

    assert names.forgotten == before + 1


async def test_foreign_lock_is_waited_for_beside_the_event_loop(database: Database) -> None:
    names = Names()
    with closing(connect(database.path)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        written = asyncio.create_task(database.write_grouped(names, "a", 1))
        # The loop goes on: it reads while the write waits.
        assert await database.read(list_names) == []
        assert not written.done()
        foreign.execute("ROLLBACK")

        assert await written == "A"
    assert await database.read(list_names) == ["a"]


async def test_what_would_wait_too_long_is_refused(database: Database) -> None:
    names = Names()

    with pytest.raises(DatabaseUnavailableError) as refused:
        await database.write_grouped(names, "a", MAX_QUEUED_BYTES + 1)

    assert refused.value.retry_after_seconds == 1
    assert database.queued_bytes == 0


async def test_what_waits_is_written_before_the_end_and_nothing_after_it(
    database: Database,
) -> None:
    names = Names()
    waiting = [asyncio.create_task(database.write_grouped(names, n, 1)) for n in "abc"]
    await asyncio.sleep(0)

    await database.close()

    assert [await each for each in waiting] == ["A", "B", "C"]
    with closing(connect(database.path)) as connection:
        assert list_names(connection) == ["a", "b", "c"]
    with pytest.raises(DatabaseUnavailableError, match="shutting down"):
        await database.write_grouped(names, "d", 1)
