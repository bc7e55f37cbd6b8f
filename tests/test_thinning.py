"""Which occurrences go: laws over any number of them, looked through in parts of any size."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultline_lite.retention.thinning import MIN_KEPT, Thinning, level_caps, target_of


def stay(count: int, lasting: set[int], target: int, part: int) -> list[int]:
    """Return which of ``count`` ids stay, when so many are looked at at once."""
    thinning = Thinning(count, lasting, target)
    ids = range(count)
    gone: list[int] = []
    for start in range(0, count, part):
        if thinning.is_over:
            break
        gone += thinning.choose(ids[start : start + part])
    assert len(gone) == len(set(gone))
    return sorted(set(ids) - set(gone))


@given(
    count=st.integers(1, 300),
    target=st.integers(MIN_KEPT, 60),
    lasting=st.sets(st.integers(0, 299), max_size=4),
    part=st.integers(1, 100),
)
def test_target_and_what_lasts_stay(count: int, target: int, lasting: set[int], part: int) -> None:
    lasting = {each for each in lasting if each < count}

    kept = stay(count, lasting, target, part)

    assert len(kept) == min(count, target)
    assert lasting <= set(kept)


@given(count=st.integers(50, 300), target=st.integers(10, 40))
def test_latest_half_stays_and_older_times_thin_out_evenly(count: int, target: int) -> None:
    kept = stay(count, set(), target, 7)
    older = kept[: len(kept) - target // 2]
    gaps = [after - before for before, after in pairwise(older)]

    assert kept[-(target // 2) :] == list(range(count - target // 2, count))
    assert max(gaps) - min(gaps) <= 1


def test_occurrences_that_come_meanwhile_stay() -> None:
    thinning = Thinning(kept=20, lasting=(), target=10)

    gone = thinning.choose(range(40))

    assert len(gone) == 10
    assert max(gone) < 15


@given(
    kept=st.lists(st.integers(1, 500), max_size=40),
    target=st.integers(MIN_KEPT * 40, 3000),
)
def test_common_cap_uses_the_room_and_no_more(kept: list[int], target: int) -> None:
    level = level_caps(kept, target)
    together = sum(min(size, level) for size in kept)

    assert together <= target
    assert together == sum(kept) or together > target - len(kept)


def test_common_cap_goes_no_lower_than_what_always_stays() -> None:
    assert level_caps([100, 100, 100], 3) == MIN_KEPT


@pytest.mark.parametrize(("cap", "target"), [(1000, 900), (10, 9), (4, 4), (1, 4)])
def test_what_is_over_its_cap_gets_some_room(cap: int, target: int) -> None:
    assert target_of(cap) == target
