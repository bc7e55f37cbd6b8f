"""What a message says of each error: links, whole messages, the occurrence it is about."""

from pathlib import Path
from typing import Any

import pytest

from faultline_lite.sealedbox import create_key_file
from tests.fakes import FakeClock, Receiver
from tests.office import Office, open_office
from tests.reports import PROJECT

pytestmark = pytest.mark.anyio
#: Of the first occurrence, since the clock stands still.
PLACE = "9007197773704591"


async def only_error(receiver: Receiver) -> dict[str, Any]:
    (error,) = (await receiver.next())["errors"]
    found: dict[str, Any] = error
    return found


@pytest.mark.parametrize(
    ("settings", "fields", "link"),
    [
        ({}, {}, None),
        (
            {"public_url": "https://errors.example.com"},
            {},
            f"https://errors.example.com/projects/{PROJECT}/errors/a%2Fb/occurrences/{PLACE}",
        ),
        (
            {"public_url": "https://errors.example.com"},
            {"linkTemplate": "https://a.example/{message}/{reversedUnixtime}"},
            f"https://a.example/a%2Fb/{PLACE}",
        ),
        ({}, {"linkTemplate": "https://a.example/{project}"}, "https://a.example/sample-project"),
    ],
)
async def test_link_leads_to_the_template_or_to_this_server(
    tmp_path: Path,
    clock: FakeClock,
    receiver: Receiver,
    settings: dict[str, Any],
    fields: dict[str, Any],
    link: str | None,
) -> None:
    async with open_office(tmp_path, clock, **settings) as office:
        await office.report("a/b", to=[receiver.config(**fields)])
        error = await only_error(receiver)

    assert error["link"] == link


async def test_error_is_called_by_its_first_message_and_shows_its_latest_occurrence(
    office: Office, receiver: Receiver
) -> None:
    await office.report("user 1", "user 2", "user 3", to=[receiver.config()])

    error = await only_error(receiver)

    assert (error["message"], error["occurrence"]["message"]) == ("user 1", "user 3")
    assert (error["reversedUnixtime"], error["total"]) == ("9007197773704591-3", 3)


async def test_long_message_is_whole(office: Office, receiver: Receiver) -> None:
    message = "x" * 2000 + " 終わり"

    await office.report(message, to=[receiver.config()])

    assert (await only_error(receiver))["message"] == message


async def test_occurrence_that_retention_took_gives_way_to_the_latest(
    office: Office, receiver: Receiver
) -> None:
    to = [receiver.config()]
    await office.report("opening", to=to)
    await receiver.next()
    await office.report("user 1", to=to)
    await office.report("user 2", to=[], timestamp="2016-12-07T01:00:00+09:00")

    def thin(connection: Any) -> None:
        connection.execute("DELETE FROM occurrence WHERE second = 1481036400 AND count = 1")

    await office.services.database.write(thin)
    await office.pass_time(5)
    error = await only_error(receiver)

    assert (error["message"], error["occurrences"]) == ("user 1", 1)
    assert error["occurrence"]["message"] == "user 2"


async def test_error_without_any_occurrence_left_is_told_all_the_same(
    office: Office, receiver: Receiver
) -> None:
    to = [receiver.config()]
    await office.report("opening", to=to)
    await receiver.next()
    await office.report("gone", to=to)

    def thin(connection: Any) -> None:
        connection.execute("DELETE FROM occurrence")

    await office.services.database.write(thin)
    await office.pass_time(5)
    error = await only_error(receiver)

    assert (error["message"], error["occurrences"], error["occurrence"]) == ("gone", 1, {})
    assert error["timestamp"] == "2016-12-06T15:00:00+00:00"


async def test_config_whose_key_is_gone_is_a_failed_delivery(
    tmp_path: Path, clock: FakeClock, receiver: Receiver
) -> None:
    to = [receiver.config(batch=60)]
    async with open_office(tmp_path, clock) as office:
        await office.report("opening", to=to)
        await receiver.next()
        await office.report("one", to=to)
    (tmp_path / "faultline.key").unlink()
    create_key_file(tmp_path / "faultline.key", 2)
    await clock.advance(60)
    async with open_office(tmp_path, clock) as office:
        await office.rest()
        failed, *_ = await office.deliveries()

    assert (failed.state, failed.attempts) == ("failed", 1)
    assert failed.failure == (
        "the config cannot be used: it is sealed to a key that this server does not have"
    )
    assert receiver.is_empty
