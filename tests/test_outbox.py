"""From decided to sent: at once, in batches, within caps."""

from pathlib import Path

import pytest

from tests.fakes import FakeClock, Receiver
from tests.fakes.receiver import told
from tests.office import Office, open_office

pytestmark = pytest.mark.anyio


# Batches


async def test_first_goes_at_once_and_what_follows_within_the_batch_as_one(
    office: Office, receiver: Receiver
) -> None:
    to = [receiver.config()]

    await office.report("one", to=to)
    first = await receiver.next()
    for message in ("one", "two", "one", "three"):
        await office.report(message, to=to)
    await office.pass_time(4.9)
    nothing_yet = receiver.is_empty
    await office.pass_time(0.1)
    second = await receiver.next()

    assert nothing_yet
    assert told(first) == {"one": 1}
    assert told(second) == {"one": 2, "two": 1, "three": 1}
    assert (second["errorCount"], second["occurrenceCount"]) == (3, 4)


async def test_channel_that_was_quiet_is_told_at_once_again(
    office: Office, receiver: Receiver
) -> None:
    to = [receiver.config()]
    await office.report("one", to=to)
    await receiver.next()
    await office.clock.advance(60)

    await office.report("two", to=to)

    assert told(await receiver.next()) == {"two": 1}


async def test_config_states_a_batch_of_its_own(office: Office, receiver: Receiver) -> None:
    to = [receiver.config(batch=60)]
    await office.report("one", to=to)
    await receiver.next()
    await office.report("two", to=to)
    await office.report("three", to=to)

    await office.pass_time(59)
    nothing_yet = receiver.is_empty
    await office.pass_time(1)

    assert nothing_yet
    assert told(await receiver.next()) == {"two": 1, "three": 1}


async def test_without_a_batch_a_channel_gets_one_message_a_second(
    office: Office, receiver: Receiver
) -> None:
    to = [receiver.config(batch=0)]
    await office.report("one", to=to)
    await receiver.next()
    await office.report("two", to=to)
    await office.report("two", to=to)

    await office.pass_time(0.9)
    nothing_yet = receiver.is_empty
    await office.pass_time(0.1)

    assert nothing_yet
    assert told(await receiver.next()) == {"two": 2}


async def test_ways_to_one_destination_share_its_batch_and_tell_an_occurrence_once(
    office: Office, receiver: Receiver
) -> None:
    ways = [receiver.config(), receiver.config(timezone="Asia/Tokyo")]

    await office.report("one", to=ways)
    first = await receiver.next()
    await office.report("one", to=ways[:1])
    await office.report("one", to=ways[1:])
    await office.pass_time(5)

    assert told(first) == {"one": 1}
    assert told(await receiver.next()) == {"one": 2}


async def test_worst_errors_are_shown_and_the_rest_is_counted(
    office: Office, receiver: Receiver
) -> None:
    to = [receiver.config()]
    names = [f"error {chr(97 + number)}" for number in range(25)]
    await office.report("opening", to=to)
    await receiver.next()

    for number, name in enumerate(names, 1):
        await office.report(*[name] * number, to=to)
    await office.pass_time(5)
    message = await receiver.next()

    shown = sorted(range(6, 26), reverse=True)
    assert [error["occurrences"] for error in message["errors"]] == shown
    assert (message["errorCount"], message["occurrenceCount"]) == (25, sum(range(1, 26)))


async def test_batch_of_very_many_errors_is_one_message(office: Office, receiver: Receiver) -> None:
    to = [receiver.config()]
    names = [f"error {chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(450)]
    await office.report("opening", to=to)
    await receiver.next()

    await office.report(*names, *names[:3], to=to)
    await office.pass_time(5)
    message = await receiver.next()

    assert (message["errorCount"], message["occurrenceCount"]) == (450, 453)
    assert [error["occurrences"] for error in message["errors"][:4]] == [2, 2, 2, 1]
    assert not await office.waiting()


# Caps


async def test_what_is_over_the_cap_is_summed_up_when_there_is_room_again(
    tmp_path: Path, clock: FakeClock, receiver: Receiver
) -> None:
    async with open_office(tmp_path, clock, max_per_hour=2) as office:
        to = [receiver.config()]
        await office.report("one", to=to)
        await receiver.next()
        await office.report("two", to=to)
        await office.pass_time(5)
        await receiver.next()
        for _ in range(30):
            await office.report("three", "four", to=to)
            await office.pass_time(60)
        silent = receiver.is_empty
        while receiver.is_empty:
            await office.pass_time(60)
        closing = await receiver.next()

    assert silent
    assert clock.monotonic() >= 3600
    assert told(closing) == {"three": 30, "four": 30}
    assert closing["notes"] == [
        "Held back since 2016-12-06T15:00:05+00:00: at most 2 messages an hour go to this channel."
    ]


async def test_restriction_of_a_config_caps_what_it_causes_and_nothing_else(
    office: Office, receiver: Receiver
) -> None:
    capped = [receiver.config(restrict={"max_per_hour": 1})]
    await office.report("one", to=capped)
    await receiver.next()
    await office.report("two", to=capped)
    await office.report("three", to=[receiver.config()])

    await office.pass_time(5)
    message = await receiver.next()

    assert told(message) == {"three": 1}
    assert message["notes"] == []
    assert [each.occurrences for each in await office.waiting()] == [1]
