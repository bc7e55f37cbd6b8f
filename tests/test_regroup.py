"""Regrouping: what merges, what splits, that nothing is lost, and that it can be undone."""

import asyncio
import contextlib
import json
import sqlite3
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from faultline_lite.timekeys import MINUTE_MS
from tests.regrouping import MESSAGE, PATTERN, Shown, StopError, Store, key_of, open_store
from tests.stores import CODEC, NOW_MS


@pytest.mark.anyio
async def test_errors_of_one_pattern_merge() -> None:
    async with open_store() as store:
        await store.post(MESSAGE, ("user 1 lost", 0), ("user 2 lost", 1), ("user 2 lost", 1))
        await store.post(MESSAGE, ("no disk", 5), project="web")
        await store.post(MESSAGE, ("user 3 lost", 0), project="app")
        await store.resolve("user 1 lost", "no disk")
        plan = await store.plan(PATTERN)
        await store.apply(PATTERN)
        shown = await store.show()
        again = await store.plan(PATTERN)

    user = key_of(PATTERN, "user 1 lost")
    first_minute = NOW_MS // MINUTE_MS
    assert (plan.before, plan.after, plan.reopened, plan.split) == (2, 1, 1, 0)
    assert [(each.project, each.errors) for each in plan.merges] == [("web", 2)]
    assert set(shown) == {("web", user), ("web", key_of(PATTERN, "no disk")), ("app", user)}
    merged = shown["web", user]
    assert (merged.status, merged.count, merged.kept) == ("unresolved", 3, 3)
    assert merged.minutes == {first_minute: 1, first_minute + 1: 2}
    assert merged.people == 2
    assert shown["web", key_of(PATTERN, "no disk")].status == "resolved"
    assert (again.before, again.after, again.renamed) == (0, 0, 0)


@pytest.mark.anyio
async def test_error_splits_by_its_messages() -> None:
    async with open_store() as store:
        posted = [(f"user {number % 3} lost", number) for number in range(9)]
        await store.post(PATTERN, *posted, ("no disk", 0))
        plan = await store.plan(MESSAGE)
        await store.apply(MESSAGE)
        shown = await store.show()

    assert (plan.before, plan.after, plan.reopened, plan.split) == (1, 3, 0, 1)
    assert [(each.message, each.errors) for each in plan.splits] == [("user 0 lost", 3)]
    assert set(shown) == {
        ("web", key_of(MESSAGE, message))
        for message in ("user 0 lost", "user 1 lost", "user 2 lost", "no disk")
    }
    assert {each.count for key, each in shown.items() if key[1] != key_of(MESSAGE, "no disk")} == {
        3
    }


@pytest.mark.anyio
async def test_what_was_let_go_is_shared_out_as_what_is_kept() -> None:
    async with open_store() as store:
        # Of 3 to 1 in every minute one of four is kept.
        for minute in range(40):
            await store.post(PATTERN, *[("user 1 lost", minute)] * 3, ("user 2 lost", minute))
        await store.let_go(number for number in range(1, 161) if number % 5)
        before = await store.show()
        await store.apply(MESSAGE)
        shown = await store.show()

    (whole,) = before.values()
    parts = [shown["web", key_of(MESSAGE, f"user {number} lost")] for number in (1, 2)]
    together: Counter[int] = Counter()
    for part in parts:
        together.update(part.minutes)
    assert dict(together) == whole.minutes
    assert sum(part.count for part in parts) == whole.count == 160
    assert parts[0].count == pytest.approx(120, abs=12)


@pytest.mark.anyio
async def test_undo_puts_everything_back() -> None:
    async with open_store() as store:
        await store.post(MESSAGE, *[(f"user {number % 7} lost", number) for number in range(50)])
        await store.resolve("user 3 lost")
        await store.let_go(range(10, 20))
        before = await store.show()
        await store.apply(PATTERN)
        between = await store.show()
        await store.undo(PATTERN)
        after = await store.show()

    assert len(between) == 1
    assert after == before


@pytest.mark.anyio
async def test_undo_goes_back_over_regroupings_by_one_rule() -> None:
    async with open_store() as store:
        await store.post(MESSAGE, ("user 1 lost", 0), ("user 2 lost", 1))
        before = await store.show()

        await store.apply(PATTERN)
        await store.apply(PATTERN)
        await store.undo(PATTERN)

        assert await store.show() == before


@pytest.mark.anyio
async def test_undo_goes_back_over_the_last_rule_alone() -> None:
    async with open_store() as store:
        await store.post(MESSAGE, ("user 1 lost", 0), ("user 2 lost", 1))
        await store.apply(PATTERN)
        before = await store.show()

        await store.apply(MESSAGE)
        await store.undo(MESSAGE)

        assert await store.show() == before


@pytest.mark.anyio
async def test_undo_keeps_what_has_come_since() -> None:
    async with open_store() as store:
        await store.post(MESSAGE, ("user 1 lost", 0), ("user 2 lost", 0))
        await store.apply(PATTERN)
        await store.post(PATTERN, ("user 1 lost", 1))
        # The server groups by message again before it is undone: that makes errors anew.
        await store.post(MESSAGE, ("user 1 lost", 2), ("user 2 lost", 2))
        await store.undo(MESSAGE)
        shown = await store.show()
        await store.apply(MESSAGE)
        settled = await store.show()

    assert sum(each.count for each in shown.values()) == 5
    assert {key: each.count for (_, key), each in settled.items()} == {
        key_of(MESSAGE, "user 1 lost"): 3,
        key_of(MESSAGE, "user 2 lost"): 2,
    }


@pytest.mark.anyio
async def test_counts_of_expired_minutes_are_shared_out_too() -> None:
    async with open_store() as store:
        for minute in range(10):
            await store.post(PATTERN, ("user 1 lost", minute), ("user 2 lost", minute))
        await store.expire_minutes(8)
        await store.let_go(range(1, 17))
        before = await store.show()
        await store.apply(MESSAGE)
        between = await store.show()
        await store.undo(MESSAGE)

        assert sorted(each.count for each in between.values()) == [10, 10]
        assert await store.show() == before


@pytest.mark.anyio
async def test_mute_ends_after_as_many_more_as_before() -> None:
    async with open_store() as store:
        await store.post(MESSAGE, ("user 1 lost", 0), *[("user 2 lost", 0)] * 7)
        await store.mute(3)
        await store.apply(PATTERN)
        merged = await store.left_of_mutes()
        await store.undo(PATTERN)

        assert merged == [3]
        assert await store.left_of_mutes() == [3, 3]


@pytest.mark.anyio
async def test_second_at_a_time_is_enough() -> None:
    async with open_store() as store:
        regrouping = store.regrouping(PATTERN)

        assert await regrouping.begin("apply")
        assert not await regrouping.begin("apply")
        assert not await regrouping.begin("plan")
        assert not await regrouping.begin("undo")


@pytest.mark.anyio
async def test_occurrences_of_one_second_get_places_of_their_own() -> None:
    async with open_store() as store:
        await store.post(MESSAGE, *[(f"user {number} lost", 0) for number in range(5)])
        await store.apply(PATTERN)
        (error,) = (await store.show()).values()

    assert sorted(ordinal for _, _, ordinal in error.occurrences) == [1, 2, 3, 4, 5]


@pytest.mark.anyio
@pytest.mark.parametrize("rule", [PATTERN, MESSAGE])
async def test_server_that_dies_at_any_write_goes_on_from_there(rule: bool) -> None:
    posted = [(f"user {number} lost", minute) for minute in range(3) for number in range(4)]
    for writes in range(30):
        async with open_store() as store:
            await store.post(not rule, *posted)
            await _apply_in_lives(store, rule, [writes])

            _check_counts(await store.show())
            await _check_groups(store, rule)


POSTED = st.lists(
    st.tuples(
        st.sampled_from(("user 1 lost", "user 2 lost", "user 3 lost", "no disk", "x" * 700 + "1")),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=25, deadline=None)
@example(
    first=[("user 1 lost", 0)] * 2 + [("user 2 lost", 0)] * 4,
    second=[("user 1 lost", 0)],
    rules=(MESSAGE, PATTERN),
    gone=set(),
    resolved=set(),
    lives=[],
)
@given(
    first=POSTED,
    second=POSTED,
    rules=st.tuples(st.booleans(), st.booleans()),
    gone=st.sets(st.integers(1, 50), max_size=20),
    resolved=st.sets(st.sampled_from(("user 1 lost", "no disk"))),
    lives=st.lists(st.integers(0, 12), max_size=6),
)
def test_nothing_is_lost_and_undo_undoes(
    first: list[tuple[str, int]],
    second: list[tuple[str, int]],
    rules: tuple[bool, bool],
    gone: set[int],
    resolved: set[str],
    lives: list[int],
) -> None:
    async def run() -> None:
        async with open_store() as store:
            for posted, rule in zip((first, second), rules, strict=True):
                await store.post(rule, *posted)
            await store.resolve(*resolved)
            await store.let_go(gone)
            before = await store.show()
            rule = not rules[0]
            plan = await store.plan(rule)
            await _apply_in_lives(store, rule, lives)
            after = await store.show()
            await _check_groups(store, rule)
            again = await store.plan(rule)
            await store.undo(rule)

            assert _totals(after) == _totals(before)
            if not gone:
                _check_counts(after)
                assert _statuses(after) == _expect_statuses(before, after)
            assert (again.before, again.renamed) == (0, 0)
            assert len(after) == len(before) - plan.before + plan.after
            assert await store.show() == before

    asyncio.run(run())


async def _apply_in_lives(store: Store, rule: bool, lives: list[int]) -> None:
    """Apply in a server that dies after so many writes, and again, and is started anew."""
    assert await store.regrouping(rule).begin("apply")
    for writes in lives:
        store.database.writes_left = writes
        with contextlib.suppress(StopError):
            await store.regrouping(rule).run()
        store.database.writes_left = 10**9
        await store.show()
    await store.regrouping(rule).run()
    assert await store.state() == "done"


async def _check_groups(store: Store, rule: bool) -> None:
    def read(connection: sqlite3.Connection) -> list[tuple[bytes, str]]:
        rows = connection.execute(
            """
            SELECT group_key, dictionary_id, payload
            FROM occurrence JOIN error ON error.id = error_id
            """
        )
        return [
            (key, json.loads(CODEC.decompress(dictionary_id, payload))["message"])
            for key, dictionary_id, payload in rows
        ]

    for key, message in await store.database.read(read):
        assert key == key_of(rule, message)


def _totals(shown: dict[tuple[str, bytes], Shown]) -> tuple[int, int, Counter[int]]:
    minutes: Counter[int] = Counter()
    for each in shown.values():
        minutes.update(each.minutes)
    counts = sum(each.count for each in shown.values())
    return counts, sum(each.kept for each in shown.values()), minutes


def _check_counts(shown: dict[tuple[str, bytes], Shown]) -> None:
    """Where everything is kept, what is counted is what is kept."""
    for error in shown.values():
        minutes = Counter(second // 60 for _, second, _ in error.occurrences)
        assert (error.count, error.minutes) == (error.kept, minutes)
        versions = Counter(f"1.{minute - NOW_MS // MINUTE_MS}" for minute in minutes.elements())
        assert {version: count for version, (count, _, _) in error.versions.items()} == versions


def _statuses(shown: dict[tuple[str, bytes], Shown]) -> dict[tuple[int, ...], str]:
    """Return the status of each error by the ids of its occurrences."""
    return {
        tuple(sorted(each for each, _, _ in error.occurrences)): error.status
        for error in shown.values()
    }


def _expect_statuses(
    before: dict[tuple[str, bytes], Shown], after: dict[tuple[str, bytes], Shown]
) -> dict[tuple[int, ...], str]:
    """An error is open where one that gave it an occurrence was."""
    status_of = {
        occurrence_id: error.status
        for error in before.values()
        for occurrence_id, _, _ in error.occurrences
    }
    return {
        ids: "unresolved" if any(status_of[each] == "unresolved" for each in ids) else "resolved"
        for ids in _statuses(after)
    }
