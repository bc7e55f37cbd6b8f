"""One issue for one error: what is done to it, the same at GitHub and at GitLab.

An issue is looked for by the number that is remembered, then by a hidden marker in its body, then
by its exact title; only where there is none of them is one opened. So a crash between opening and
remembering, a database made anew, or another server on the same repository lead to no second one.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol

from faultline_lite.notifications.channels import ChannelConfig, Text
from faultline_lite.notifications.messages import ErrorSummary, Message, Resolution
from faultline_lite.notifiers.issue_texts import (
    is_same_title,
    make_body,
    make_closing_comment,
    make_comment,
    make_marker,
    make_title,
    show_title,
)
from faultline_lite.notifiers.notifier import TrackedIssues

#: Issues that a search may name although they are gone; then a new one is opened.
MAX_CANDIDATES = 2

IfExist = Literal["reopen-and-comment", "reopen", "reopen-and-update", "comment", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is done to an issue that exists."""

    reopens: bool = False
    comments: bool = False
    rewrites: bool = False


POLICIES: Mapping[IfExist, Policy] = MappingProxyType(
    {
        "reopen-and-comment": Policy(reopens=True, comments=True),
        "reopen": Policy(reopens=True),
        "reopen-and-update": Policy(reopens=True, rewrites=True),
        "comment": Policy(comments=True),
        "none": Policy(),
    }
)


class TrackerConfig(ChannelConfig, frozen=True, kw_only=True):
    """What the configs of both have in common."""

    owner: Text
    repo: Text
    labels: tuple[Text, ...] = ()
    if_exist: IfExist = "reopen-and-comment"

    @property
    def place(self) -> str:
        """The repository."""
        return f"{self.owner}/{self.repo}"


@dataclass(frozen=True, slots=True)
class Draft:
    """What an issue should say."""

    title: str
    body: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Issue:
    """What a tracker says of an issue."""

    number: int
    title: str
    body: str
    is_open: bool


class Tracker(Protocol):
    """A repository's issues. Its methods raise NotifyError.

    Those that take a number return whether there is such an issue: False where it was deleted or
    moved away.
    """

    #: The service and the repository, the same for every channel that leads there.
    place: str
    #: Whether a name in a title is told of it.
    mentions_in_titles: bool

    async def find_newest(self) -> Sequence[Issue]:
        """Return some of the newest issues, where searches lag behind; nothing otherwise."""

    async def find_in_bodies(self, marker: str) -> Sequence[Issue]:
        """Return issues whose bodies may hold that word."""

    async def find_in_titles(self, title: str) -> Sequence[Issue]:
        """Return issues whose titles may be that one."""

    async def open(self, draft: Draft) -> int:
        """Open an issue and return its number."""

    async def exists(self, number: int) -> bool:
        """Return whether there is that issue."""

    async def reopen(self, number: int, draft: Draft | None) -> bool:
        """Have the issue open, and say what the draft does."""

    async def close(self, number: int) -> bool:
        """Have the issue closed."""

    async def comment(self, number: int, text: str) -> bool:
        """Comment on the issue."""


async def tell_tracker(
    tracker: Tracker, config: TrackerConfig, message: Message, issues: TrackedIssues
) -> str:
    """Tell each of the message's errors to its issue; return what was done. Raises NotifyError."""
    outcomes = [
        await _Errand(tracker, config, error, message.notes, issues).run()
        for error in message.errors
    ]
    return ", ".join(outcomes) or "nothing to tell"


async def close_issue(
    tracker: Tracker, config: TrackerConfig, resolution: Resolution, issues: TrackedIssues
) -> str:
    """Close the remembered issue and say why; return what was done. Raises NotifyError."""
    number = await issues.get_number(resolution.error_id)
    if number is None:
        return "no issue to close"
    # Closed first: where the comment fails and all is tried again, there is one comment.
    text = make_closing_comment(resolution, config.timezone)
    if await tracker.close(number) and await tracker.comment(number, text):
        return f"issue #{number} closed"
    await issues.set_number(resolution.error_id, None)
    return f"issue #{number} is gone"


class _Errand:
    """One error to be told to one tracker."""

    def __init__(
        self,
        tracker: Tracker,
        config: TrackerConfig,
        error: ErrorSummary,
        notes: tuple[str, ...],
        issues: TrackedIssues,
    ) -> None:
        self._tracker = tracker
        self._issues = issues
        self._error = error
        self._policy = POLICIES[config.if_exist]
        self._marker = make_marker(error.project, error.fingerprint)
        self._title = make_title(error.type, error.message)
        self._draft = Draft(
            title=show_title(self._title, mentions=tracker.mentions_in_titles),
            body=make_body(error, config.timezone, notes),
            labels=config.labels,
        )
        self._comment = make_comment(error, config.timezone, notes)

    async def run(self) -> str:
        """Return what was done."""
        error_id = self._error.error_id
        async with self._issues.turn(f"{self._tracker.place} {self._title}"):
            remembered = await self._issues.get_number(error_id)
            if remembered is not None and await self._tell(remembered):
                # By this config now, whose wishes count for the issue from here on.
                await self._issues.set_number(error_id, remembered)
                return self._say(remembered)
            async for number in self._find(remembered):
                if await self._tell(number):
                    await self._issues.set_number(error_id, number)
                    return self._say(number)
            number = await self._tracker.open(self._draft)
            await self._issues.set_number(error_id, number)
            return f"issue #{number} opened"

    async def _tell(self, number: int) -> bool:
        """Do to the issue what the policy says; return False where it is gone."""
        policy = self._policy
        if policy.reopens:
            draft = self._draft if policy.rewrites else None
            there = await self._tracker.reopen(number, draft)
        else:
            there = await self._tracker.exists(number)
        # The comment comes last: where it fails and all is tried again, there is one comment.
        if there and policy.comments:
            there = await self._tracker.comment(number, self._comment)
        return there

    async def _find(self, gone: int | None) -> AsyncIterator[int]:
        """Yield the numbers of issues that may be the error's, the likeliest first."""
        newest = await self._tracker.find_newest()
        found = self._marked(newest)
        if not found:
            found = self._marked(await self._tracker.find_in_bodies(self._marker))
        if not found:
            found = self._titled([*newest, *await self._tracker.find_in_titles(self._title)])
        numbers = dict.fromkeys(issue.number for issue in found if issue.number != gone)
        for number in list(numbers)[:MAX_CANDIDATES]:
            yield number

    def _marked(self, issues: Sequence[Issue]) -> list[Issue]:
        return _in_order([issue for issue in issues if self._marker in issue.body])

    def _titled(self, issues: Sequence[Issue]) -> list[Issue]:
        titles = (self._title, self._draft.title)
        return _in_order(
            [issue for issue in issues if any(is_same_title(issue.title, t) for t in titles)]
        )

    def _say(self, number: int) -> str:
        policy = self._policy
        words = {
            "open": policy.reopens,
            "rewritten": policy.rewrites,
            "commented on": policy.comments,
        }
        done = " and ".join(word for word, is_so in words.items() if is_so)
        return f"issue #{number} {done or 'left as it is'}"


def _in_order(issues: list[Issue]) -> list[Issue]:
    """Return the open ones first, then the oldest: all servers choose the same of several."""
    return sorted(issues, key=lambda issue: (not issue.is_open, issue.number))
