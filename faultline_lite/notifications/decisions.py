"""What the rules make of occurrences: rows for the outbox, and words for the answer.

It runs twice, on the same numbers: inside the ingest transaction, and after it for the client. The
rules are in ``alerting``.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from faultline_lite.models import NamedChannel, NewOccurrence, Recorded
from faultline_lite.notifications.alerting import NOTIFYING, Counters, Rules, decide, explain
from faultline_lite.store.channels import ConfigIds, ensure_configs
from faultline_lite.store.outbox import Due, insert_due, insert_refused
from faultline_lite.store.recording import Recorder
from faultline_lite.timekeys import Timeunit, parse_reversed_unixtime

Outcome = Literal["notify", "held", "refused"]


class Decision(NamedTuple):
    """What was decided for a channel, and why; of so many occurrences of the report."""

    channel: NamedChannel
    outcome: Outcome
    reason: str
    occurrences: int = 1


def record_and_decide(
    connection: sqlite3.Connection, recorder: Recorder, reports: Sequence[Sequence[NewOccurrence]]
) -> list[list[Recorded]]:
    """Store the reports and, by the counters that each occurrence produced, what is due.

    Reports without channels cost a look at their first occurrence.
    """
    ids = _name_configs(connection, reports)
    config_ids = {digest: each.config_id for digest, each in ids.items()}
    recorded = recorder.record(connection, reports, config_ids)
    if ids:
        due: dict[tuple[int, int], Due] = {}
        refused: dict[tuple[int, int], Due] = {}
        for report, numbers in zip(reports, recorded, strict=True):
            for occurrence, each in zip(report, numbers, strict=True):
                _decide_all(occurrence, each, ids, due, refused)
        insert_due(connection, list(due.values()))
        insert_refused(connection, list(refused.values()))
    return recorded


def tell(
    channels: Sequence[NamedChannel], recorded: Sequence[Counters], timeunit: Timeunit
) -> list[Decision]:
    """Return what was decided for each channel, alike occurrences of it as one.

    The reason is that of the first one which it was decided so for.
    """
    told: list[Decision] = []
    for channel in channels:
        known: dict[Outcome, Decision] = {}
        for each in recorded:
            outcome = _outcome(channel, each)
            if outcome in known:
                known[outcome] = known[outcome]._replace(occurrences=known[outcome].occurrences + 1)
            else:
                known[outcome] = Decision(channel, *decide_one(channel, each, timeunit))
        told += known.values()
    return told


def decide_one(
    channel: NamedChannel, counters: Counters, timeunit: Timeunit
) -> tuple[Outcome, str]:
    """Return what is decided for one channel, with the reason in words."""
    if channel.refusal is not None:
        return "refused", channel.refusal
    rules = rules_of(channel)
    reason = explain(decide(counters, rules), counters, rules, timeunit)
    return _outcome(channel, counters), reason


def rules_of(channel: NamedChannel) -> Rules:
    """Return what the channel's config asks for."""
    return Rules(channel.threshold, channel.notify_interval)


def _outcome(channel: NamedChannel, counters: Counters) -> Outcome:
    if channel.refusal is not None:
        return "refused"
    return "notify" if decide(counters, rules_of(channel)) in NOTIFYING else "held"


def _name_configs(
    connection: sqlite3.Connection, reports: Sequence[Sequence[NewOccurrence]]
) -> Mapping[bytes, ConfigIds]:
    """Return the ids of the channels that the reports name, by digest, inserting new ones."""
    named = {}
    received_ms = 0
    for report in reports:
        # The entries of a report share its channels.
        for occurrence in report[:1]:
            for channel in occurrence.channels:
                named[channel.digest] = channel
                received_ms = occurrence.received_ms
    return ensure_configs(connection, named.values(), received_ms) if named else {}


def _decide_all(
    occurrence: NewOccurrence,
    recorded: Recorded,
    ids: Mapping[bytes, ConfigIds],
    due: dict[tuple[int, int], Due],
    refused: dict[tuple[int, int], Due],
) -> None:
    """Decide for every channel of the occurrence, and add what follows to the sums.

    It notifies a channel once, though its report may name several ways to it.
    """
    told = set()
    for channel in occurrence.channels:
        config = ids[channel.digest]
        key = (config.config_id, recorded.error_id)
        if channel.refusal is not None:
            refused[key] = _add(refused.get(key), config, occurrence, recorded, "refused")
            continue
        verdict = decide(recorded, rules_of(channel))
        if verdict in NOTIFYING and config.channel_id not in told:
            told.add(config.channel_id)
            due[key] = _add(due.get(key), config, occurrence, recorded, verdict)


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
