"""Deliveries: put together out of the outbox, claimed, recorded; one message to a channel each.

Every change of state is one conditional UPDATE: whoever finds no row has lost it to another.
"""

import sqlite3
from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

from faultline_lite.timekeys import DAY_MS, HOUR_MS

State = Literal["due", "sending", "sent", "failed"]
Kind = Literal["message", "resolution"]

#: Deliveries of one message for each error that are put together at once.
MAX_FORMED = 50
#: Unfinished messages of a channel; what comes meanwhile waits, summed up, in the outbox.
MAX_OPEN = 2

#: What is later than the present by more than this was written while the clock was ahead. What was
#: to happen after it happens now: nobody knows how long that would have been.
AHEAD_MS = 60_000

_IS_OPEN = "delivery.state IN ('due', 'sending')"
#: An issue tracker gets the next message on an error once the one before is settled.
_IS_FREE = f"""
    NOT EXISTS (
        SELECT 1 FROM delivery_item JOIN delivery ON delivery.id = delivery_item.delivery_id
        WHERE delivery_item.error_id = outbox.error_id
        AND delivery.channel_id = outbox.channel_id AND {_IS_OPEN}
    )
    """


class Channel(NamedTuple):
    """A destination."""

    id: int
    type: str
    label: str


class OpenDelivery(NamedTuple):
    """A message that is not settled yet; ``due_ms`` is when it may be tried."""

    id: int
    kind: Kind
    attempts: int
    due_ms: int


class Waiting(NamedTuple):
    """What one config has in the outbox, since when, and its own limits."""

    config_id: int
    decided_ms: int
    batch_seconds: int | None
    max_per_hour: int | None


class Agenda(NamedTuple):
    """What there is to do for a channel.

    ``formed_ms`` are the times at which its messages of the last hour were put together, the latest
    first; where there was none, of the last one at all.
    """

    open: list[OpenDelivery]
    waiting: list[Waiting]
    formed_ms: list[int]


class Claimed(msgspec.Struct, frozen=True):
    """A delivery that is this process's to send."""

    id: int
    kind: Kind
    attempts: int
    give_up_ms: int
    note: str | None


def get_channel(connection: sqlite3.Connection, identity: bytes) -> Channel | None:
    """Return the channel of that identity, None where nothing was ever due to it."""
    row = connection.execute(
        "SELECT id, type, label FROM channel WHERE identity = ?", (identity,)
    ).fetchone()
    return None if row is None else Channel(*row)


def list_busy_channels(connection: sqlite3.Connection, until_ms: int) -> list[bytes]:
    """Return the identities of the channels that something is due to, the longest waiting first.

    Those are the ones with a delivery that may be tried before ``until_ms``, or was last touched
    while the clock was ahead of that, and those with something in the outbox that a message may be
    made of.
    """
    rows = connection.execute(
        f"""
        SELECT channel.identity FROM channel JOIN (
            SELECT channel_id, min(decided_ms) AS since FROM outbox
            WHERE (
                SELECT count(*) FROM delivery
                WHERE delivery.channel_id = outbox.channel_id AND {_IS_OPEN}
            ) < {MAX_OPEN}
            GROUP BY channel_id
            UNION ALL
            SELECT channel_id, min(due_ms) FROM delivery
            WHERE {_IS_OPEN} AND (
                coalesce(lease_until_ms, due_ms) < ?1 OR state = 'due' AND updated_ms > ?1
            )
            GROUP BY channel_id
        ) AS busy ON busy.channel_id = channel.id
        GROUP BY channel.id ORDER BY min(busy.since), channel.id
        """,
        (until_ms,),
    )
    return [identity for (identity,) in rows]


def release_claims(connection: sqlite3.Connection, now_ms: int) -> int:
    """Make what a process that is no more was sending due again; return how many."""
    return connection.execute(
        """
        UPDATE delivery SET state = 'due', due_ms = ?, lease_until_ms = NULL
        WHERE state = 'sending'
        """,
        (now_ms,),
    ).rowcount


def get_agenda(
    connection: sqlite3.Connection, channel_id: int, now_ms: int, *, one_error_each: bool
) -> Agenda:
    """Return what there is to do for the channel."""
    open_rows = connection.execute(
        f"""
        SELECT id, kind, attempts, CASE
            WHEN state = 'due' AND updated_ms > :ahead THEN :now
            ELSE coalesce(lease_until_ms, due_ms)
        END
        FROM delivery WHERE channel_id = :channel AND {_IS_OPEN} ORDER BY attempts, id
        """,
        {"channel": channel_id, "now": now_ms, "ahead": now_ms + AHEAD_MS},
    )
    open_deliveries = [OpenDelivery(*row) for row in open_rows]
    waiting: list[Waiting] = []
    if one_error_each or len(open_deliveries) < MAX_OPEN:
        rows = connection.execute(
            f"""
            SELECT outbox.config_id, min(min(decided_ms), ?), batch_seconds, max_per_hour
            FROM outbox JOIN channel_config ON channel_config.id = outbox.config_id
            WHERE outbox.channel_id = ? AND {_IS_FREE if one_error_each else "TRUE"}
            GROUP BY outbox.config_id ORDER BY outbox.config_id
            """,
            (now_ms, channel_id),
        )
        waiting = [Waiting(*row) for row in rows]
    formed = connection.execute(
        """
        SELECT created_ms FROM delivery WHERE channel_id = ?1 AND kind = 'message'
        AND created_ms <= ?3 AND created_ms >= coalesce((
            SELECT min(?2, max(created_ms)) FROM delivery
            WHERE channel_id = ?1 AND kind = 'message' AND created_ms <= ?3
        ), 0) ORDER BY created_ms DESC
        """,
        (channel_id, now_ms - HOUR_MS, now_ms + AHEAD_MS),
    )
    return Agenda(open_deliveries, waiting, [created_ms for (created_ms,) in formed])


def form_delivery(
    connection: sqlite3.Connection,
    channel_id: int,
    config_ids: Sequence[int],
    now_ms: int,
    note: str | None,
    limit: int,
) -> tuple[int, int]:
    """Move up to ``limit`` rows that these configs have in the outbox into one message.

    Returns its id and how many rows were looked at; what is more is added by ``extend_delivery``.
    """
    delivery_id = insert_delivery(connection, channel_id, "message", now_ms, note)
    return delivery_id, extend_delivery(connection, delivery_id, channel_id, config_ids, limit)


def extend_delivery(
    connection: sqlite3.Connection,
    delivery_id: int,
    channel_id: int,
    config_ids: Sequence[int],
    limit: int,
) -> int:
    """Move more rows into a message that nobody sends yet; return how many were looked at.

    With fewer than ``limit`` that was all, and a message that tells of nothing goes.
    """
    configs = f"config_id IN ({', '.join('?' * len(config_ids))})"
    rows = connection.execute(
        f"SELECT config_id, error_id FROM outbox WHERE channel_id = ? AND {configs} LIMIT ?",
        (channel_id, *config_ids, limit),
    ).fetchall()
    _move(connection, delivery_id, channel_id, rows)
    if len(rows) < limit:
        connection.execute(
            """
            DELETE FROM delivery WHERE id = ?
            AND NOT EXISTS (SELECT 1 FROM delivery_item WHERE delivery_id = delivery.id)
            """,
            (delivery_id,),
        )
    return len(rows)


def has_more_errors(
    connection: sqlite3.Connection, channel_id: int, config_ids: Sequence[int], limit: int
) -> bool:
    """Return whether ``form_deliveries`` could make a message for more errors than so many."""
    row = connection.execute(
        f"""
        SELECT DISTINCT error_id FROM outbox
        WHERE channel_id = ? AND config_id IN ({", ".join("?" * len(config_ids))}) AND {_IS_FREE}
        LIMIT 1 OFFSET ?
        """,
        (channel_id, *config_ids, limit),
    ).fetchone()
    return row is not None


def form_deliveries(
    connection: sqlite3.Connection,
    channel_id: int,
    config_ids: Sequence[int],
    now_ms: int,
    note: str | None,
    limit: int,
) -> int:
    """Make a message for each error, up to ``limit``, the worst first; return how many."""
    configs = f"config_id IN ({', '.join('?' * len(config_ids))})"
    errors = connection.execute(
        f"""
        SELECT error_id FROM outbox WHERE channel_id = ? AND {configs} AND {_IS_FREE}
        GROUP BY error_id ORDER BY min(reason), sum(occurrences) DESC, error_id LIMIT ?
        """,
        (channel_id, *config_ids, min(limit, MAX_FORMED)),
    ).fetchall()
    for (error_id,) in errors:
        delivery_id = insert_delivery(connection, channel_id, "message", now_ms, note)
        rows = connection.execute(
            f"SELECT config_id, error_id FROM outbox WHERE channel_id = ? AND {configs} "
            "AND error_id = ?",
            (channel_id, *config_ids, error_id),
        ).fetchall()
        if not _move(connection, delivery_id, channel_id, rows):
            connection.execute("DELETE FROM delivery WHERE id = ?", (delivery_id,))
    return len(errors)


def insert_delivery(
    connection: sqlite3.Connection, channel_id: int, kind: Kind, now_ms: int, note: str | None
) -> int:
    """Insert a delivery to the channel that is due at once, and return its id."""
    (delivery_id,) = connection.execute(
        """
        INSERT INTO delivery (
            channel_id, kind, state, attempts, created_ms, due_ms, give_up_ms, updated_ms, note
        ) VALUES (?, ?, 'due', 0, ?, ?, ?, ?, ?) RETURNING id
        """,
        (channel_id, kind, now_ms, now_ms, now_ms + DAY_MS, now_ms, note),
    ).fetchone()
    return int(delivery_id)


def claim_delivery(
    connection: sqlite3.Connection, delivery_id: int, now_ms: int, lease_until_ms: int
) -> Claimed | None:
    """Return the delivery, which nobody else may send before the lease is over.

    None where it is not due any more: another has it, or it was deleted.
    """
    row = connection.execute(
        """
        UPDATE delivery SET state = 'sending', attempts = attempts + 1,
            lease_until_ms = :lease, updated_ms = :now,
            give_up_ms = min(give_up_ms, :now + :longest)
        WHERE id = :id AND (
            state = 'due' AND (due_ms <= :now OR updated_ms > :now + :ahead)
            OR state = 'sending' AND lease_until_ms <= :now
        )
        RETURNING id, kind, attempts, give_up_ms, note
        """,
        {
            "id": delivery_id,
            "now": now_ms,
            "lease": lease_until_ms,
            "ahead": AHEAD_MS,
            "longest": DAY_MS,
        },
    ).fetchone()
    return None if row is None else Claimed(*row)


def finish_delivery(
    connection: sqlite3.Connection,
    delivery_id: int,
    now_ms: int,
    *,
    outcome: str | None = None,
    failure: str | None = None,
) -> None:
    """Record that the delivery was sent, with its outcome, or has failed for good."""
    connection.execute(
        """
        UPDATE delivery SET state = ?, updated_ms = ?, lease_until_ms = NULL,
            outcome = ?, failure = coalesce(?, failure)
        WHERE id = ? AND state = 'sending'
        """,
        ("sent" if failure is None else "failed", now_ms, outcome, failure, delivery_id),
    )


def postpone_delivery(
    connection: sqlite3.Connection, delivery_id: int, now_ms: int, due_ms: int, failure: str
) -> None:
    """Record that an attempt failed, and when the next one is due."""
    connection.execute(
        """
        UPDATE delivery SET state = 'due', due_ms = ?, updated_ms = ?, lease_until_ms = NULL,
            failure = ?
        WHERE id = ? AND state = 'sending'
        """,
        (due_ms, now_ms, failure, delivery_id),
    )


def retry_delivery(connection: sqlite3.Connection, delivery_id: int, now_ms: int) -> bytes | None:
    """Make a failed delivery due at once, as if it were new; return its channel's identity.

    None where it has not failed, or has no channel since its config was refused.
    """
    row = connection.execute(
        """
        UPDATE delivery SET state = 'due', attempts = 0, due_ms = ?, give_up_ms = ?, updated_ms = ?
        WHERE id = ? AND state = 'failed' AND channel_id IS NOT NULL
        RETURNING (SELECT identity FROM channel WHERE channel.id = delivery.channel_id)
        """,
        (now_ms, now_ms + DAY_MS, now_ms, delivery_id),
    ).fetchone()
    return None if row is None else bytes(row[0])


def delete_delivery(connection: sqlite3.Connection, delivery_id: int) -> None:
    """Delete a delivery with its items: nothing that it told of is there any more."""
    connection.execute("DELETE FROM delivery_item WHERE delivery_id = ?", (delivery_id,))
    connection.execute("DELETE FROM delivery WHERE id = ?", (delivery_id,))


def _move(
    connection: sqlite3.Connection,
    delivery_id: int,
    channel_id: int,
    rows: Sequence[tuple[int, int]],
) -> int:
    """Move these (config, error) of the outbox into the delivery; those of deleted errors just go.

    Returns how many moved. What came of an error after it was moved is added to it.
    """
    moved = 0
    for row in rows:
        moved += connection.execute(
            """
            INSERT INTO delivery_item (
                delivery_id, config_id, error_id, project_id, reason, occurrences,
                first_count, last_count, second, ordinal
            )
            SELECT ?, config_id, error_id, project.id, reason, occurrences,
                first_count, last_count, second, ordinal
            FROM outbox JOIN error ON error.id = outbox.error_id
            JOIN project ON project.id = error.project_id AND project.name IS NOT NULL
            WHERE channel_id = ? AND config_id = ? AND error_id = ?
            ON CONFLICT (delivery_id, config_id, error_id) DO UPDATE SET
                reason = min(reason, excluded.reason),
                occurrences = occurrences + excluded.occurrences,
                last_count = excluded.last_count,
                second = excluded.second,
                ordinal = excluded.ordinal
            """,
            (delivery_id, channel_id, *row),
        ).rowcount
        connection.execute(
            "DELETE FROM outbox WHERE channel_id = ? AND config_id = ? AND error_id = ?",
            (channel_id, *row),
        )
    return moved
