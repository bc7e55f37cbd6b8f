"""Dictionaries are kept for as long as anything needs them."""

import sqlite3

import pytest

from faultline_lite.payloads.codec import PayloadCodec, train
from faultline_lite.store.dictionaries import (
    delete_dictionary,
    insert_dictionary,
    list_dictionaries,
    list_unused_dictionaries,
)
from faultline_lite.store.recording import Recorder
from faultline_lite.store.retention import delete_occurrences
from tests.stores import NOW_MS, make_occurrence, make_payload


def make_dictionary(word: str) -> bytes:
    samples = [make_payload(number=number, text=f"{word} {number}" * 9) for number in range(2000)]
    content = train(samples, PayloadCodec())
    assert content is not None
    return content


OLD, NEW = make_dictionary("old"), make_dictionary("new")


def post(connection: sqlite3.Connection, codec: PayloadCodec) -> None:
    Recorder(codec, "minute").record(connection, [[make_occurrence()]], {})


def test_replaced_dictionary_goes_once_its_last_payload_is_gone(
    connection: sqlite3.Connection,
) -> None:
    codec = PayloadCodec()
    for content in (OLD, NEW):
        codec.add_dictionary(insert_dictionary(connection, content, NOW_MS), content)
        post(connection, codec)
    while_used = list_unused_dictionaries(connection, NOW_MS + 1)
    delete_occurrences(connection, [1])
    just_replaced = list_unused_dictionaries(connection, NOW_MS)
    unused = list_unused_dictionaries(connection, NOW_MS + 1)
    for dictionary_id in unused:
        delete_dictionary(connection, dictionary_id)

    assert (while_used, just_replaced, unused) == ([], [], [1])
    assert list_dictionaries(connection) == [(2, NEW)]


def test_codec_lets_go_of_deleted_dictionaries_at_the_second_time() -> None:
    codec = PayloadCodec()
    payloads = {}
    for dictionary_id in (1, 2, 3):
        codec.add_dictionary(dictionary_id, OLD)
        payloads[dictionary_id] = codec.compress([b"{}"])[1][0]

    codec.forget_deleted([2])
    still_read = codec.decompress(1, payloads[1])
    codec.forget_deleted([2])

    assert still_read == b"{}"
    with pytest.raises(KeyError):
        codec.decompress(1, payloads[1])
    # The newest may have come after the list.
    assert [codec.decompress(each, payloads[each]) for each in (2, 3)] == [b"{}"] * 2


def test_newest_dictionary_stays_unused(connection: sqlite3.Connection) -> None:
    insert_dictionary(connection, OLD, NOW_MS)

    assert list_unused_dictionaries(connection, NOW_MS + 1000) == []


def test_dictionary_stays_for_what_is_indexed_with_it(connection: sqlite3.Connection) -> None:
    for content in (OLD, NEW):
        insert_dictionary(connection, content, NOW_MS)
    connection.execute(
        "INSERT INTO search_text (row_id, dictionary_id, texts) VALUES (1, 1, x'00')"
    )

    assert list_unused_dictionaries(connection, NOW_MS + 1) == []
