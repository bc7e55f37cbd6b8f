"""What retention lets go of notifications: settled deliveries, and configs that nothing needs."""

import sqlite3

_IS_SETTLED = "delivery.state IN ('sent', 'failed')"
_IS_UNUSED = " AND ".join(
    f"NOT EXISTS (SELECT 1 FROM {table} WHERE {table}.{column} = channel_config.id)"
    for table, column in (
        ("outbox", "config_id"),
        ("delivery_item", "config_id"),
        ("tracked_issue", "config_id"),
        ("delivery", "refused_config_id"),
    )
)


def list_settled_deliveries(
    connection: sqlite3.Connection, before_ms: int, keep: int, limit: int
) -> list[int]:
    """Return ids of settled deliveries that may go, up to ``limit``, the oldest first.

    Those are the ones that last changed before ``before_ms``, that are more than ``keep``, or that
    tell of nothing which is there still.
    """
    (count,) = connection.execute("SELECT count(*) FROM delivery").fetchone()
    rows = connection.execute(
        f"""
        SELECT id FROM (
            SELECT id, updated_ms, row_number() OVER (ORDER BY updated_ms, id) AS place
            FROM delivery WHERE {_IS_SETTLED}
        ) AS settled
        WHERE updated_ms < ? OR place <= ?
        OR NOT EXISTS (SELECT 1 FROM delivery_item WHERE delivery_id = settled.id)
        ORDER BY updated_ms, id LIMIT ?
        """,
        (before_ms, count - keep, limit),
    )
    return [delivery_id for (delivery_id,) in rows]


def erase_delivery(connection: sqlite3.Connection, delivery_id: int, limit: int) -> int:
    """Delete up to ``limit`` items of a settled delivery, and itself with the last.

    Returns how many rows went.
    """
    erased = connection.execute(
        f"""
        DELETE FROM delivery_item WHERE (delivery_id, config_id, error_id) IN (
            SELECT delivery_id, config_id, error_id FROM delivery_item
            JOIN delivery ON delivery.id = delivery_item.delivery_id AND {_IS_SETTLED}
            WHERE delivery_id = ? LIMIT ?
        )
        """,
        (delivery_id, limit),
    ).rowcount
    if erased < limit:
        erased += connection.execute(
            f"DELETE FROM delivery WHERE id = ? AND {_IS_SETTLED}", (delivery_id,)
        ).rowcount
    return erased


def list_unused_configs(connection: sqlite3.Connection, keep: int, limit: int) -> list[int]:
    """Return ids of configs that nothing needs, of those that are more than ``keep``.

    The newest of all stays: its id would be given to another, while occurrences remember it.
    """
    (count,) = connection.execute("SELECT count(*) FROM channel_config").fetchone()
    rows = connection.execute(
        f"""
        SELECT id FROM channel_config
        WHERE id < (SELECT max(id) FROM channel_config) AND {_IS_UNUSED}
        ORDER BY id LIMIT ?
        """,
        (max(0, min(count - keep, limit)),),
    )
    return [config_id for (config_id,) in rows]


def delete_unused_configs(connection: sqlite3.Connection, ids: list[int]) -> None:
    """Delete these configs, as far as nothing needs them still, and channels that no other has."""
    for config_id in ids:
        row = connection.execute(
            f"DELETE FROM channel_config WHERE id = ? AND {_IS_UNUSED} RETURNING channel_id",
            (config_id,),
        ).fetchone()
        if row is not None:
            connection.execute(
                """
                DELETE FROM channel WHERE id = ?
                AND NOT EXISTS (SELECT 1 FROM channel_config WHERE channel_id = channel.id)
                AND NOT EXISTS (SELECT 1 FROM delivery WHERE channel_id = channel.id)
                """,
                row,
            )
