"""One issue for one error, at GitHub and at GitLab, whatever happens to it meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from faultline_lite.notifications.messages import ErrorSummary, Message, Resolution
from faultline_lite.notifiers.issue_texts import MAX_BODY_CHARACTERS, make_body, make_marker
from faultline_lite.notifiers.notifier import Http
from faultline_lite.notifiers.trackers import POLICIES, IfExist
from faultline_lite.notifiers.turns import Turns
from tests.fakes import FakeTrackedIssues
from tests.messages import HOSTILE, make_error, make_hostile_error, make_message
from tests.outgoing import open_way_out
from tests.rendering import render
from tests.trackers import GitHubSide, GitLabSide, TrackerSide

TITLE = "[notice] Undefined index: faultline"
ERROR = make_error()
MARKER = make_marker(ERROR.project, ERROR.fingerprint)
SIDES = [GitHubSide, GitLabSide]

both = pytest.mark.parametrize("make_side", SIDES)
MakeSide = Callable[[], TrackerSide]


@dataclass
class Teller:
    """Tells errors to a tracker, with one memory of its issues."""

    side: TrackerSide
    http: Http
    memory: FakeTrackedIssues = field(default_factory=FakeTrackedIssues)

    async def tell(
        self,
        error: ErrorSummary = ERROR,
        issues: FakeTrackedIssues | None = None,
        notes: tuple[str, ...] = (),
        **fields: Any,
    ) -> str:
        message = make_message(error, notes=notes)
        config = self.side.config(**fields)
        return await self.side.notifier.send(self.http, config, message, issues or self.memory)

    async def resolve(self, issues: FakeTrackedIssues | None = None) -> str:
        resolution = Resolution(
            error_id=ERROR.error_id,
            fingerprint=ERROR.fingerprint,
            project=ERROR.project,
            message=ERROR.message,
            type=ERROR.type,
            link=None,
            resolved_ms=1_481_036_400_000,
        )
        config = self.side.config()
        assert self.side.notifier.close is not None
        return await self.side.notifier.close(self.http, config, resolution, issues or self.memory)


def play(side: TrackerSide, scenario: Callable[[Teller], Awaitable[None]]) -> None:
    """Run a scenario beside a tracker, which must have found all requests as documented."""

    async def run() -> None:
        async with side.server.run(), open_way_out() as http:
            await scenario(Teller(side, http))

        assert side.server.problems == []

    asyncio.run(run())


@both
def test_first_time_opens_an_issue(make_side: MakeSide) -> None:
    side = make_side()

    async def scenario(teller: Teller) -> None:
        assert await teller.tell(labels=("bug", "from production")) == "issue #1 opened"

    play(side, scenario)

    assert side.titles() == [TITLE]
    assert (side.body(1), side.labels(1)) == (
        make_body(ERROR, None, ()),
        ["bug", "from production"],
    )


@both
@pytest.mark.parametrize(
    ("if_exist", "outcome", "reopens", "comments", "rewrites"),
    [
        ("reopen-and-comment", "open and commented on", True, True, False),
        ("reopen", "open", True, False, False),
        ("reopen-and-update", "open and rewritten", True, False, True),
        ("comment", "commented on", False, True, False),
        ("none", "left as it is", False, False, False),
    ],
)
def test_issue_that_exists_is_handled_as_the_config_says(
    make_side: MakeSide,
    if_exist: str,
    outcome: str,
    reopens: bool,
    comments: bool,
    rewrites: bool,
) -> None:
    side = make_side()

    async def scenario(teller: Teller) -> None:
        # Once by its title, once by its number; closed by a person each time.
        for _ in range(2):
            side.close(1)
            told = await teller.tell(if_exist=if_exist, labels=("new",))
            assert told == f"issue #1 {outcome}"
            assert side.is_open(1) == reopens

    side.add(TITLE, body="written by a person")
    play(side, scenario)

    assert side.titles() == [TITLE]
    assert len(side.comments(1)) == (2 if comments else 0)
    rewritten = (make_body(ERROR, None, ()), ["new"])
    assert (side.body(1), side.labels(1)) == (
        rewritten if rewrites else ("written by a person", [])
    )


@both
def test_remembered_issue_costs_no_search(make_side: MakeSide) -> None:
    side = make_side()

    async def scenario(teller: Teller) -> None:
        await teller.tell()
        costs = {"reopen-and-comment": 2, "reopen": 1, "comment": 2, "none": 1}
        for if_exist, count in costs.items():
            side.server.requests.clear()
            await teller.tell(if_exist=if_exist)
            assert len(side.server.requests) == count

    play(side, scenario)


@both
@pytest.mark.parametrize("filling", [5, 5_000])
def test_requests_do_not_grow_with_the_repository(make_side: MakeSide, filling: int) -> None:
    side = make_side()
    for number in range(filling):
        side.add(f"[notice] Undefined index: faultline {number}")

    async def scenario(teller: Teller) -> None:
        counts = []
        for deleted in (False, False, True):
            if deleted:
                side.remove(filling + 1)
            side.server.requests.clear()
            await teller.tell()
            counts.append(len(side.server.requests))

        # Opened: looked for in up to three ways. Found again by its number. Deleted: all of it.
        opened = side.most_requests - 2
        assert counts == [opened, 2, opened + 1]

    play(side, scenario)

    assert side.titles().count(TITLE) == 1


@both
def test_issue_is_found_again_by_its_marker_after_a_restart_without_memory(
    make_side: MakeSide,
) -> None:
    side = make_side()

    async def scenario(teller: Teller) -> None:
        await teller.tell()
        for number in range(30):
            side.add(f"[notice] another {number}")
        side.retitle(1, "renamed by a person")
        memory = FakeTrackedIssues()

        assert await teller.tell(issues=memory) == "issue #1 open and commented on"
        assert memory.numbers == {ERROR.error_id: 1}

    play(side, scenario)

    assert len(side.titles()) == 31


@both
def test_issue_of_the_original_is_found_again_by_its_title(make_side: MakeSide) -> None:
    side = make_side()
    long = make_error(message="日本語 " * 100)

    async def scenario(teller: Teller) -> None:
        await teller.tell(long)
        side.retitle(1, side.titles()[0].replace(" ", "  "))
        side.empty(1)
        for number in range(30):
            side.add(f"[notice] another {number}")

        assert (
            await teller.tell(long, issues=FakeTrackedIssues()) == "issue #1 open and commented on"
        )

    play(side, scenario)


@both
@pytest.mark.parametrize("memory", [None, 1])
def test_two_of_the_same_title_never_lead_to_a_third(
    make_side: MakeSide, memory: int | None
) -> None:
    side = make_side()
    for _ in range(3):
        side.add(TITLE)
    side.close(1)

    async def scenario(teller: Teller) -> None:
        issues = FakeTrackedIssues()
        await issues.set_number(ERROR.error_id, memory)
        outcome = await teller.tell(issues=issues)
        # The oldest open one, unless another is remembered.
        number = memory or 2
        assert outcome == f"issue #{number} open and commented on"

    play(side, scenario)

    assert side.titles() == [TITLE] * 3


@both
def test_deleted_issue_is_opened_anew_and_then_remembered(make_side: MakeSide) -> None:
    side = make_side()

    async def scenario(teller: Teller) -> None:
        for if_exist in ("reopen-and-comment", "reopen", "reopen-and-update", "comment", "none"):
            memory = FakeTrackedIssues()
            await teller.tell(issues=memory)
            number = memory.numbers[ERROR.error_id]
            side.remove(number)
            outcome = await teller.tell(issues=memory, if_exist=if_exist)
            anew = memory.numbers[ERROR.error_id]

            assert (outcome, anew > number) == (f"issue #{anew} opened", True)
            side.remove(anew)

    play(side, scenario)


@both
def test_tellers_at_once_open_one_issue_between_them(make_side: MakeSide) -> None:
    side = make_side()
    turns = Turns()

    async def scenario(teller: Teller) -> None:
        # Twelve of one channel, and four of other channels to the same repository.
        one = FakeTrackedIssues(turns)
        memories = [*[one] * 12, *[FakeTrackedIssues(turns) for _ in range(4)]]
        outcomes = await asyncio.gather(*[teller.tell(issues=memory) for memory in memories])

        assert sorted(outcomes) == ["issue #1 open and commented on"] * 15 + ["issue #1 opened"]
        assert {memory.numbers[ERROR.error_id] for memory in memories} == {1}

    play(side, scenario)

    assert (side.titles(), len(side.comments(1))) == ([TITLE], 15)


@both
def test_errors_with_other_titles_do_not_wait_for_each_other(make_side: MakeSide) -> None:
    side = make_side()

    async def scenario(teller: Teller) -> None:
        errors = [
            make_error(error_id=n, fingerprint=f"{n:032x}", message=f"error {n}") for n in range(8)
        ]
        await asyncio.gather(*[teller.tell(error) for error in errors])

    play(side, scenario)

    assert sorted(side.titles()) == sorted(f"[notice] error {n}" for n in range(8))


@both
def test_resolved_error_closes_its_issue_with_a_comment_and_coming_back_reopens_it(
    make_side: MakeSide,
) -> None:
    side = make_side()

    async def scenario(teller: Teller) -> None:
        await teller.tell()
        assert await teller.resolve() == "issue #1 closed"
        assert side.is_open(1) is False
        await teller.tell(make_error(reason="regression"))

    play(side, scenario)

    resolved, came_back = side.comments(1)
    assert resolved == "Resolved at 2016-12-06T15:00:00+00:00."
    assert came_back.startswith("Came back after it was resolved: once")
    assert side.is_open(1)


@both
def test_resolving_closes_nothing_where_no_issue_is_remembered_or_left(
    make_side: MakeSide,
) -> None:
    side = make_side()
    side.add(TITLE)

    async def scenario(teller: Teller) -> None:
        memory = FakeTrackedIssues()
        assert await teller.resolve(memory) == "no issue to close"
        await memory.set_number(ERROR.error_id, 1)
        side.remove(1)
        assert await teller.resolve(memory) == "issue #1 is gone"
        assert memory.numbers == {}

    play(side, scenario)


@both
def test_notes_go_to_the_issue(make_side: MakeSide) -> None:
    side = make_side()

    async def scenario(teller: Teller) -> None:
        await teller.tell(notes=("7 were held back",))

    play(side, scenario)
    assert "7 were held back\n" in render(side.body(1)).code


# Summaries


def make_summary(*numbers: int, more: int = 0) -> Message:
    """Return a message of the errors of these numbers, and of more that are not shown."""
    errors = [make_error(error_id=n, fingerprint=f"{n}", message=f"error {n}") for n in numbers]
    return make_message(*errors, error_count=len(errors) + more)


async def send(teller: Teller, message: Message, **fields: Any) -> str:
    config = teller.side.config(**fields)
    return await teller.side.notifier.send(teller.http, config, message, teller.memory)


@both
@pytest.mark.parametrize("if_exist", list(POLICIES))
def test_errors_that_are_summed_up_share_one_issue(make_side: MakeSide, if_exist: IfExist) -> None:
    side = make_side()
    outcomes: list[str] = []

    async def scenario(teller: Teller) -> None:
        for numbers in ((1, 2), (5, 6)):
            message = make_summary(*numbers, more=3)
            outcomes.append(await send(teller, message, labels=("storm",), if_exist=if_exist))
            side.close(1)

    play(side, scenario)
    (comment,) = side.comments(1)
    assert outcomes[0] == "5 errors summed up: issue #1 opened"
    assert outcomes[1].startswith("5 errors summed up: issue #1 ")
    assert side.titles() == ["[faultline-lite] Errors beyond the hourly limit"]
    assert side.labels(1) == ["storm"]
    assert "and 3 more" in side.body(1)
    assert [code for code in render(comment).code if "error" in code] == ["error 5", "error 6"]


@both
def test_closed_summary_is_reopened_by_the_next_one(make_side: MakeSide) -> None:
    side = make_side()

    async def scenario(teller: Teller) -> None:
        await send(teller, make_summary(1, 2))
        side.close(1)
        await send(teller, make_summary(1, 2))
        reopened = side.is_open(1)
        side.close(1)
        await send(teller, make_summary(1, 2), if_exist="comment")

        assert (reopened, side.is_open(1), len(side.comments(1))) == (True, False, 2)

    play(side, scenario)


@both
def test_huge_hostile_errors_are_summed_up_as_text(make_side: MakeSide) -> None:
    side = make_side()
    huge = [
        make_hostile_error(error_id=number, message=HOSTILE * 1000, type=filling * 1000)
        for number, filling in enumerate(("`", "@octocat ", "/close\n", "\u202e") * 5)
    ]

    async def scenario(teller: Teller) -> None:
        await send(teller, make_message(*huge, error_count=10_000, notes=(HOSTILE,)))
        await send(teller, make_message(*huge, error_count=10_000, notes=(HOSTILE,)))

    play(side, scenario)
    for text in (side.body(1), *side.comments(1)):
        assert render(text).references == []
        assert len(text) < MAX_BODY_CHARACTERS
    assert side.effects() == []


@both
def test_hostile_report_is_text_mentions_nobody_and_commands_nothing(make_side: MakeSide) -> None:
    side = make_side()
    hostile = make_hostile_error(reason="regression")

    async def scenario(teller: Teller) -> None:
        await teller.tell(hostile, notes=(HOSTILE,))
        # Twice more: found by its number, and by its title where the marker is gone.
        await teller.tell(hostile, if_exist="reopen-and-update")
        assert (
            await teller.tell(hostile, issues=FakeTrackedIssues())
            == "issue #1 open and commented on"
        )

    play(side, scenario)

    (title,) = side.titles()
    texts = [side.body(1), *side.comments(1)]
    assert [render(text).references for text in texts] == [[], []]
    assert (len(title) <= 255, title.isprintable(), side.effects()) == (True, True, [])


@both
def test_report_of_100_kb_everywhere_is_taken(make_side: MakeSide) -> None:
    side = make_side()
    huge = "`@octocat #1\n" * 8_000

    async def scenario(teller: Teller) -> None:
        error = make_error(
            message=huge, type=huge, project=huge, occurrence={"message": huge, "params": [huge]}
        )
        assert await teller.tell(error) == "issue #1 opened"
        assert await teller.tell(error) == "issue #1 open and commented on"

    play(side, scenario)
