"""What came in before there was a dictionary is compressed once more with it, byte by byte."""

import sqlite3

import pytest

from faultline_lite.database import Database
from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.payloads.recompression import STEP_OCCURRENCES, Recompression
from faultline_lite.payloads.training import FIRST_AFTER, PayloadTraining
from faultline_lite.store.dictionaries import list_payloads_before, replace_payloads
from faultline_lite.store.recording import Recorder
from faultline_lite.store.retention import delete_occurrences
from tests.fakes import FakeClock
from tests.stores import NOW_MS, make_occurrence, make_payload

ALL = FIRST_AFTER + STEP_OCCURRENCES
PAYLOADS = [
    make_payload(number=number, text=f"the order {number} is late " * 9) for number in range(ALL)
]


def store(connection: sqlite3.Connection, codec: PayloadCodec) -> None:
    occurrences = [
        make_occurrence(timestamp_ms=NOW_MS + number, payload=payload)
        for number, payload in enumerate(PAYLOADS)
    ]
    Recorder(codec, "minute").record(connection, [occurrences], {})


@pytest.mark.anyio
async def test_adopted_dictionary_compresses_what_came_before_it(
    database: Database, clock: FakeClock
) -> None:
    codec = PayloadCodec()
    woken: list[bool] = []
    recompression = Recompression(database, codec, lambda: woken.append(True))
    training = PayloadTraining(database, codec, clock, recompression.begin)
    await database.write(store, codec)
    before = await database.read(list_payloads_before, ALL + 1, ALL)
    await training.run()
    await recompression.run()

    after = await database.read(list_payloads_before, ALL + 1, ALL)
    assert woken
    assert {each.dictionary_id for each in before} == {0}
    assert {each.dictionary_id for each in after} == {1}
    assert sum(len(each.payload) for each in after) < sum(len(each.payload) for each in before) / 2
    read_back = [codec.decompress(each.dictionary_id, each.payload) for each in after]
    assert read_back == PAYLOADS[::-1]


@pytest.mark.anyio
async def test_recompression_does_nothing_without_a_new_dictionary(
    database: Database, clock: FakeClock
) -> None:
    codec = PayloadCodec()
    await database.write(store, codec)
    before = await database.read(list_payloads_before, ALL + 1, ALL)
    recompression = Recompression(database, codec)
    recompression.begin(ALL + 1)
    await recompression.run()

    assert await database.read(list_payloads_before, ALL + 1, ALL) == before


def test_payload_that_went_meanwhile_does_not_come_back(connection: sqlite3.Connection) -> None:
    store(connection, PayloadCodec())
    last, *_ = list_payloads_before(connection, ALL + 1, 1)
    delete_occurrences(connection, [last.id])
    # Its id comes again.
    Recorder(PayloadCodec(), "minute").record(connection, [[make_occurrence("another")]], {})
    another, *_ = list_payloads_before(connection, ALL + 1, 1)
    replace_payloads(connection, [(last, 0, b"old")])

    assert another.id == last.id
    assert list_payloads_before(connection, ALL + 1, 1) == [another]
