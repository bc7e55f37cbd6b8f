"""Issue trackers and the outbox: one issue an error, a comment a batch, closed when resolved."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from faultline_lite.fingerprint import group_key
from faultline_lite.models import Status
from faultline_lite.store.errors import ErrorAddress, get_error, update_status
from tests.fakes import Answer, FakeClock, FakeGitHub
from tests.fakes.github import TOKEN
from tests.office import Office, open_office
from tests.reports import PROJECT

pytestmark = pytest.mark.anyio


@pytest.fixture
async def github(anyio_backend: str) -> AsyncIterator[FakeGitHub]:
    async with FakeGitHub().run() as github:
        assert isinstance(github, FakeGitHub)
        yield github
        assert github.problems == []


@pytest.fixture
async def office(tmp_path: Path, clock: FakeClock, anyio_backend: str) -> AsyncIterator[Office]:
    async with open_office(tmp_path, clock) as office:
        yield office


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
