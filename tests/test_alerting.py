"""When an occurrence notifies: the rules as a table, and beside a slow model of their text."""

from collections import Counter
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultline_lite.notifications.alerting import NOTIFYING, Rules, Verdict, decide, explain


@dataclass(frozen=True)
class Seen:
    count: int
    bucket: int
    regression: bool = False
    muted: bool = False


@pytest.mark.parametrize(
    ("seen", "rules", "verdict"),
    [
        # The defaults: every occurrence.
        (Seen(1, 1), Rules(), "first"),
        (Seen(2, 2), Rules(), "repeated"),
        (Seen(200, 1), Rules(), "repeated"),
        # Zero means the default, as it did in the original.
        (Seen(7, 7), Rules(0, 0), "repeated"),
        # The first occurrence and a regression, whatever the rules.
        (Seen(1, 1), Rules(30, 5), "first"),
        (Seen(1, 1), Rules(-1), "first"),
        (Seen(9, 2, regression=True), Rules(30, 5), "regression"),
        (Seen(9, 2, regression=True), Rules(-1), "regression"),
        # A threshold.
        (Seen(2, 2), Rules(30), "below"),
        (Seen(500, 29), Rules(30), "below"),
        (Seen(500, 30), Rules(30), "repeated"),
        (Seen(500, 31), Rules(30), "repeated"),
        # An interval.
        (Seen(4, 4), Rules(1, 5), "between"),
        (Seen(5, 5), Rules(1, 5), "repeated"),
        (Seen(6, 6), Rules(1, 5), "between"),
        (Seen(10, 10), Rules(1, -5), "repeated"),
        # Both: the interval counts from the beginning of the minute, not from the threshold.
        (Seen(9, 9), Rules(10, 4), "below"),
        (Seen(8, 8), Rules(10, 4), "below"),
        (Seen(10, 10), Rules(10, 4), "between"),
        (Seen(12, 12), Rules(10, 4), "repeated"),
        # Once, and never again.
        (Seen(2, 2), Rules(-1), "once"),
        (Seen(1000, 1000), Rules(-30, 5), "once"),
        # A new minute begins at one.
        (Seen(31, 1), Rules(30), "below"),
        (Seen(31, 1), Rules(), "repeated"),
        # Muted: never, not even the first or a regression.
        (Seen(1, 1, muted=True), Rules(), "muted"),
        (Seen(5, 5, regression=True, muted=True), Rules(), "muted"),
        (Seen(500, 30, muted=True), Rules(30), "muted"),
    ],
)
def test_rules(seen: Seen, rules: Rules, verdict: Verdict) -> None:
    assert decide(seen, rules) == verdict


def occurrences_of(minutes: list[int]) -> list[Seen]:
    """The numbers that occurrences produce which come one after the other in these minutes."""
    buckets: Counter[int] = Counter()
    seen = []
    for count, minute in enumerate(minutes, 1):
        buckets[minute] += 1
        seen.append(Seen(count, buckets[minute]))
    return seen


def test_200_of_one_minute_notify_from_the_threshold_on_every_fifth() -> None:
    told = [
        seen.count for seen in occurrences_of([7] * 200) if decide(seen, Rules(30, 5)) in NOTIFYING
    ]

    assert told == [1, *range(30, 201, 5)]


def test_minute_boundary_begins_the_count_anew() -> None:
    minutes = [0] * 5 + [1] * 3 + [0] * 2

    told = [seen.count for seen in occurrences_of(minutes) if decide(seen, Rules(3)) in NOTIFYING]

    # An occurrence that comes late counts in the minute of its timestamp.
    assert told == [1, 3, 4, 5, 8, 9, 10]


def notifies_in_the_text(
    by_timeunit: int, count: int, config: dict[str, int], *, muted: bool, resolved: bool
) -> bool:
    """The documents' sentences, one after the other: first, threshold, interval."""
    if muted:
        return False
    notify_interval = config.get("notifyInterval") or 1
    threshold = config.get("threshold") or 1
    if count == 1 or resolved:
        return True
    if threshold < 0:
        return False
    steps = [each for each in range(1, by_timeunit + 1) if each % notify_interval == 0]
    return by_timeunit >= threshold and by_timeunit in steps


@given(
    minutes=st.lists(st.integers(0, 3), min_size=1, max_size=80),
    config=st.fixed_dictionaries(
        {}, optional={"threshold": st.integers(-3, 12), "notifyInterval": st.integers(-6, 6)}
    ),
    resolved_before=st.sets(st.integers(1, 80)),
    muted_during=st.sets(st.integers(1, 80)),
)
def test_decisions_match_a_slow_model_of_the_text(
    minutes: list[int],
    config: dict[str, int],
    resolved_before: set[int],
    muted_during: set[int],
) -> None:
    rules = Rules(config.get("threshold", 1), config.get("notifyInterval", 1))
    told, expected = [], []
    for seen in occurrences_of(minutes):
        resolved, muted = seen.count in resolved_before, seen.count in muted_during
        numbers = replace(seen, regression=resolved, muted=muted)
        told.append(decide(numbers, rules) in NOTIFYING)
        in_this_minute = minutes[: seen.count].count(minutes[seen.count - 1])
        expected.append(
            notifies_in_the_text(in_this_minute, seen.count, config, muted=muted, resolved=resolved)
        )

    assert told == expected


@pytest.mark.parametrize(
    ("verdict", "text"),
    [
        ("below", "3 in this minute, threshold 30"),
        ("between", "3 in this minute, no multiple of the notifyInterval 5"),
        ("repeated", "3 in this minute, threshold 30, notifyInterval 5"),
        ("muted", "the error is muted"),
        ("first", "the first occurrence of the error"),
        ("regression", "the error was resolved and is back"),
    ],
)
def test_verdict_is_explained_by_the_numbers(verdict: Verdict, text: str) -> None:
    assert explain(verdict, Seen(7, 3), Rules(30, 5), "minute") == text


def test_threshold_that_asks_for_the_first_only_says_so() -> None:
    text = explain("once", Seen(7, 3), Rules(-1), "minute")

    assert text == "not the first occurrence, and the threshold -1 asks for no others"
