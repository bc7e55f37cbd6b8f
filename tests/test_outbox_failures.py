"""Deliveries that fail, hang or are cut off: tried again, never lost, in nobody's way."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from faultline_lite.notifications.attempt import Tools
from faultline_lite.notifications.delivery_plan import Limits, back_off_seconds
from faultline_lite.notifications.outbox import Outbox
from faultline_lite.notifications.unsealing import Unsealer
from faultline_lite.notifiers.turns import Turns
from faultline_lite.store.deliveries import claim_delivery, retry_delivery
from tests.fakes import Answer, FakeClock, Fault, Receiver, Request
from tests.fakes.http import Reply
from tests.fakes.receiver import told
from tests.office import Office, open_office

pytestmark = pytest.mark.anyio


# Failures


async def test_delivery_that_cannot_be_read_is_a_failure_that_is_seen(
    office: Office, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    to = [receiver.config()]
    await office.report("opening", to=to)
    await receiver.next()
    await office.report("damaged", to=to)

    def damage(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE occurrence SET payload = x'00', dictionary_id = 0")

    await office.services.database.write(damage)
    await office.pass_time(5)
    damaged, _ = await office.deliveries()

    assert (damaged.state, damaged.attempts) == ("due", 1)
    assert damaged.failure == "an internal error, ZstdError; the log has more"
    assert "ZstdError while sending" in caplog.text


@pytest.mark.parametrize(
    "reply", [Answer(500), Answer(408), Answer(502), Fault.RESET, Fault.GARBAGE, Fault.CUT]
)
async def test_failure_that_may_pass_is_tried_again_and_loses_nothing(
    office: Office, receiver: Receiver, reply: Answer | Fault
) -> None:
    receiver.script.append(reply)

    await office.report("one", to=[receiver.config()])
    first = await receiver.next()
    await office.pass_time(5)
    second = await receiver.next()
    await office.rest()

    assert told(first) == told(second) == {"one": 1}
    (delivery,) = await office.deliveries()
    assert (delivery.attempts, delivery.occurrence_count) == (2, 1)


async def test_what_comes_while_a_channel_fails_follows_as_one_message(
    office: Office, receiver: Receiver
) -> None:
    receiver.script.extend([Answer(503)] * 6)
    to = [receiver.config()]

    await office.report("one", to=to)
    await receiver.next()
    seen: list[dict[str, int]] = []
    for _ in range(40):
        await office.report("two", to=to)
        await office.pass_time(60)
        while not receiver.is_empty:
            seen.append(told(await receiver.next()))
    settled = [each for each in await office.deliveries() if each.state == "sent"]

    assert not await office.waiting()
    assert sum(each.occurrence_count for each in settled) == 41
    # One for the first, at most two for what gathered while it failed, then one a minute.
    assert len(settled) < 41


async def test_time_that_the_other_side_asks_for_is_kept(
    office: Office, receiver: Receiver
) -> None:
    receiver.script.append(Answer(429, b"", {"Retry-After": "100"}))
    await office.report("one", to=[receiver.config()])
    await receiver.next()

    await office.pass_time(99)
    nothing_yet = receiver.is_empty
    await office.pass_time(1)

    assert nothing_yet
    assert told(await receiver.next()) == {"one": 1}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
async def test_refusal_is_final_visible_and_tried_again_by_hand(
    office: Office, receiver: Receiver, status: int
) -> None:
    receiver.script.append(Answer(status))
    await office.report("one", to=[receiver.config()])
    await receiver.next()
    # It has nothing more to do: the courier leaves.
    await office.rest()
    (failed,) = await office.deliveries()

    identity = await office.services.database.write(
        retry_delivery, failed.id, office.clock.now_ms()
    )
    assert identity is not None
    office.services.outbox.wake([identity])
    again = await receiver.next()
    await office.rest()

    assert failed.state == "failed"
    assert told(again) == {"one": 1}
    (delivery,) = await office.deliveries()
    assert delivery.state == "sent"
    assert str(status) in (failed.failure or "")


async def test_channel_that_is_dead_for_a_day_is_given_up_and_stays_visible(
    office: Office, receiver: Receiver
) -> None:
    receiver.script.extend([Answer(500)] * 1000)
    await office.report("one", to=[receiver.config()])
    await receiver.next()

    # The last attempt may come as late as one pause after the day.
    for _ in range(24 * 4 + 2):
        await office.pass_time(900)
        while not receiver.is_empty:
            await receiver.next()
    (delivery,) = await office.deliveries()

    assert delivery.state == "failed"
    assert 50 < delivery.attempts < 150
    assert "500" in (delivery.failure or "")


async def test_message_that_is_never_taken_holds_up_no_other(
    office: Office, receiver: Receiver
) -> None:
    take = receiver.handler
    receiver.handler = lambda request: Answer(500) if b"poison" in request.body else take(request)
    to = [receiver.config()]

    await office.report("poison", to=to)
    await office.rest()
    await office.report("fine", to=to)
    for _ in range(3):
        await office.pass_time(20)

    assert told(await receiver.next()) == {"fine": 1}
    assert {each.state for each in await office.deliveries()} == {"due", "sent"}


@pytest.mark.parametrize("attempts", [1, 2, 5, 50])
def test_back_off_grows_to_a_bound_and_differs_by_chance(attempts: int) -> None:
    longest = min(5 * 2 ** (attempts - 1), 900)

    assert back_off_seconds(attempts, lambda: 0.0) == longest
    assert back_off_seconds(attempts, lambda: 1.0) == longest / 2


# Channels beside each other


async def test_channel_that_hangs_delays_no_other(office: Office, receiver: Receiver) -> None:
    hanging = Receiver()
    hanging.script.extend([Fault.HANG] * 10)
    async with hanging.run():
        await office.report("one", to=[hanging.config(), receiver.config()])
        await hanging.next()
        first = await receiver.next()
        for _ in range(3):
            await office.report("two", to=[hanging.config(), receiver.config()])
            await office.pass_time(5, hanging=1)
            assert told(await receiver.next()) == {"two": 1}

    assert told(first) == {"one": 1}


async def test_channel_is_sent_one_message_at_a_time(office: Office, receiver: Receiver) -> None:
    receiver.script.append(Fault.HANG)
    to = [receiver.config(batch=0)]
    await office.report("one", to=to)
    await receiver.next()

    await office.report("two", to=to)
    await office.clock.advance(30)

    assert receiver.is_empty
    assert [each.occurrences for each in await office.waiting()] == [1]


# What is deleted, and what outlives the process


async def test_restart_sends_what_waited_and_what_was_being_sent(
    tmp_path: Path, clock: FakeClock, receiver: Receiver
) -> None:
    receiver.script.append(Fault.HANG)
    async with open_office(tmp_path, clock) as office:
        await office.report("being sent", to=[receiver.config()])
        await receiver.next()
        await office.report("waiting", to=[receiver.config()])
        (delivery,) = await office.deliveries()
    async with open_office(tmp_path, clock) as office:
        again = await receiver.next()
        await office.pass_time(5)
        after = await receiver.next()

    assert delivery.state == "sending"
    assert told(again) == {"being sent": 1}
    assert told(after) == {"waiting": 1}


async def test_message_under_way_is_finished_at_a_shutdown_and_nothing_else_begins(
    office: Office, receiver: Receiver
) -> None:
    outbox = office.services.outbox
    stopping: list[asyncio.Task[None]] = []
    take = receiver.handler

    def stop_and_take(request: Request) -> Reply:
        # It is not answered yet.
        stopping.append(asyncio.create_task(outbox.stop(10)))
        return take(request)

    receiver.handler = stop_and_take
    await office.report("under way", to=[receiver.config()])
    await receiver.next()
    await asyncio.wait_for(stopping[0], 10)
    await office.report("too late", to=[receiver.config(secret="another channel")])
    await office.rest()

    (delivery,) = await office.deliveries()
    assert (delivery.state, delivery.outcome) == ("sent", "answered 200")
    assert [each.occurrences for each in await office.waiting()] == [1]


async def test_message_that_outlasts_the_grace_is_cut_off_and_sent_at_the_next_start(
    tmp_path: Path, clock: FakeClock, receiver: Receiver
) -> None:
    receiver.script.append(Fault.HANG)
    async with open_office(tmp_path, clock) as office:
        await office.report("one", to=[receiver.config()])
        await receiver.next()
        await asyncio.wait_for(office.services.outbox.stop(0.01), 5)
    async with open_office(tmp_path, clock):
        again = await receiver.next()

    assert told(again) == {"one": 1}


async def test_claimed_message_is_nobody_elses_before_its_lease_is_over(
    office: Office, receiver: Receiver
) -> None:
    receiver.script.append(Fault.HANG)
    await office.report("one", to=[receiver.config()])
    await receiver.next()
    (delivery,) = await office.deliveries()
    now_ms = office.clock.now_ms()
    write = office.services.database.write

    early = await write(claim_delivery, delivery.id, now_ms + 59_999, now_ms + 60_000)
    late = await write(claim_delivery, delivery.id, now_ms + 60_000, now_ms + 120_000)
    again = await write(claim_delivery, delivery.id, now_ms + 60_000, now_ms + 120_000)

    assert early is None
    assert late is not None
    assert (late.id, late.attempts) == (delivery.id, 2)
    assert again is None


# Very many channels


async def test_dead_channels_keep_no_living_one_from_being_served(
    office: Office, receiver: Receiver
) -> None:
    services = office.services
    outbox = make_outbox(office, max_couriers=3)
    await services.outbox.stop(0)
    receiver.script.extend([Answer(500)] * 12)
    await office.report("one", to=[receiver.config(secret=f"dead {n}") for n in range(12)])
    await outbox.start()
    for _ in range(12):
        await receiver.next()
    await office.rest()
    # All that have a place rest for longer than a moment.
    await office.report("two", to=[receiver.config(secret="living")])

    await outbox.look_around()
    living = told(await receiver.next())
    for _ in range(4):
        await office.pass_time(60)
        await outbox.look_around()
    again = [told(await receiver.next()) for _ in range(12)]
    await outbox.stop(0)

    assert living == {"two": 1}
    assert again == [{"one": 1}] * 12


def make_outbox(office: Office, max_couriers: int) -> Outbox:
    """Return another outbox on the office's store, with room for so few couriers."""
    services = office.services
    tools = Tools(
        clock=office.clock,
        database=services.database,
        codec=services.codec,
        unsealer=Unsealer(services.key_store, "allow"),
        http=services.egress,
        turns=Turns(),
        places=asyncio.Semaphore(10),
        limits=Limits(5, 60),
        public_url=None,
        metrics=services.metrics,
    )
    return Outbox(tools, max_couriers)
