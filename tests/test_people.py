"""A sketch counts distinct people exactly while they are few, and nearly after that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultline_lite.people import (
    HASH_BYTES,
    SKETCH_SIZE,
    add_people,
    count_people,
    merge_sketches,
)

PEOPLE = st.sets(st.text(max_size=10), max_size=40)


@given(st.lists(PEOPLE, max_size=5))
def test_few_people_are_counted_exactly(groups: list[set[str]]) -> None:
    sketch = b""
    for people in groups:
        sketch = add_people(sketch, people)

    assert count_people(sketch) == len(set().union(*groups))


@given(PEOPLE, PEOPLE)
def test_merging_is_counting_both(first: set[str], second: set[str]) -> None:
    merged = merge_sketches(add_people(b"", first), add_people(b"", second))

    assert merged == add_people(b"", first | second)


@pytest.mark.parametrize("people", [SKETCH_SIZE, 1_000, 20_000])
def test_many_people_are_counted_nearly(people: int) -> None:
    sketch = add_people(b"", map(str, range(people)))

    assert count_people(sketch) == pytest.approx(people, rel=0.15)


def test_sketch_of_any_number_is_as_small_and_the_same_in_any_order() -> None:
    people = [str(number) for number in range(5_000)]
    in_parts = b""
    for start in range(0, 5_000, 500):
        in_parts = add_people(in_parts, reversed(people[start : start + 500]))

    assert in_parts == add_people(b"", people)
    assert len(in_parts) == SKETCH_SIZE * HASH_BYTES


def test_no_person_is_nobody() -> None:
    assert count_people(add_people(b"", [])) == 0
