"""Deliveries after the clock, which was ahead, was set back: they wait for no future time."""

from pathlib import Path
from typing import Any

import pytest

from tests.fakes import Answer, FakeClock, Receiver
from tests.fakes.receiver import told
from tests.office import Office, open_office

pytestmark = pytest.mark.anyio

YEAR_SECONDS = 365 * 86_400.0
START_MS = 1_481_036_400_000


async def set_back(office: Office) -> None:
    """Correct the clock, and let the outbox look around, as it does every minute."""
    await office.rest()
    office.clock.set_back(YEAR_SECONDS)
    await office.services.outbox.look_around()


@pytest.mark.parametrize(
    "options",
    [{"batch": 600}, {"batch": 0, "restrict": {"max_per_hour": 1}}],
    ids=["for the next batch", "by a cap"],
)
async def test_what_is_held_back_goes(
    office: Office, receiver: Receiver, options: dict[str, Any]
) -> None:
    to = [receiver.config(**options)]
    await office.report("one", to=to)
    await receiver.next()
    await office.report("two", to=to)

    await set_back(office)
    await office.pass_time(1)

    assert told(await receiver.next()) == {"two": 1}


async def test_failed_attempt_is_repeated(office: Office, receiver: Receiver) -> None:
    receiver.script.append(Answer(503, headers={"Retry-After": "3600"}))
    await office.report("one", to=[receiver.config()])
    await receiver.next()
    await office.rest()

    await set_back(office)
    # What the other side asked for is kept within the process.
    await office.pass_time(3600)

    assert told(await receiver.next()) == {"one": 1}


async def test_next_start_sends_what_was_decided_and_tried_in_the_future(
    tmp_path: Path, receiver: Receiver
) -> None:
    ahead = FakeClock(START_MS + int(YEAR_SECONDS * 1000))
    receiver.script.append(Answer(503, headers={"Retry-After": "3600"}))
    async with open_office(tmp_path, ahead) as office:
        await office.report("one", to=[receiver.config()])
        await receiver.next()
        await office.rest()
        await office.report("two", to=[receiver.config()])
        await office.rest()
    async with open_office(tmp_path, FakeClock(START_MS)) as office:
        first = await receiver.next()
        await office.pass_time(5)
        second = await receiver.next()

    assert {**told(first), **told(second)} == {"one": 1, "two": 1}


async def test_message_that_fails_again_is_given_up_a_day_later(
    tmp_path: Path, receiver: Receiver
) -> None:
    ahead = FakeClock(START_MS + int(YEAR_SECONDS * 1000))
    receiver.script.extend([Answer(503)] * 1000)
    async with open_office(tmp_path, ahead) as office:
        await office.report("one", to=[receiver.config()])
        await receiver.next()
        await office.rest()
    async with open_office(tmp_path, FakeClock(START_MS)) as office:
        await receiver.next()
        await office.rest()
        await office.clock.leap(86_400)
        await receiver.next()
        await office.rest()
        (delivery,) = await office.deliveries()

    assert delivery.state == "failed"
