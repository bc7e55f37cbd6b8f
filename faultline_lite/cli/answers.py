"""What the commands rely on in an answer of the API; there may be more in it."""

from typing import Generic, NotRequired, TypedDict, TypeVar

import msgspec

T = TypeVar("T")


class Answer(TypedDict, Generic[T]):
    """The frame of every answer with a body."""

    data: T


class Problem(TypedDict):
    """One thing that is wrong with a request."""

    message: str
    path: NotRequired[list[str]]


class Refusal(TypedDict):
    """The body of every answer but 2xx."""

    errors: list[Problem]


class Project(TypedDict):
    """A project with totals over its errors."""

    name: str
    count: int
    unresolvedCount: int
    lastUpdated: str


class ProjectPage(TypedDict):
    """All projects."""

    projects: list[Project]


class Error(TypedDict):
    """A group of occurrences."""

    message: str
    type: str
    status: str
    count: int
    firstSeen: str
    lastUpdated: str
    fingerprint: NotRequired[str]


class ErrorPage(TypedDict):
    """Errors of a project."""

    errors: list[Error]
    nextCursor: NotRequired[str | None]


class SnippetPart(TypedDict):
    """A piece of what was found."""

    text: str
    matched: bool


class Snippet(TypedDict):
    """Where something was found, and it."""

    field: str
    parts: list[SnippetPart]


class FoundError(Error):
    """An error that a search found."""

    project: str
    snippet: NotRequired[Snippet]


class SearchPage(TypedDict):
    """Errors that a search found."""

    errors: list[FoundError]
    nextCursor: NotRequired[str | None]
    notice: NotRequired[str | None]


class ErrorChanged(TypedDict):
    """An error after a change."""

    error: Error


class Frame(TypedDict):
    """One frame of a backtrace."""

    file: NotRequired[str | None]
    line: NotRequired[int | None]
    function: NotRequired[str | None]


class Place(TypedDict):
    """Where in the order of its error's occurrences one stands."""

    reversedUnixtime: str


class Occurrence(Place):
    """A stored occurrence."""

    message: str
    timestamp: str
    backtrace: NotRequired[list[Frame] | None]


class OccurrencePage(TypedDict):
    """Occurrences of an error."""

    errors: list[Occurrence]


class RawPage(TypedDict):
    """Occurrences of an error, each as the bytes of its JSON."""

    errors: list[msgspec.Raw]


class ErrorShown(TypedDict):
    """An error with its latest occurrence."""

    summary: Error
    error: Occurrence


class PostCount(TypedDict):
    """How many entries were stored."""

    postCount: int


class Posted(TypedDict):
    """The outcome of a report."""

    errors: PostCount


class Freed(TypedDict):
    """What retention let go, or would."""

    occurrences: int
    errors: int
    payloadBytes: int
    reasons: NotRequired[dict[str, int]]


class ToldError(TypedDict):
    """An error that a delivery tells of."""

    message: str


class Delivery(TypedDict):
    """A message to a channel."""

    id: int
    channel: str
    state: str
    attempts: int
    updatedAt: str
    occurrenceCount: int
    errors: list[ToldError]
    outcome: NotRequired[str]
    failure: NotRequired[str]


class WaitingChannel(TypedDict):
    """What a channel has in no message yet."""

    channel: str
    errorCount: int
    occurrenceCount: int
    since: str


class DeliveryPage(TypedDict):
    """Deliveries, and what waits."""

    deliveries: list[Delivery]
    waiting: list[WaitingChannel]
    nextCursor: NotRequired[str | None]


class DeliveryChanged(TypedDict):
    """A delivery after a change."""

    delivery: Delivery


class Fate(TypedDict):
    """What became of a decided notification."""

    state: str
    id: NotRequired[int]
    outcome: NotRequired[str]
    failure: NotRequired[str]


class Decision(TypedDict):
    """What was decided for one channel."""

    channel: str
    decision: str
    reason: str
    delivery: Fate | None


class Decisions(TypedDict):
    """What was decided for an occurrence, and by which numbers."""

    count: int
    bucket: int
    timeunit: str
    regression: bool
    muted: bool
    decisions: list[Decision]


class Regrouped(TypedDict):
    """Errors that become one, or one that becomes so many."""

    project: str
    message: str
    errors: int


class PlanResult(TypedDict):
    """What regrouping would come to."""

    before: int
    after: int
    renamed: int
    reopened: int
    merges: list[Regrouped]
    splits: list[Regrouped]


class Plan(TypedDict):
    """A plan, made or in the making."""

    state: str
    problem: NotRequired[str]
    result: NotRequired[PlanResult]


class Regroup(TypedDict):
    """A regrouping, or the undoing of one, done or under way."""

    action: str
    state: str
    merged: int
    created: int
    moved: int
    problem: NotRequired[str]


class RegroupShown(TypedDict):
    """The last plan and the last regrouping."""

    plan: Plan | None
    regroup: Regroup | None
