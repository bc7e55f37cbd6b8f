"""What the rules make of occurrences: rows for the outbox, and words for the answer.

It runs twice, on the same numbers: inside the ingest transaction, and after it for the client. The
rules are in ``alerting``.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from faultline_lite.alerting import NOTIFYING, Counters, Rules, decide, explain
from faultline_lite.models import NamedChannel, NewOccurrence, Recorded
from faultline_lite.store.channels import ConfigIds, ensure_configs
from faultline_lite.store.outbox import Due, insert_due, insert_refused
from faultline_lite.timekeys import Timeunit, parse_reversed_unixtime

Outcome = Literal["notify", "held", "refused"]


class Decision(NamedTuple):
    """What was decided for a channel, and why; of so many occurrences of the report."""

    channel: NamedChannel
    outcome: Outcome
    reason: str
    occurrences: int = 1


def name_configs(
    connection: sqlite3.Connection, reports: Sequence[Sequence[NewOccurrence]]
) -> Mapping[bytes, ConfigIds]:
    """Return the ids of the channels that the reports name, by digest, inserting new ones."""
    named = {}
    received_ms = 0
    for report in reports:
        for occurrence in report[:1]:
            for channel in occurrence.channels:
                named[channel.digest] = channel
                received_ms = occurrence.received_ms
    return ensure_configs(connection, named.values(), received_ms) if named else {}


def enqueue(
    connection: sqlite3.Connection,
    occurrences: Sequence[NewOccurrence],
    recorded: Sequence[Recorded],
    ids: Mapping[bytes, ConfigIds],
) -> None:
    """Decide for every occurrence and channel, and write what follows into the outbox.

    An occurrence notifies a channel once, though its report may name several ways to it.
    """
    due: dict[tuple[int, int], Due] = {}
    refused: dict[tuple[int, int], Due] = {}
    for occurrence, each in zip(occurrences, recorded, strict=True):
        told = set()
        for channel in occurrence.channels:
            config = ids[channel.digest]
            key = (config.config_id, each.error_id)
            if channel.refusal is not None:
                refused[key] = _add(refused.get(key), config, occurrence, each, "refused")
                continue
            verdict = decide(each, _rules(channel))
            if verdict in NOTIFYING and config.channel_id not in told:
                told.add(config.channel_id)
                due[key] = _add(due.get(key), config, occurrence, each, verdict)
    insert_due(connection, list(due.values()))
    insert_refused(connection, list(refused.values()))


def tell(
    channels: Sequence[NamedChannel], recorded: Sequence[Counters], timeunit: Timeunit
) -> list[Decision]:
    """Return what was decided for each channel, alike occurrences of it as one.

    The reason is that of the first one which it was decided so for.
    """
    told: dict[tuple[bytes, Outcome], Decision] = {}
    for channel in channels:
        for each in recorded:
            outcome, reason = decide_one(channel, each, timeunit)
            key = (channel.digest, outcome)
            known = told.get(key)
            if known is None:
                told[key] = Decision(channel, outcome, reason)
            else:
                told[key] = known._replace(occurrences=known.occurrences + 1)
    return list(told.values())


def decide_one(
    channel: NamedChannel, counters: Counters, timeunit: Timeunit
) -> tuple[Outcome, str]:
    """Return what is decided for one channel, with the reason in words."""
    if channel.refusal is not None:
        return "refused", channel.refusal
    rules = _rules(channel)
    verdict = decide(counters, rules)
    outcome: Outcome = "notify" if verdict in NOTIFYING else "held"
    return outcome, explain(verdict, counters, rules, timeunit)


def _rules(channel: NamedChannel) -> Rules:
    return Rules(channel.threshold, channel.notify_interval)


def _add(
    known: Due | None,
    config: ConfigIds,
    occurrence: NewOccurrence,
    recorded: Recorded,
    reason: str,
) -> Due:
    second, ordinal = parse_reversed_unixtime(recorded.reversed_unixtime)
    if known is None:
        return Due(
            config.channel_id,
            config.config_id,
            recorded.error_id,
            reason,
            1,
            recorded.count,
            recorded.count,
            second,
            ordinal,
            occurrence.received_ms,
        )
    return known._replace(
        # In the order of their weight, which is the alphabet's.
        reason=min(known.reason, reason),
        occurrences=known.occurrences + 1,
        last_count=recorded.count,
        second=second,
        ordinal=ordinal,
    )
