"""Have the issues of resolved errors closed, where their configs ask for it.

An error may be resolved before its tracker was told of it: something waits in the outbox, or a
message is tried again or is being sent. Then its issue is closed after that, in the transaction
that records the message's end. It is opened, or told, all the same, and not left out: what was
decided is in some message, only the tracker knows whether there is an issue already (it may have
been opened just before a crash), and an issue that says what happened and that it is over can be
found when the error comes back. To close it at once would have the message reopen it.
"""

import sqlite3

from faultline_lite.store.deliveries import finish_delivery, insert_delivery

#: Issues to be closed now: of resolved errors, with nothing left to be told before.
_CLOSABLE = """
    SELECT tracked_issue.error_id, channel.id, channel.identity, tracked_issue.config_id
    FROM tracked_issue
    JOIN channel ON channel.id = tracked_issue.channel_id
    JOIN channel_config ON channel_config.id = tracked_issue.config_id
    JOIN error ON error.id = tracked_issue.error_id
    WHERE channel_config.close_on_resolve = 1 AND error.status = 'resolved'
    AND NOT EXISTS (
        SELECT 1 FROM outbox
        WHERE outbox.error_id = tracked_issue.error_id
        AND outbox.channel_id = tracked_issue.channel_id
    )
    AND NOT EXISTS (
        SELECT 1 FROM delivery_item JOIN delivery ON delivery.id = delivery_item.delivery_id
        WHERE delivery_item.error_id = tracked_issue.error_id
        AND delivery.channel_id = tracked_issue.channel_id
        -- A resolution that is being sent may have found the error unresolved.
        AND (delivery.state = 'due' OR delivery.state = 'sending' AND delivery.kind = 'message')
    )
    """


def insert_resolutions(connection: sqlite3.Connection, error_id: int, now_ms: int) -> list[bytes]:
    """Have the issues of an error that was just resolved closed, as far as they can be now.

    Returns the identities of the channels that this is due to.
    """
    return _insert(connection, "tracked_issue.error_id = ?", [error_id], now_ms)


def end_delivery(
    connection: sqlite3.Connection,
    delivery_id: int,
    now_ms: int,
    *,
    outcome: str | None = None,
    failure: str | None = None,
) -> None:
    """Finish a delivery; have the issues closed whose errors were resolved before it was sent.

    They are where it has failed too: it may have got as far as to open or reopen an issue.
    """
    finish_delivery(connection, delivery_id, now_ms, outcome=outcome, failure=failure)
    told = """
        (tracked_issue.error_id, tracked_issue.channel_id) IN (
            SELECT delivery_item.error_id, delivery.channel_id
            FROM delivery_item JOIN delivery ON delivery.id = delivery_item.delivery_id
            WHERE delivery.id = ? AND delivery.kind = 'message'
        )
        """
    _insert(connection, told, [delivery_id], now_ms)


def _insert(
    connection: sqlite3.Connection, condition: str, values: list[int], now_ms: int
) -> list[bytes]:
    closable = connection.execute(
        f"{_CLOSABLE} AND {condition} ORDER BY tracked_issue.error_id, channel.id", values
    ).fetchall()
    for error_id, channel_id, _, config_id in closable:
        delivery_id = insert_delivery(connection, channel_id, "resolution", now_ms, None)
        connection.execute(
            """
            INSERT INTO delivery_item (
                delivery_id, config_id, error_id, project_id, reason, occurrences,
                first_count, last_count, second, ordinal
            )
            SELECT ?, ?, id, project_id, 'repeated', 0, 0, 0, 0, 0 FROM error WHERE id = ?
            """,
            (delivery_id, config_id, error_id),
        )
    return [identity for _, _, identity, _ in closable]
