"""The index follows the occurrences: each once, none lost, whatever happens in between."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from typing import Any

import pytest

from faultline_lite.database import Database
from faultline_lite.models import NewOccurrence
from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.search.index_upkeep import LOOK_SECONDS
from faultline_lite.search.indexing import Indexing
from faultline_lite.search.query import parse_query
from faultline_lite.store import search_index as store
from faultline_lite.store.recording import Recorder
from faultline_lite.store.retention import delete_occurrences, erase_errors
from faultline_lite.store.search import search_errors
from faultline_lite.store.search_upkeep import list_outdated
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio

DAY_MS = 86_400_000


class Index:
    """A database with what indexes it."""

    def __init__(self, database: Database, clock: FakeClock) -> None:
        self.database = database
        self.codec = PayloadCodec()
        self.clock = clock
        self.indexing = Indexing(database, self.codec, clock)

    async def store(self, message: str, *values: Any, error: int = 1, payload: bytes = b"") -> None:
        content = {"message": message, "type": "_", "params": values}
        occurrence = NewOccurrence(
            project="shop",
            group_key=bytes([error]),
            address_keys=(),
            message=message,
            pattern=message,
            type="_",
            timestamp_ms=self.clock.now_ms(),
            received_ms=self.clock.now_ms(),
            payload=payload or json.dumps(content).encode(),
        )
        recorder = Recorder(self.codec, "minute")
        await self.database.write(recorder.record, [[occurrence]], {})

    async def found(self, q: str) -> list[str]:
        query = parse_query(q, self.clock.now_ms())
        page = await self.database.read(
            search_errors, self.codec, query, limit=100, after=None, seconds=60
        )
        return [hit.error.message for hit in page.hits]

    async def count(self, table: str) -> int:
        def read(connection: sqlite3.Connection) -> int:
            (rows,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
            return int(rows)

        return await self.database.read(read)

    async def delete(self, occurrence_ids: Iterable[int]) -> None:
        await self.database.write(delete_occurrences, [*occurrence_ids])


@pytest.fixture
def index(database: Database, clock: FakeClock) -> Index:
    return Index(database, clock)


async def test_what_an_error_has_had_is_indexed_once(index: Index) -> None:
    for _ in range(3):
        await index.store("broken", "blue")
        await index.indexing.catch_up()

    assert await index.count("search_row") == 1
    await index.store("broken", "green")
    await index.indexing.catch_up()
    assert await index.count("search_row") == 2
    assert await index.found("blue green") == ["broken"]


async def test_restarted_server_knows_what_is_indexed(index: Index) -> None:
    await index.store("broken", "blue 4711")
    await index.indexing.catch_up()
    restarted = Indexing(index.database, index.codec, index.clock)
    await index.store("broken", "blue 4711")
    await restarted.catch_up()

    assert await index.count("search_row") == 1
    assert await index.database.read(store.get_lag, 0) == (0, 0.0)


async def test_many_occurrences_are_indexed_in_one_run(index: Index) -> None:
    for number in range(200):
        await index.store(f"number {number}", error=number % 7)

    await index.indexing.catch_up()

    assert await index.database.read(store.get_lag, 0) == (0, 0.0)
    assert await index.found('"number 199"') == ["number 3"]


async def test_occurrence_deleted_while_it_is_read_is_not_indexed(index: Index) -> None:
    """Its id comes again, and what comes under it must not be taken for indexed."""
    await index.store("first")
    (occurrence,) = await index.database.read(store.list_unindexed, 10)
    await index.database.write(erase_errors, [occurrence.error_id], 100)
    await index.clock.advance(1)
    await index.store("second")

    row = store.make_row(index.codec, occurrence.error_id, occurrence.id, [])
    assert await index.database.write(store.insert_rows, [row], occurrence, 0) is None
    await index.indexing.catch_up()
    assert (await index.found("first"), await index.found("second")) == ([], ["second"])


async def test_occurrences_whose_ids_come_again_are_indexed(index: Index) -> None:
    await index.store("kept")
    await index.store("deleted", error=2)
    await index.indexing.catch_up()
    await index.delete([2])
    await index.store("again", error=2)
    await index.indexing.catch_up()

    assert await index.found("again") == ["deleted"]


@pytest.mark.parametrize(
    "payload", [b"{", b"[]", b'{"message": 1}', b'{"message": "", "type": ""}']
)
async def test_unreadable_payload_stops_nothing(index: Index, payload: bytes) -> None:
    await index.store("unreadable", payload=payload)
    await index.store("readable", error=2)
    await index.indexing.catch_up()

    assert await index.found("readable") == ["readable"]


async def test_unreadable_part_leaves_the_others(index: Index) -> None:
    content = {"message": "broken", "type": "_", "backtrace": [1], "params": ["blue"]}
    await index.store("broken", payload=json.dumps(content).encode())
    await index.indexing.catch_up()

    assert await index.found("blue") == ["broken"]


async def test_lag_is_that_of_the_oldest_that_waits(index: Index) -> None:
    await index.store("first")
    await index.clock.advance(5)
    await index.store("second")

    lag = await index.database.read(store.get_lag, index.clock.now_ms())

    assert lag == (2, 5.0)


async def test_rows_are_merged_and_stay_findable(index: Index) -> None:
    for number in range(40):
        await index.store(f"number {number}", f"value{number}")
        await index.indexing.catch_up()
    rows = await index.count("search_row")

    assert rows <= 40 - 2 * 15
    assert await index.count("search_text") == rows
    for number in range(40):
        assert await index.found(f"value{number}") == ["number 0"]


async def test_given_up_document_is_taken_out_whole(index: Index) -> None:
    for number in range(40):
        await index.store(f"number {number}", f"value{number}")
    await index.store("kept", "value", error=2)
    await index.indexing.catch_up()
    await index.database.write(erase_errors, [1], 1000)
    await index.indexing.catch_up()

    assert await index.count("search_document") == 1
    assert (await index.count("search_row"), await index.count("search_text")) == (1, 1)
    assert await index.found("value") == ["kept"]


async def test_what_was_taken_out_of_the_index_takes_no_room(index: Index) -> None:
    def measure_bytes(connection: sqlite3.Connection) -> int:
        (size_bytes,) = connection.execute(
            "SELECT sum(length(block)) FROM search_gram_data"
        ).fetchone()
        return int(size_bytes)

    for number in range(100):
        values = [hashlib.sha256(f"{number} {n}".encode()).hexdigest() for n in range(20)]
        await index.store(f"number {number}", *values, error=number + 1)
    await index.indexing.catch_up()
    full_bytes = await index.database.read(measure_bytes)
    await index.database.write(erase_errors, [*range(1, 81)], 10_000)
    await index.indexing.catch_up()
    left_bytes = await index.database.read(measure_bytes)

    assert left_bytes < full_bytes * 0.3
    assert await index.found("number 99") == ["number 99"]


async def test_document_is_made_anew_once_as_many_are_gone_as_are_kept(index: Index) -> None:
    for number in range(32):
        await index.store("broken", f"value{number}x")
    await index.indexing.catch_up()
    await index.delete(range(1, 16))
    before = await index.database.read(list_outdated, 0)
    await index.delete([16])
    after = await index.database.read(list_outdated, 0)
    assert (before, after) == ([], [1])

    assert await index.found("value0x") == ["broken"]
    await index.clock.advance(LOOK_SECONDS)
    await index.indexing.catch_up()

    assert await index.found("value0x") == []
    assert await index.found("value31x") == ["broken"]
    assert await index.count("search_document") == 1


async def test_document_is_made_anew_within_a_day_of_its_first_occurrence_s_end(
    index: Index,
) -> None:
    for number in range(3):
        await index.store("broken", f"value{number}x")
    await index.indexing.catch_up()
    await index.delete([1])

    assert await index.database.read(list_outdated, index.clock.now_ms()) == []
    assert await index.database.read(list_outdated, index.clock.now_ms() + 1) == [1]


async def test_occurrences_that_come_while_a_document_is_made_anew_are_in_it(index: Index) -> None:
    for number in range(100):
        await index.store("broken", f"value{number}x")
    await index.indexing.catch_up()
    await index.store("broken", "late")

    await index.indexing.upkeep.renew(1)

    assert await index.found("late value0x value99x") == ["broken"]
