"""What became of notifications, for people: deliveries, what waits, and one occurrence's fate."""

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from faultline_lite.models import Integer64, NamedChannel
from faultline_lite.store.deliveries import AHEAD_MS, Kind, State
from faultline_lite.timekeys import DAY_MS

#: Errors that a delivery shows; the rest is counted.
MAX_ERRORS = 20
#: So many that did not arrive are counted. Every page waits for it, so that of those that changed
#: within the day the latest are looked at alone, and as few of those that are open.
MAX_UNDELIVERED = 100
MAX_CHANGED_SEEN = 10_000
MAX_OPEN_SEEN = 2_000

#: The errors of a delivery that are there still, with their project.
_ALIVE = """
    delivery_item JOIN error ON error.id = delivery_item.error_id
    JOIN project ON project.id = error.project_id AND project.name IS NOT NULL
    """
#: Found by its index for each delivery, so that one look passes over a delivery of others.
_OF_PROJECT = """
    SELECT 1 FROM delivery_item
    JOIN error ON error.id = delivery_item.error_id
        AND error.project_id = delivery_item.project_id
    WHERE delivery_item.project_id = (SELECT id FROM project WHERE name = ?)
    AND delivery_item.delivery_id = delivery.id
    """
_SELECT = f"""
    SELECT delivery.id, coalesce(channel.label, channel_config.label), kind, state, attempts,
        delivery.created_ms, updated_ms, due_ms, outcome, failure,
        (SELECT count(DISTINCT error_id) FROM {_ALIVE} WHERE delivery_id = delivery.id),
        (SELECT coalesce(sum(occurrences), 0) FROM {_ALIVE} WHERE delivery_id = delivery.id),
        delivery.state = 'failed' AND delivery.channel_id IS NOT NULL
    FROM delivery LEFT JOIN channel ON channel.id = delivery.channel_id
    LEFT JOIN channel_config ON channel_config.id = delivery.refused_config_id
    """
#: Limited first, then asked whether what they tell of is there still: as lists do.
_UNDELIVERED = f"""
    SELECT (
        SELECT count(*) FROM (
            -- By the index alone; a LIMIT on what is looked at takes three times as long.
            SELECT id FROM delivery WHERE state = 'failed' AND updated_ms <= :until
            AND updated_ms > max(:since, coalesce((
                SELECT updated_ms FROM delivery WHERE updated_ms <= :until
                ORDER BY updated_ms DESC LIMIT 1 OFFSET {MAX_CHANGED_SEEN}
            ), 0))
            ORDER BY updated_ms DESC LIMIT {MAX_UNDELIVERED}
        ) AS failed WHERE EXISTS (SELECT 1 FROM {_ALIVE} WHERE delivery_id = failed.id)
    ), (
        SELECT count(*) FROM (
            SELECT id FROM (
                SELECT id, state, attempts FROM delivery WHERE state IN ('due', 'sending')
                LIMIT {MAX_OPEN_SEEN}
            ) WHERE attempts > (state = 'sending') LIMIT {MAX_UNDELIVERED}
        ) AS tried WHERE EXISTS (SELECT 1 FROM {_ALIVE} WHERE delivery_id = tried.id)
    )
    """


class HistoryPosition(msgspec.Struct, frozen=True, array_like=True):
    """The place in the list after which the next page begins."""

    updated_ms: Integer64
    id: Integer64


class ToldError(msgspec.Struct, frozen=True, array_like=True):
    """An error of a delivery, and how many of its occurrences are told of."""

    project: str
    message: str
    type: str
    group_key: bytes
    occurrences: int


class Delivery(msgspec.Struct, frozen=True, array_like=True):
    """A message to a channel. The fields are in the order of the query's, ``errors`` on top.

    ``can_retry`` says that it has failed, and not because its config was refused.
    """

    id: int
    channel: str
    kind: Kind
    state: State
    attempts: int
    created_ms: int
    updated_ms: int
    due_ms: int
    outcome: str | None
    failure: str | None
    error_count: int
    occurrence_count: int
    can_retry: bool
    errors: list[ToldError] = []


class DeliveryPage(msgspec.Struct, frozen=True):
    """Deliveries, and the place where the next page begins, None at the end."""

    deliveries: list[Delivery]
    following: HistoryPosition | None


class Undelivered(NamedTuple):
    """Deliveries that did not arrive, up to MAX_UNDELIVERED each.

    ``failed`` have failed for good in the last 24 hours, ``retried`` are tried again.
    """

    failed: int
    retried: int


class WaitingChannel(msgspec.Struct, frozen=True, array_like=True):
    """What a channel has in the outbox, in no message yet."""

    channel: str
    errors: int
    occurrences: int
    decided_ms: int


class OccurrenceNumbers(msgspec.Struct, frozen=True, array_like=True):
    """What the rules decided an occurrence by, and the ids of the configs that it named."""

    error_id: int
    count: int
    bucket: int
    regression: bool
    muted: bool
    config_ids: str | None


def list_deliveries(
    connection: sqlite3.Connection,
    *,
    project: str | None,
    state: State | None,
    limit: int,
    after: HistoryPosition | None,
) -> DeliveryPage:
    """Return up to ``limit`` deliveries, the one that changed last first."""
    conditions = [f"EXISTS (SELECT 1 FROM {_ALIVE} WHERE delivery_id = delivery.id)"]
    values: list[Any] = []
    if project is not None:
        conditions = [f"EXISTS ({_OF_PROJECT})"]
        values.append(project)
    if state is not None:
        conditions.append("delivery.state = ?")
        values.append(state)
    if after is not None:
        conditions.append("(delivery.updated_ms, delivery.id) < (?, ?)")
        values += [after.updated_ms, after.id]
    rows = connection.execute(
        f"""
        {_SELECT} WHERE delivery.id IN (
            -- By the index alone: of those that are passed over no row is looked at.
            SELECT delivery.id FROM delivery WHERE {" AND ".join(conditions)}
            ORDER BY delivery.updated_ms DESC, delivery.id DESC LIMIT ?
        )
        ORDER BY delivery.updated_ms DESC, delivery.id DESC
        """,
        (*values, limit + 1),
    ).fetchall()
    page = [_to_delivery(connection, row) for row in rows[:limit]]
    following = HistoryPosition(page[-1].updated_ms, page[-1].id) if len(rows) > limit else None
    return DeliveryPage(page, following)


def get_delivery(connection: sqlite3.Connection, delivery_id: int) -> Delivery | None:
    """Return the delivery of that id, None where there is none."""
    row = connection.execute(f"{_SELECT} WHERE delivery.id = ?", (delivery_id,)).fetchone()
    return None if row is None else _to_delivery(connection, row)


def count_undelivered(connection: sqlite3.Connection, now_ms: int) -> Undelivered:
    """Return how many deliveries did not arrive."""
    # What failed while the clock was ahead would be of the last 24 hours for as long.
    span = {"since": now_ms - DAY_MS, "until": now_ms + AHEAD_MS}
    return Undelivered(*connection.execute(_UNDELIVERED, span).fetchone())


def list_waiting(connection: sqlite3.Connection, project: str | None) -> list[WaitingChannel]:
    """Return what waits in the outbox, channel by channel, the longest waiting first."""
    rows = connection.execute(
        """
        SELECT channel.label, count(DISTINCT error_id), sum(occurrences), min(decided_ms)
        FROM outbox JOIN channel ON channel.id = outbox.channel_id
        JOIN error ON error.id = outbox.error_id
        JOIN project ON project.id = error.project_id AND project.name IS NOT NULL
        WHERE ? IS NULL OR project.name = ?
        GROUP BY channel.id ORDER BY min(decided_ms), channel.id
        """,
        (project, project),
    )
    return [WaitingChannel(*row) for row in rows]


def get_numbers(
    connection: sqlite3.Connection, error_id: int, place: tuple[int, int]
) -> OccurrenceNumbers | None:
    """Return what the occurrence at (second, ordinal) was decided by, None where there is none."""
    row = connection.execute(
        """
        SELECT error_id, count, bucket, regression, muted, config_ids FROM occurrence
        WHERE error_id = ? AND second = ? AND ordinal = ?
        """,
        (error_id, *place),
    ).fetchone()
    return None if row is None else msgspec.convert(row, OccurrenceNumbers, strict=False)


def list_named(
    connection: sqlite3.Connection, numbers: OccurrenceNumbers
) -> list[tuple[int, NamedChannel]]:
    """Return the configs that an occurrence named, with their ids, as far as they are kept."""
    rows = connection.execute(
        """
        SELECT channel_config.id, digest, channel_config.label, refusal, threshold,
            notify_interval, coalesce(channel.identity, x'')
        FROM json_each(?) AS named JOIN channel_config ON channel_config.id = named.value
        LEFT JOIN channel ON channel.id = channel_config.channel_id
        ORDER BY named.key
        """,
        (numbers.config_ids or "[]",),
    )
    return [
        (
            config_id,
            NamedChannel(
                digest=digest,
                label=label,
                refusal=refusal,
                threshold=threshold,
                notify_interval=interval,
                identity=identity,
            ),
        )
        for config_id, digest, label, refusal, threshold, interval, identity in rows
    ]


def get_fate(
    connection: sqlite3.Connection, numbers: OccurrenceNumbers, config_id: int
) -> Delivery | None:
    """Return the delivery that tells of the occurrence by that config, None where none does yet."""
    row = connection.execute(
        """
        SELECT delivery_id FROM delivery_item
        WHERE error_id = ? AND config_id = ? AND first_count <= ? AND last_count >= ?
        ORDER BY first_count DESC, delivery_id DESC LIMIT 1
        """,
        (numbers.error_id, config_id, numbers.count, numbers.count),
    ).fetchone()
    return None if row is None else get_delivery(connection, int(row[0]))


def list_delivery_times(
    connection: sqlite3.Connection, error_id: int, limit: int
) -> list[tuple[int, str, State]]:
    """Return when the latest messages of the error were made, for which channel, their state."""
    return connection.execute(
        """
        SELECT DISTINCT delivery.created_ms, channel.label, delivery.state
        FROM delivery_item JOIN delivery ON delivery.id = delivery_item.delivery_id
        JOIN channel ON channel.id = delivery.channel_id
        WHERE error_id = ? ORDER BY delivery.created_ms DESC, channel.label LIMIT ?
        """,
        (error_id, limit),
    ).fetchall()


def is_waiting(connection: sqlite3.Connection, numbers: OccurrenceNumbers, config_id: int) -> bool:
    """Return whether the occurrence is in the outbox by that config."""
    row = connection.execute(
        """
        SELECT 1 FROM outbox
        WHERE error_id = ? AND config_id = ? AND first_count <= ? AND last_count >= ?
        """,
        (numbers.error_id, config_id, numbers.count, numbers.count),
    ).fetchone()
    return row is not None


def _to_delivery(connection: sqlite3.Connection, row: Sequence[Any]) -> Delivery:
    told = connection.execute(
        f"""
        SELECT project.name, error.message, error.type, error.group_key, sum(occurrences)
        FROM {_ALIVE}
        WHERE delivery_id = ? GROUP BY error.id
        ORDER BY sum(occurrences) DESC, error.id LIMIT ?
        """,
        (row[0], MAX_ERRORS),
    )
    return msgspec.convert((*row, told.fetchall()), Delivery, strict=False)
