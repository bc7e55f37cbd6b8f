"""Issue trackers and the outbox: one issue an error, a comment a batch, closed when resolved."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from faultline_lite.fingerprint import group_key
from faultline_lite.models import Status
from faultline_lite.store.errors import ErrorAddress, get_error, update_status
from tests.fakes import Answer, FakeClock, FakeGitHub, Request
from tests.fakes.github import TOKEN
from tests.fakes.http import Reply
from tests.office import Office, open_office
from tests.reports import PROJECT

pytestmark = pytest.mark.anyio


@pytest.fixture
async def github(anyio_backend: str) -> AsyncIterator[FakeGitHub]:
    async with FakeGitHub().run() as github:
        assert isinstance(github, FakeGitHub)
        yield github
        assert github.problems == []


def config(github: FakeGitHub, **fields: Any) -> dict[str, Any]:
    return {
        "type": "github",
        "endpoint": github.endpoint,
        "userToken": TOKEN,
        "owner": "owner",
        "repo": "repo",
        **fields,
    }


async def set_status(office: Office, message: str, status: Status) -> None:
    def write(connection: Any) -> list[bytes]:
        key = group_key(message, exact=False, fingerprint=None)
        error = get_error(connection, ErrorAddress(PROJECT, (key,)))
        assert error is not None
        return update_status(connection, error.id, status, office.clock.now_ms())

    office.services.outbox.wake(await office.services.database.write(write))


async def pass_minutes(office: Office, minutes: int) -> None:
    for _ in range(minutes):
        await office.pass_time(60)


def titles(github: FakeGitHub) -> list[str]:
    return [issue.title for issue in github.issues.values()]


async def test_every_error_of_a_batch_gets_an_issue_of_its_own(
    office: Office, github: FakeGitHub
) -> None:
    await office.report("one", "two", "three", "two", to=[config(github)])
    for _ in range(3):
        await office.pass_time(1)

    assert sorted(titles(github)) == ["[notice] one", "[notice] three", "[notice] two"]
    assert len(await office.deliveries()) == 3


async def test_issues_are_opened_one_a_second(office: Office, github: FakeGitHub) -> None:
    await office.report("one", "two", "three", to=[config(github)])
    await office.rest()
    opened = [len(github.issues)]
    for _ in range(4):
        await office.pass_time(0.5)
        opened.append(len(github.issues))

    assert opened == [1, 1, 2, 2, 3]


async def test_batch_becomes_one_comment_with_its_count(office: Office, github: FakeGitHub) -> None:
    to = [config(github)]
    await office.report("one", to=to)
    await office.rest()
    for _ in range(12):
        await office.report("one", to=to)
    await office.pass_time(5)

    (issue,) = github.issues.values()
    (comment,) = issue.comments
    assert "12" in comment


async def test_number_outlives_a_restart_and_costs_no_search(
    tmp_path: Path, clock: FakeClock, github: FakeGitHub
) -> None:
    async with open_office(tmp_path, clock) as office:
        await office.report("one", to=[config(github)])
        await office.rest()
    before = len(github.requests)
    await clock.advance(60)
    async with open_office(tmp_path, clock) as office:
        await office.report("one", to=[config(github)])
        await office.rest()

    (issue,) = github.issues.values()
    assert len(issue.comments) == 1
    assert not [each for each in github.requests[before:] if "search" in each.path]


async def test_error_that_the_tracker_refuses_holds_up_no_other(
    office: Office, github: FakeGitHub
) -> None:
    act = github.handler
    github.handler = lambda request: Answer(502) if b"poison" in request.body else act(request)
    to = [config(github)]
    await office.report("poison", "fine", to=to)
    for _ in range(4):
        await office.pass_time(20)
    await office.report("poison", "later", to=to)
    for _ in range(4):
        await office.pass_time(20)

    assert sorted(titles(github)) == ["[notice] fine", "[notice] later"]
    # What comes of the error while its message fails waits for that to be settled.
    assert [each.occurrences for each in await office.waiting()] == [1]


async def test_more_errors_than_the_cap_allows_follow_in_the_next_hour(
    tmp_path: Path, clock: FakeClock, github: FakeGitHub
) -> None:
    async with open_office(tmp_path, clock, max_per_hour=3) as office:
        await office.report(*(f"error {letter}" for letter in "abcde"), to=[config(github)])
        for _ in range(30):
            await office.pass_time(60)
        within = len(github.issues)
        for _ in range(40):
            await office.pass_time(60)

    assert (within, len(github.issues)) == (3, 5)


async def test_what_finds_no_room_for_an_hour_is_summed_up_in_one_issue(
    tmp_path: Path, clock: FakeClock, github: FakeGitHub
) -> None:
    names = [f"error {letter}" for letter in "abcdefghij"]
    async with open_office(tmp_path, clock, max_per_hour=3) as office:
        to = [config(github)]
        await office.report(*names, to=to)
        await pass_minutes(office, 5)
        await office.report(*names[3:], *names[8:], to=to)
        await pass_minutes(office, 50)
        within = len(github.issues)
        await pass_minutes(office, 10)
        deliveries = await office.deliveries()
        waiting = await office.waiting()

    assert within == 3
    *_, sixth, seventh, summary = sorted(github.issues.values(), key=lambda each: each.number)
    # Two of the three are for the worst.
    assert {sixth.title, seventh.title} == {"[notice] error i", "[notice] error j"}
    assert summary.title == "[faultline-lite] Errors beyond the hourly limit"
    assert summary.body is not None
    assert "**10 occurrences of 5 errors**" in summary.body
    shown = [line for line in summary.body.splitlines() if line.startswith("- ")]
    assert shown == [f"- 2 times: `{PROJECT}`, `notice`, `{name}`" for name in names[3:8]]
    assert "at most 3 messages an hour" in summary.body
    # Every occurrence is in the count of one message.
    assert sum(each.occurrence_count for each in deliveries) == 19
    assert waiting == []


async def test_next_summary_is_a_comment_and_its_errors_get_issues_when_they_come_again(
    tmp_path: Path, clock: FakeClock, github: FakeGitHub
) -> None:
    async with open_office(tmp_path, clock, max_per_hour=1) as office:
        to = [config(github)]
        await office.report("one", "two", "three", to=to)
        await pass_minutes(office, 60)
        await office.report("four", "five", "five", to=to)
        await pass_minutes(office, 60)
        await pass_minutes(office, 60)
        await office.report("two", to=to)
        await pass_minutes(office, 1)

    opened, summary, again = github.issues.values()
    assert opened.title == "[notice] one"
    assert "**2 occurrences of 2 errors**" in (summary.body or "")
    (comment,) = summary.comments
    assert "**3 occurrences of 2 errors**" in comment
    assert again.title == "[notice] two"


async def test_channel_that_is_always_over_its_cap_sums_up_once_an_hour(
    tmp_path: Path, clock: FakeClock, github: FakeGitHub
) -> None:
    sent, longest_ms = 0, 0
    async with open_office(tmp_path, clock, max_per_hour=4) as office:
        for number in range(60):
            names = [f"error {chr(97 + number % 26)}{chr(97 + each)}" for each in range(5)]
            await office.report(*names, to=[config(github)])
            sent += len(names)
            await pass_minutes(office, 5)
            waiting = await office.waiting()
            longest_ms = max([longest_ms, *(clock.now_ms() - each.decided_ms for each in waiting)])
        deliveries = await office.deliveries()

    (summary,) = [each for each in github.issues.values() if "limit" in each.title]
    # Five hours: those of the first are the first to be summed up.
    assert len(summary.comments) <= 3
    told = sum(each.occurrence_count for each in deliveries)
    assert told + sum(each.occurrences for each in waiting) == sent
    assert 50 * 60_000 < longest_ms < 70 * 60_000


# Resolving


@pytest.mark.parametrize(
    ("fields", "state"), [({"close_on_resolve": True}, "closed"), ({}, "open")]
)
async def test_resolving_closes_the_issue_where_the_config_asks_for_it(
    office: Office, github: FakeGitHub, fields: dict[str, Any], state: str
) -> None:
    await office.report("one", to=[config(github, **fields)])
    await office.rest()

    await set_status(office, "one", "resolved")
    for _ in range(2):
        await office.pass_time(1)

    (issue,) = github.issues.values()
    assert issue.state == state
    assert len(issue.comments) == (1 if fields else 0)


async def test_resolving_what_is_resolved_closes_nothing_again(
    office: Office, github: FakeGitHub
) -> None:
    await office.report("one", to=[config(github, closeOnResolve=True)])
    await office.rest()
    await set_status(office, "one", "resolved")
    await office.pass_time(1)
    await office.pass_time(1)

    await set_status(office, "one", "resolved")
    await office.pass_time(5)

    kinds = [each.kind for each in await office.deliveries()]
    assert sorted(kinds) == ["message", "resolution"]


async def test_error_that_is_back_leaves_its_issue_open(office: Office, github: FakeGitHub) -> None:
    await office.report("one", to=[config(github, close_on_resolve=True)])
    await office.rest()

    # Both before the channel may be told of the first.
    await set_status(office, "one", "resolved")
    await set_status(office, "one", "unresolved")
    await office.pass_time(1)
    await office.pass_time(1)

    (issue,) = github.issues.values()
    assert (issue.state, issue.comments) == ("open", [])
    (resolution,) = [each for each in await office.deliveries() if each.kind == "resolution"]
    assert resolution.outcome == "nothing to close: the error is unresolved again"


async def test_regression_reopens_the_issue_that_resolving_closed(
    office: Office, github: FakeGitHub
) -> None:
    to = [config(github, close_on_resolve=True)]
    await office.report("one", to=to)
    await office.rest()
    await set_status(office, "one", "resolved")
    await office.pass_time(1)
    await office.pass_time(1)
    (issue,) = github.issues.values()
    closed = issue.state

    await office.report("one", to=to)
    for _ in range(3):
        await office.pass_time(5)

    assert (closed, issue.state) == ("closed", "open")
    assert len(github.issues) == 1


def closing_comments(github: FakeGitHub) -> list[str]:
    (issue,) = github.issues.values()
    return [each for each in issue.comments if each.startswith("Resolved at ")]


async def test_issue_that_is_opened_after_its_error_was_resolved_is_closed(
    office: Office, github: FakeGitHub
) -> None:
    act = github.handler
    github.handler = lambda _: Answer(502)
    await office.report("one", to=[config(github, close_on_resolve=True)])
    await office.rest()

    await set_status(office, "one", "resolved")
    github.handler = act
    for _ in range(3):
        await office.pass_time(5)

    (issue,) = github.issues.values()
    assert (issue.state, len(issue.comments)) == ("closed", 1)
    assert len(closing_comments(github)) == 1
    outcomes = {each.kind: each.outcome for each in await office.deliveries()}
    assert outcomes == {"message": "issue #1 opened", "resolution": "issue #1 closed"}


async def test_issue_that_is_being_opened_while_its_error_is_resolved_is_closed(
    office: Office, github: FakeGitHub
) -> None:
    act = github.handler
    resolving: list[asyncio.Task[None]] = []

    def resolve_and_act(request: Request) -> Reply:
        if request.method == "POST" and not resolving:
            resolving.append(asyncio.create_task(set_status(office, "one", "resolved")))
        return act(request)

    github.handler = resolve_and_act
    await office.report("one", to=[config(github, close_on_resolve=True)])
    await office.rest()
    await resolving[0]
    for _ in range(3):
        await office.pass_time(1)

    (issue,) = github.issues.values()
    assert (issue.state, len(closing_comments(github))) == ("closed", 1)


async def test_issue_that_is_told_of_what_came_before_the_resolving_is_closed_once(
    office: Office, github: FakeGitHub
) -> None:
    to = [config(github, close_on_resolve=True, batch=30)]
    await office.report("one", to=to)
    await office.rest()
    await office.report("one", "one", to=to)

    await set_status(office, "one", "resolved")
    for _ in range(8):
        await office.pass_time(5)

    (issue,) = github.issues.values()
    assert issue.state == "closed"
    assert [each.split("\n")[0] for each in issue.comments] == [
        "Came again: 2 times, 3 in all.",
        # When it was, not when the issue could be told.
        "Resolved at 2016-12-06T15:00:00+00:00.",
    ]


async def test_issue_without_the_wish_stays_open_though_its_error_was_resolved_before(
    office: Office, github: FakeGitHub
) -> None:
    github.replies.append(Answer(502))
    await office.report("one", to=[config(github)])
    await office.rest()

    await set_status(office, "one", "resolved")
    for _ in range(3):
        await office.pass_time(5)

    (issue,) = github.issues.values()
    assert (issue.state, issue.comments) == ("open", [])


async def test_wish_of_the_latest_config_counts(office: Office, github: FakeGitHub) -> None:
    await office.report("one", to=[config(github)])
    await office.rest()
    await office.report("one", to=[config(github, close_on_resolve=True)])
    await office.pass_time(5)

    await set_status(office, "one", "resolved")
    for _ in range(2):
        await office.pass_time(1)

    (issue,) = github.issues.values()
    assert issue.state == "closed"
