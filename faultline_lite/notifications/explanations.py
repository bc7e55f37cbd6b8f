"""Why an occurrence notified each channel that it named, or did not, and what became of it.

It decides again, by the numbers that were kept, as ``decisions`` did when the occurrence came.
"""

import sqlite3
from typing import Literal, NamedTuple

from faultline_lite.models import NamedChannel
from faultline_lite.notifications.alerting import Rules, Verdict, decide
from faultline_lite.notifications.decisions import Outcome, decide_one, rules_of
from faultline_lite.store.delivery_history import (
    Delivery,
    OccurrenceNumbers,
    get_fate,
    is_waiting,
    list_named,
)
from faultline_lite.timekeys import Timeunit

#: A delivery; in the outbox still, in no message yet; or nothing that is known any more.
Fate = Delivery | Literal["waiting"] | None


class Explanation(NamedTuple):
    """What was decided for a channel and why, in words; ``verdict`` is None where it was refused.

    ``fate`` is None too where the channel was not to be told.
    """

    channel: NamedChannel
    rules: Rules
    outcome: Outcome
    verdict: Verdict | None
    reason: str
    fate: Fate


def explain_occurrence(
    connection: sqlite3.Connection, numbers: OccurrenceNumbers, timeunit: Timeunit
) -> list[Explanation]:
    """Return the decisions, one for each config that the occurrence named, in their order."""
    explanations = []
    # A channel that two configs lead to was told once, by the first.
    told: dict[bytes, Fate] = {}
    for config_id, channel in list_named(connection, numbers):
        outcome, reason = decide_one(channel, numbers, timeunit)
        rules = rules_of(channel)
        fate: Fate = None
        if outcome == "refused":
            fate = _find_fate(connection, numbers, config_id)
        elif outcome == "notify":
            if channel.identity not in told:
                told[channel.identity] = _find_fate(connection, numbers, config_id)
            fate = told[channel.identity]
        verdict = None if outcome == "refused" else decide(numbers, rules)
        explanations.append(Explanation(channel, rules, outcome, verdict, reason, fate))
    return explanations


def _find_fate(connection: sqlite3.Connection, numbers: OccurrenceNumbers, config_id: int) -> Fate:
    if is_waiting(connection, numbers, config_id):
        return "waiting"
    return get_fate(connection, numbers, config_id)
