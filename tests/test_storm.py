"""A storm of errors is some messages, within the caps, and every occurrence is in one of them."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeClock, FakeSlack
from tests.office import Office, open_office

pytestmark = pytest.mark.anyio

ERRORS = 50
REPORTS = 200
#: Of one report.
ENTRIES = 50
MINUTE_SECONDS = 60
_HEADLINE = re.compile(r"([\d,]+) occurrences? of ([\d,]+) errors?")


@pytest.fixture
async def slack(anyio_backend: str) -> AsyncIterator[FakeSlack]:
    async with FakeSlack().run() as slack:
        assert isinstance(slack, FakeSlack)
        yield slack


def told(message: dict[str, Any]) -> int:
    """Return how many occurrences a message tells of: in its headline, or its only error's one."""
    found = _HEADLINE.search(message.get("text", ""))
    return int(found[1].replace(",", "")) if found else 1


async def storm(office: Office, slack: FakeSlack) -> None:
    """Report 10,000 occurrences of 50 errors within a minute of the office's clock."""
    to = [{"type": "slack", "endpoint": slack.endpoint, "channel": "#storm"}]
    names = [f"error {chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(ERRORS)]
    for number in range(REPORTS):
        messages = [names[(number + step * step) % ERRORS] for step in range(ENTRIES)]
        await office.report(*messages, to=to)
        await office.pass_time(MINUTE_SECONDS / REPORTS)


async def drain(office: Office, seconds: int) -> None:
    for _ in range(seconds // MINUTE_SECONDS):
        await office.pass_time(MINUTE_SECONDS)


async def test_storm_is_one_message_a_batch_and_all_of_it_is_told(
    tmp_path: Path, clock: FakeClock, slack: FakeSlack
) -> None:
    async with open_office(tmp_path, clock) as office:
        await storm(office, slack)
        await drain(office, 2 * MINUTE_SECONDS)
        waiting = await office.waiting()

    # The first at once, then one for each five seconds of the minute.
    assert len(slack.messages) == 13
    assert sum(map(told, slack.messages)) == REPORTS * ENTRIES
    assert waiting == []


async def test_storm_over_the_cap_is_told_in_a_closing_message(
    tmp_path: Path, clock: FakeClock, slack: FakeSlack
) -> None:
    async with open_office(tmp_path, clock, max_per_hour=4) as office:
        await storm(office, slack)
        within = len(slack.messages)
        await drain(office, 90 * MINUTE_SECONDS)
        waiting = await office.waiting()

    assert within == 4
    assert len(slack.messages) == 5
    assert sum(map(told, slack.messages)) == REPORTS * ENTRIES
    assert "at most 4 messages an hour" in slack.messages[-1]["text"]
    assert waiting == []
