"""What the ingest transaction decides and leaves in the outbox, beside a slow model of it."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faultline_lite.database import connect
from faultline_lite.database_file import prepare_database
from faultline_lite.fingerprint import group_key
from faultline_lite.models import NamedChannel, NewOccurrence, Recorded
from faultline_lite.notifications.decisions import record_and_decide, tell
from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.store.errors import ErrorAddress, get_error, update_muted, update_status
from faultline_lite.store.recording import Recorder
from faultline_lite.writer import transaction
from tests.reports import new_project

NOW_MS = 1_481_036_400_000
MINUTE_MS = 60_000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """A database that all tests of this module share, each with a project of its own."""
    path = tmp_path_factory.mktemp("decisions") / "faultline.db"
    prepare_database(path)
    with closing(connect(path)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        yield connection


def make_channel(name: str, to: str = "", **fields: Any) -> NamedChannel:
    """Return a config of that name, which leads ``to`` a destination, its own by default."""
    return NamedChannel(
        digest=name.encode(),
        label=f"slack #{to or name}",
        identity=(to or name).encode(),
        type="slack",
        sealed=f"sb1.00000000.{name}",
        **fields,
    )


def make_occurrence(
    project: str, message: str = "oops", minute: int = 0, *channels: NamedChannel
) -> NewOccurrence:
    return NewOccurrence(
        project=project,
        group_key=group_key(message, exact=True, fingerprint=None),
        address_keys=(),
        message=message,
        pattern=message,
        type="notice",
        timestamp_ms=NOW_MS + minute * MINUTE_MS,
        received_ms=NOW_MS,
        payload=b"{}",
        channels=channels,
    )


def take(
    store: sqlite3.Connection, *reports: list[NewOccurrence], codec: PayloadCodec | None = None
) -> list[list[Recorded]]:
    with transaction(store):
        return record_and_decide(store, Recorder(codec or PayloadCodec(), "minute"), reports)


def find_error_id(store: sqlite3.Connection, project: str, message: str = "oops") -> int:
    key = group_key(message, exact=True, fingerprint=None)
    error = get_error(store, ErrorAddress(project, (key,)))
    assert error is not None
    return error.id


def outbox_of(store: sqlite3.Connection, project: str) -> list[tuple[Any, ...]]:
    """Return (sealed, error, reason, occurrences, first count, last count) of what is due."""
    return store.execute(
        """
        SELECT channel_config.sealed, error.message, reason, occurrences, first_count, last_count
        FROM outbox JOIN channel_config ON channel_config.id = outbox.config_id
        JOIN error ON error.id = outbox.error_id JOIN project ON project.id = error.project_id
        WHERE project.name = ? ORDER BY 1, 2
        """,
        (project,),
    ).fetchall()


def test_two_hundred_in_one_transaction_are_each_decided_by_their_own_count(
    store: sqlite3.Connection, project: str
) -> None:
    channel = make_channel(project, threshold=30, notify_interval=5)
    report = [make_occurrence(project, "oops", 0, channel) for _ in range(200)]

    take(store, report)

    # The first, and 30, 35, ... 200.
    assert outbox_of(store, project) == [
        (f"sb1.00000000.{project}", "oops", "first", 36, 1, 200),
    ]


def test_reports_of_one_group_are_decided_in_their_order(
    store: sqlite3.Connection, project: str
) -> None:
    one, other = make_channel(f"{project}-1"), make_channel(f"{project}-2", threshold=3)
    reports = [[make_occurrence(project, "oops", 0, each)] for each in (other, one, other, other)]

    take(store, *reports)

    assert outbox_of(store, project) == [
        (f"sb1.00000000.{project}-1", "oops", "repeated", 1, 2, 2),
        (f"sb1.00000000.{project}-2", "oops", "first", 3, 1, 4),
    ]


def test_late_occurrence_counts_in_the_minute_of_its_timestamp(
    store: sqlite3.Connection, project: str
) -> None:
    channel = make_channel(project, threshold=3)
    minutes = [0, 0, 1, 1, 0, 1]

    take(store, *[[make_occurrence(project, "oops", minute, channel)] for minute in minutes])

    # The first ever, the third of minute 0 and the third of minute 1.
    assert outbox_of(store, project)[0][3:] == (3, 1, 6)


def test_two_ways_to_a_channel_tell_it_once(store: sqlite3.Connection, project: str) -> None:
    ways = [make_channel(f"{project}-{n}", to=project, threshold=n) for n in (1, 2)]

    take(store, [make_occurrence(project, "oops", 0, *ways) for _ in range(3)])

    assert [row[:4] for row in outbox_of(store, project)] == [
        (f"sb1.00000000.{project}-1", "oops", "first", 3)
    ]


def test_regression_notifies_whatever_the_rules_and_outweighs_repetition(
    store: sqlite3.Connection, project: str
) -> None:
    channel = make_channel(project, threshold=-1)
    take(store, [make_occurrence(project)])
    update_status(store, find_error_id(store, project), "resolved", NOW_MS)

    take(store, [make_occurrence(project, "oops", 0, channel) for _ in range(3)])

    assert [row[2:] for row in outbox_of(store, project)] == [("regression", 1, 2, 2)]


def test_muted_error_is_silent_until_its_condition_ends(
    store: sqlite3.Connection, project: str
) -> None:
    channel = make_channel(project)
    take(store, [make_occurrence(project)])
    error_id = find_error_id(store, project)
    update_muted(store, error_id, muted=True, until_ms=None, until_count=2)

    take(store, [make_occurrence(project, "oops", 0, channel) for _ in range(4)])

    assert [row[2:] for row in outbox_of(store, project)] == [("repeated", 2, 4, 5)]


def test_configs_and_channels_are_stored_once(store: sqlite3.Connection, project: str) -> None:
    channel = make_channel(project)
    refused = NamedChannel(digest=b"r" + project.encode(), label="x", refusal="no such type")
    for _ in range(3):
        take(store, [make_occurrence(project, "oops", 0, channel, refused)])

    digests = store.execute(
        "SELECT count(*) FROM channel_config WHERE digest IN (?, ?)",
        (channel.digest, refused.digest),
    ).fetchone()
    assert digests == (2,)
    assert store.execute(
        "SELECT occurrences FROM delivery_item JOIN delivery ON delivery.id = delivery_id "
        "JOIN channel_config ON channel_config.id = refused_config_id WHERE digest = ?",
        (refused.digest,),
    ).fetchall() == [(3,)]


def test_occurrences_without_channels_leave_nothing_behind(
    store: sqlite3.Connection, project: str
) -> None:
    take(store, [make_occurrence(project) for _ in range(3)])

    error_id = find_error_id(store, project)
    named = store.execute("SELECT config_ids FROM occurrence WHERE error_id = ?", (error_id,))
    assert named.fetchall() == [(None,)] * 3
    assert outbox_of(store, project) == []


def test_what_is_told_is_what_was_decided(store: sqlite3.Connection, project: str) -> None:
    channel = make_channel(project, threshold=3)
    (recorded,) = take(store, [make_occurrence(project, "oops", 0, channel) for _ in range(5)])

    told = tell([channel], recorded, "minute")

    assert [(each.outcome, each.occurrences) for each in told] == [("notify", 4), ("held", 1)]
    assert sum(row[3] for row in outbox_of(store, project)) == 4


# Beside a slow model


@dataclass
class Model:
    """Errors with all their occurrences in a list, and sums that are counted anew each time."""

    minutes: dict[str, list[int]] = field(default_factory=dict)
    resolved: set[str] = field(default_factory=set)
    muted: set[str] = field(default_factory=set)
    due: Counter[tuple[str, str]] = field(default_factory=Counter)

    def take(self, message: str, minute: int, channels: list[NamedChannel]) -> None:
        minutes = self.minutes.setdefault(message, [])
        minutes.append(minute)
        regression = message in self.resolved
        self.resolved.discard(message)
        told: set[bytes] = set()
        for channel in channels:
            if channel.identity in told or message in self.muted:
                continue
            is_first = len(minutes) == 1 or regression
            same = minutes.count(minute)
            by_rule = channel.threshold >= 0 and (
                same >= channel.threshold and same % channel.notify_interval == 0
            )
            if is_first or by_rule:
                told.add(channel.identity)
                self.due[channel.sealed, message] += 1


channels = st.builds(
    lambda threshold, interval, to: (threshold, interval, to),
    st.integers(-1, 6),
    st.integers(1, 4),
    st.sampled_from("ab"),
)
steps = st.one_of(
    st.tuples(st.just("resolve"), st.sampled_from("xyz")),
    st.tuples(st.just("mute"), st.sampled_from("xyz"), st.booleans()),
    st.tuples(
        st.just("report"),
        st.lists(st.tuples(st.sampled_from("xyz"), st.integers(0, 2)), min_size=1, max_size=12),
        st.lists(channels, max_size=3),
    ),
)


@settings(max_examples=60)
@given(groups=st.lists(st.lists(steps, min_size=1, max_size=4), min_size=1, max_size=8))
def test_outbox_holds_what_a_slow_model_decides(
    store: sqlite3.Connection, groups: list[list[Any]]
) -> None:
    project, model = new_project(), Model()
    for group in groups:
        reports = []
        for step in group:
            if step[0] == "report":
                named = [
                    make_channel(
                        f"{project}-{threshold}-{interval}-{to}",
                        to=f"{project}-{to}",
                        threshold=threshold,
                        notify_interval=interval,
                    )
                    for threshold, interval, to in step[2]
                ]
                reports.append(
                    [make_occurrence(project, name, minute, *named) for name, minute in step[1]]
                )
                for name, minute in step[1]:
                    model.take(name, minute, named)
        if reports:
            take(store, *reports)
        # Between two transactions somebody resolves and mutes.
        for step in group:
            if step[0] != "report" and step[1] in model.minutes:
                error_id = find_error_id(store, project, step[1])
                if step[0] == "resolve":
                    update_status(store, error_id, "resolved", NOW_MS)
                    model.resolved.add(step[1])
                else:
                    update_muted(store, error_id, muted=step[2], until_ms=None, until_count=None)
                    (model.muted.add if step[2] else model.muted.discard)(step[1])

    found = {(row[0], row[1]): row[3] for row in outbox_of(store, project)}
    assert found == dict(model.due)
