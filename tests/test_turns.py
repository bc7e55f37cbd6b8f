"""One at a time for one name, and nothing left behind."""

import asyncio

import pytest

from faultline_lite.notifiers.turns import Turns


def test_one_name_is_held_by_one_at_a_time_in_the_order_of_asking() -> None:
    async def run() -> list[str]:
        turns = Turns()
        seen: list[str] = []

        async def work(name: str, who: str) -> None:
            async with turns.take(name):
                seen.append(f"{who} begins")
                await asyncio.sleep(0)
                seen.append(f"{who} ends")

        await asyncio.gather(work("a", "one"), work("a", "two"), work("a", "three"))
        return seen

    assert asyncio.run(run()) == [
        "one begins",
        "one ends",
        "two begins",
        "two ends",
        "three begins",
        "three ends",
    ]


def test_names_do_not_wait_for_each_other() -> None:
    async def run() -> None:
        turns = Turns()
        async with turns.take("a"), asyncio.timeout(5), turns.take("b"):
            pass

    asyncio.run(run())


def test_turn_is_given_back_when_the_work_fails() -> None:
    async def run() -> None:
        turns = Turns()
        with pytest.raises(ZeroDivisionError):
            async with turns.take("a"):
                _ = 1 // 0
        async with asyncio.timeout(5), turns.take("a"):
            pass

    asyncio.run(run())
