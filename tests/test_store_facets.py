"""Facets of an error: counted from what is kept, and counted anew when that changes."""

import sqlite3

import pytest

from faultline_lite.store.errors import delete_error
from faultline_lite.store.facets import FacetCounts, FacetReader, FacetValue
from faultline_lite.store.retention import delete_occurrences, erase_errors
from faultline_lite.timekeys import MINUTE_MS, Span
from tests.stores import CODEC, NOW_MS, make_occurrence, make_payload, record


def post(connection: sqlite3.Connection, minute: int, **context: object) -> int:
    timestamp_ms = NOW_MS + minute * MINUTE_MS
    occurrence = make_occurrence(timestamp_ms=timestamp_ms, payload=make_payload(**context))
    return record(connection, occurrence)[0].error_id


@pytest.fixture
def reader() -> FacetReader:
    return FacetReader(CODEC)


def minutes(first: int, end: int) -> Span:
    return Span(NOW_MS + first * MINUTE_MS, NOW_MS + end * MINUTE_MS, "minute")


def test_values_are_counted_commonest_first(
    connection: sqlite3.Connection, reader: FacetReader
) -> None:
    for minute, version in enumerate(("1.0", "1.1", "1.1", "1.0", "1.1", None)):
        error_id = post(connection, minute, version=version)

    found = reader.read(connection, error_id)

    assert (found.counted_from, found.kept, found.count) == (6, 6, 6)
    assert found.facets["version"] == FacetCounts(
        values=(
            FacetValue("1.1", 3, NOW_MS + MINUTE_MS, NOW_MS + 4 * MINUTE_MS),
            FacetValue("1.0", 2, NOW_MS, NOW_MS + 3 * MINUTE_MS),
        ),
        distinct=2,
        known=5,
    )
    assert found.facets["action"] == FacetCounts((), 0, 0)


def test_span_counts_the_occurrences_in_it(
    connection: sqlite3.Connection, reader: FacetReader
) -> None:
    for minute in range(6):
        error_id = post(connection, minute, version=f"1.{minute}")

    found = reader.read(connection, error_id, minutes(2, 4))

    assert (found.counted_from, found.kept, found.count) == (2, 2, 2)
    assert [each.value for each in found.facets["version"].values] == ["1.3", "1.2"]


def test_answer_says_what_retention_has_left(
    connection: sqlite3.Connection, reader: FacetReader
) -> None:
    for minute in range(4):
        error_id = post(connection, minute, version=f"1.{minute}")
    before = reader.read(connection, error_id)
    delete_occurrences(connection, [2, 3])
    after = reader.read(connection, error_id)
    within = reader.read(connection, error_id, minutes(1, 4))

    assert (before.counted_from, before.kept, before.count) == (4, 4, 4)
    assert (after.counted_from, after.kept, after.count) == (2, 2, 4)
    assert (within.counted_from, within.kept, within.count) == (1, 1, 3)


def test_new_occurrence_is_counted_at_once(
    connection: sqlite3.Connection, reader: FacetReader
) -> None:
    error_id = post(connection, 0, version="1.0")
    reader.read(connection, error_id)
    post(connection, 1, version="1.0")

    assert reader.read(connection, error_id).facets["version"].known == 2


def test_same_question_is_answered_from_memory(
    connection: sqlite3.Connection, reader: FacetReader
) -> None:
    error_id = post(connection, 0, version="1.0")

    first = reader.read(connection, error_id)

    assert reader.read(connection, error_id) is first
    assert reader.read(connection, error_id, minutes(0, 1)) is not first


def test_error_under_the_id_of_an_erased_one_has_facets_of_its_own(
    connection: sqlite3.Connection, reader: FacetReader
) -> None:
    erased_id = post(connection, 0, version="1.0")
    reader.read(connection, erased_id)
    delete_error(connection, erased_id)
    erase_errors(connection, [erased_id], 100)
    gone = reader.read(connection, erased_id)
    other = make_occurrence("other", payload=make_payload(version="2.0"))
    (recorded,) = record(connection, other)

    found = reader.read(connection, recorded.error_id)

    assert recorded.error_id == erased_id
    assert (gone.counted_from, gone.kept, gone.count) == (0, 0, 0)
    assert [each.value for each in found.facets["version"].values] == ["2.0"]


def test_of_very_many_the_latest_thousand_are_looked_at(
    connection: sqlite3.Connection, reader: FacetReader
) -> None:
    payloads = [make_payload(version="old" if number == 0 else "new") for number in range(1001)]
    recorded = record(
        connection,
        *(
            make_occurrence(timestamp_ms=NOW_MS + number * 1000, payload=payload)
            for number, payload in enumerate(payloads)
        ),
    )

    found = reader.read(connection, recorded[0].error_id)

    assert (found.counted_from, found.kept, found.count) == (1000, 1001, 1001)
    assert [each.value for each in found.facets["version"].values] == ["new"]
