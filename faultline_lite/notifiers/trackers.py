"""One issue for one error: what is done to it, the same at GitHub and at GitLab.

An issue is looked for by the number that is remembered, then by a hidden marker in its body, then
by its exact title; only where there is none of them is one opened. So a crash between opening and
remembering, a database made anew, or another server on the same repository lead to no second one.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Literal, Protocol, TypeVar

from faultline_lite.notifications.channels import ChannelConfig, Check, Text
from faultline_lite.notifications.messages import ErrorSummary, Message, Resolution
from faultline_lite.notifiers.endpoints import check_url
from faultline_lite.notifiers.issue_texts import (
    SUMMARY_TITLE,
    is_same_title,
    make_body,
    make_closing_comment,
    make_comment,
    make_marker,
    make_summary,
    make_summary_body,
    make_summary_marker,
    make_title,
    show_title,
)
from faultline_lite.notifiers.notifier import Http, Notifier, TrackedIssues
from faultline_lite.sentences import Sentence, say

#: Bodies of ours have up to 65,536 characters of up to four bytes: a page of so many issues fits
#: into LIST_BYTES.
PAGE_ISSUES = 15
LIST_BYTES = 4 * 2**20
#: Of what a vendor says of a failure.
MAX_DETAIL_CHARACTERS = 200
#: Issues that a search may name although they are gone; then a new one is opened.
MAX_CANDIDATES = 2

C = TypeVar("C", bound="TrackerConfig")

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
    """What the configs of both have in common; their ``endpoint`` has a default."""

    CHECKS: ClassVar[Mapping[str, Check]] = {**ChannelConfig.CHECKS, "endpoint": check_url}

    owner: Text
    repo: Text
    labels: tuple[Text, ...] = ()
    if_exist: IfExist = "reopen-and-comment"
    endpoint: Text

    @property
    def token(self) -> str:
        """What we are known by there."""
        raise NotImplementedError

    @property
    def place(self) -> str:
        """The repository."""
        return f"{self.owner}/{self.repo}"

    @property
    def destination(self) -> tuple[str, ...]:
        """The repository, and whom we are there."""
        return (self.endpoint, self.owner, self.repo, self.token)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The token."""
        return (self.token,)


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


def make_notifier(kind: type[C], connect: Callable[[Http, C], Tracker]) -> Notifier[C]:
    """Return the notifier for trackers of that kind, each of which ``connect`` leads to."""

    async def send(http: Http, config: C, message: Message, issues: TrackedIssues) -> Sentence:
        return await _tell(connect(http, config), config, message, issues)

    async def close(
        http: Http, config: C, resolution: Resolution, issues: TrackedIssues
    ) -> Sentence:
        return await _close(connect(http, config), config, resolution, issues)

    return Notifier(config=kind, send=send, close=close, one_error_each=True)


async def _tell(
    tracker: Tracker, config: TrackerConfig, message: Message, issues: TrackedIssues
) -> Sentence:
    """Tell the message's error to its issue; return what was done. Raises NotifyError.

    Several errors come in a message where there was no room for one of each: they are summed up in
    an issue of the repository's that is for nothing else, which exists once too.
    """
    if message.error_count > 1:
        return await _sum_up(tracker, config, message, issues)
    outcomes = [
        await _tell_error(tracker, config, error, message.notes, issues) for error in message.errors
    ]
    return Sentence("; ".join(outcomes)) if outcomes else say("nothing to tell")


async def _close(
    tracker: Tracker, config: TrackerConfig, resolution: Resolution, issues: TrackedIssues
) -> Sentence:
    """Close the remembered issue and say why; return what was done. Raises NotifyError."""
    number = await issues.get_number(resolution.error_id)
    if number is None:
        return say("no issue to close")
    # Closed first: where the comment fails and all is tried again, there is one comment.
    text = make_closing_comment(resolution, config.timezone)
    if await tracker.close(number) and await tracker.comment(number, text):
        return say("issue #{number} closed", number=number)
    await issues.set_number(resolution.error_id, None)
    return say("issue #{number} is gone", number=number)


async def _tell_error(
    tracker: Tracker,
    config: TrackerConfig,
    error: ErrorSummary,
    notes: tuple[str, ...],
    issues: TrackedIssues,
) -> Sentence:
    title = make_title(error.type, error.message)
    subject = _Subject(
        marker=make_marker(error.project, error.fingerprint),
        title=title,
        draft=Draft(
            title=show_title(title, mentions=tracker.mentions_in_titles),
            body=make_body(error, config.timezone, notes),
            labels=config.labels,
        ),
        comment=make_comment(error, config.timezone, notes),
        error_id=error.error_id,
    )
    return await _Errand(tracker, POLICIES[config.if_exist], subject, issues).run()


async def _sum_up(
    tracker: Tracker, config: TrackerConfig, message: Message, issues: TrackedIssues
) -> Sentence:
    subject = _Subject(
        marker=make_summary_marker(),
        title=SUMMARY_TITLE,
        draft=Draft(SUMMARY_TITLE, make_summary_body(message), config.labels),
        comment=make_summary(message),
        error_id=None,
    )
    # Without the comment nobody would be told: it is no choice.
    policy = Policy(reopens=POLICIES[config.if_exist].reopens, comments=True)
    outcome = await _Errand(tracker, policy, subject, issues).run()
    count = f"{message.error_count:,}"
    return say("{count} errors summed up: {reason}", count=count, reason=outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """What one issue is about: how it is found, and what is said in it.

    The number of an error's issue is remembered; a summary's, which has no ``error_id``, is looked
    for each time.
    """

    marker: str
    title: str
    draft: Draft
    comment: str
    error_id: int | None


class _Errand:
    """One subject to be told to one tracker."""

    def __init__(
        self, tracker: Tracker, policy: Policy, subject: _Subject, issues: TrackedIssues
    ) -> None:
        self._tracker = tracker
        self._policy = policy
        self._subject = subject
        self._issues = issues

    async def run(self) -> Sentence:
        """Return what was done."""
        subject = self._subject
        async with self._issues.turn(f"{self._tracker.place} {subject.title}"):
            remembered = await self._recall()
            if remembered is not None and await self._tell(remembered):
                # By this config now, whose wishes count for the issue from here on.
                await self._remember(remembered)
                return self._say(remembered)
            async for number in self._find(remembered):
                if await self._tell(number):
                    await self._remember(number)
                    return self._say(number)
            number = await self._tracker.open(subject.draft)
            await self._remember(number)
            return say("issue #{number} opened", number=number)

    async def _recall(self) -> int | None:
        error_id = self._subject.error_id
        return None if error_id is None else await self._issues.get_number(error_id)

    async def _remember(self, number: int) -> None:
        if self._subject.error_id is not None:
            await self._issues.set_number(self._subject.error_id, number)

    async def _tell(self, number: int) -> bool:
        """Do to the issue what the policy says; return False where it is gone."""
        policy = self._policy
        if policy.reopens:
            draft = self._subject.draft if policy.rewrites else None
            there = await self._tracker.reopen(number, draft)
        else:
            there = await self._tracker.exists(number)
        # The comment comes last: where it fails and all is tried again, there is one comment.
        if there and policy.comments:
            there = await self._tracker.comment(number, self._subject.comment)
        return there

    async def _find(self, gone: int | None) -> AsyncIterator[int]:
        """Yield the numbers of issues that may be the error's, the likeliest first."""
        newest = await self._tracker.find_newest()
        found = self._marked(newest)
        if not found:
            found = self._marked(await self._tracker.find_in_bodies(self._subject.marker))
        if not found:
            found = self._titled(
                [*newest, *await self._tracker.find_in_titles(self._subject.title)]
            )
        numbers = dict.fromkeys(issue.number for issue in found if issue.number != gone)
        for number in list(numbers)[:MAX_CANDIDATES]:
            yield number

    def _marked(self, issues: Sequence[Issue]) -> list[Issue]:
        return _in_order([issue for issue in issues if self._subject.marker in issue.body])

    def _titled(self, issues: Sequence[Issue]) -> list[Issue]:
        titles = (self._subject.title, self._subject.draft.title)
        return _in_order(
            [issue for issue in issues if any(is_same_title(issue.title, t) for t in titles)]
        )

    def _say(self, number: int) -> Sentence:
        policy = self._policy
        if policy.rewrites:
            return say("issue #{number} open and rewritten", number=number)
        if policy.reopens and policy.comments:
            return say("issue #{number} open and commented on", number=number)
        if policy.reopens:
            return say("issue #{number} open", number=number)
        if policy.comments:
            return say("issue #{number} commented on", number=number)
        return say("issue #{number} left as it is", number=number)


def _in_order(issues: list[Issue]) -> list[Issue]:
    """Return the open ones first, then the oldest: all servers choose the same of several."""
    return sorted(issues, key=lambda issue: (not issue.is_open, issue.number))
