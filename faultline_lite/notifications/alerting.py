"""The rules: whether an occurrence notifies, and why, from its own numbers alone. Pure."""

from typing import Literal, NamedTuple, Protocol

from faultline_lite.notifications.messages import Reason
from faultline_lite.timekeys import Timeunit

#: Why not: the error is muted, its count is below the threshold or between two intervals, or it
#: was to notify once only.
Held = Literal["muted", "once", "below", "between"]
Verdict = Reason | Held

NOTIFYING: frozenset[Verdict] = frozenset({"first", "regression", "repeated"})


class Counters(Protocol):
    """What storing an occurrence produced.

    ``count`` is the occurrences of its error, ``bucket`` those in the unit of time that its
    timestamp falls in, itself included in both.
    """

    @property
    def count(self) -> int:
        """The occurrences of the error."""

    @property
    def bucket(self) -> int:
        """Those in the unit of time."""

    @property
    def regression(self) -> bool:
        """Whether the error was resolved before."""

    @property
    def muted(self) -> bool:
        """Whether the error is muted."""


class Rules(NamedTuple):
    """What a config asks for. As in the original, 0 stands for the default of 1."""

    threshold: int = 1
    notify_interval: int = 1


def decide(counters: Counters, rules: Rules) -> Verdict:
    """Return why the occurrence notifies, or why it does not."""
    if counters.muted:
        return "muted"
    if counters.count == 1:
        return "first"
    if counters.regression:
        return "regression"
    if rules.threshold < 0:
        return "once"
    if counters.bucket < (rules.threshold or 1):
        return "below"
    if counters.bucket % (rules.notify_interval or 1):
        return "between"
    return "repeated"


def explain(verdict: Verdict, counters: Counters, rules: Rules, timeunit: Timeunit) -> str:
    """Return the verdict as a person reads it: ``3 in this minute, threshold 30``."""
    seen = f"{counters.bucket} in this {timeunit}"
    threshold = f"threshold {rules.threshold or 1}"
    interval = rules.notify_interval or 1
    return {
        "muted": "the error is muted",
        "first": "the first occurrence of the error",
        "regression": "the error was resolved and is back",
        "once": f"not the first occurrence, and the {threshold} asks for no others",
        "below": f"{seen}, {threshold}",
        "between": f"{seen}, no multiple of the notifyInterval {interval}",
        "repeated": f"{seen}, {threshold}, notifyInterval {interval}",
    }[verdict]
