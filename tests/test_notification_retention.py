"""What goes of notifications in time: old deliveries, configs out of use, what was deleted."""

import sqlite3

import pytest

from faultline_lite.store.errors import ErrorAddress, delete_error, get_error
from faultline_lite.store.notification_retention import (
    delete_unused_configs,
    erase_delivery,
    list_settled_deliveries,
    list_unused_configs,
)
from faultline_lite.store.projects import delete_project
from tests.fakes import Answer, Fault, Receiver
from tests.fakes.receiver import told
from tests.office import Office
from tests.reports import PROJECT

pytestmark = pytest.mark.anyio
DAY_SECONDS = 86_400
TABLES = ("channel", "channel_config", "outbox", "delivery", "delivery_item", "tracked_issue")


async def count(office: Office) -> dict[str, int]:
    def read(connection: sqlite3.Connection) -> dict[str, int]:
        return {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - ours
            for table in TABLES
        }

    return await office.services.database.read(read)


async def let_go(office: Office, keep: int) -> None:
    """Let go all deliveries and configs that may go, but for so many."""

    def write(connection: sqlite3.Connection) -> None:
        for delivery_id in list_settled_deliveries(connection, 0, keep, 1000):
            while erase_delivery(connection, delivery_id, 1):
                pass
        delete_unused_configs(connection, list_unused_configs(connection, keep, 1000))

    await office.services.database.write(write)


async def delete(office: Office, message: str) -> None:
    def write(connection: sqlite3.Connection) -> None:
        # "oops" alone is the pattern of its error.
        rows = connection.execute("SELECT group_key FROM error WHERE message = ?", (message,))
        error = get_error(connection, ErrorAddress(PROJECT, (rows.fetchone()[0],)))
        assert error is not None
        delete_error(connection, error.id)

    await office.services.database.write(write)


async def test_pending_notifications_of_a_deleted_error_are_not_sent(
    office: Office, receiver: Receiver
) -> None:
    to = [receiver.config()]
    await office.report("opening", to=to)
    await receiver.next()
    await office.report("gone", "stays", to=to)

    await delete(office, "gone")
    await office.pass_time(5)

    assert told(await receiver.next()) == {"stays": 1}


async def test_message_of_a_deleted_error_alone_is_never_sent(
    office: Office, receiver: Receiver
) -> None:
    receiver.script.append(Answer(500))
    await office.report("gone", to=[receiver.config()])
    await receiver.next()
    await office.rest()

    await delete(office, "gone")
    await office.pass_time(60)

    assert receiver.is_empty
    assert (await count(office))["delivery"] == 0


async def test_deleting_a_project_takes_what_waits_along(
    office: Office, receiver: Receiver
) -> None:
    to = [receiver.config()]
    await office.report("opening", to=to)
    await receiver.next()
    await office.report("gone", to=to)

    await office.services.database.write(delete_project, PROJECT)
    await office.services.retention.erase_deleted()
    await office.pass_time(60)

    assert receiver.is_empty
    left = await count(office)
    assert (left["outbox"], left["delivery_item"]) == (0, 0)


async def test_message_under_way_outlives_its_deleted_error(
    office: Office, receiver: Receiver
) -> None:
    receiver.script.append(Fault.HANG)
    await office.report("gone", to=[receiver.config()])
    await receiver.next()

    await delete(office, "gone")
    await office.services.retention.erase_deleted()

    assert (await count(office))["delivery"] == 1


async def test_settled_deliveries_go_with_age_and_open_ones_stay(
    office: Office, receiver: Receiver
) -> None:
    await office.report("old", to=[receiver.config()])
    await receiver.next()
    await office.rest()
    await office.clock.advance(91 * DAY_SECONDS)
    await office.report("young", to=[receiver.config()])
    await receiver.next()
    await office.rest()

    await office.services.retention.run()

    (delivery,) = await office.deliveries()
    assert [each.message for each in delivery.errors] == ["young"]


async def test_deliveries_and_configs_are_bounded_in_number(
    office: Office, receiver: Receiver
) -> None:
    for number in range(8):
        await office.report("oops", to=[receiver.config(secret=f"secret {number}")])
        await receiver.next()
        await office.rest()

    await let_go(office, 3)

    left = await count(office)
    assert (left["delivery"], left["channel_config"], left["channel"]) == (3, 3, 3)
    # What was let go is stored anew when somebody names it again.
    await office.report("oops", to=[receiver.config(secret="secret 0")])
    assert told(await receiver.next()) == {"oops": 1}


async def test_config_that_something_waits_for_is_kept(office: Office, receiver: Receiver) -> None:
    waiting = receiver.config(secret="waiting")
    await office.report("opening", to=[waiting])
    await receiver.next()
    await office.report("oops", to=[waiting])
    await office.report("oops", to=[receiver.config(secret="other")])
    await receiver.next()
    await office.rest()

    await let_go(office, 0)
    await office.pass_time(5)

    assert told(await receiver.next()) == {"oops": 1}
