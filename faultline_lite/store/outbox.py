"""The outbox: what is decided, summed up by channel, config and error, until a message takes it."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from faultline_lite.store.statements import write_rows


class Due(NamedTuple):
    """Occurrences of one error that a config lets through. The fields are the columns."""

    channel_id: int | None
    config_id: int
    error_id: int
    reason: str
    occurrences: int
    first_count: int
    last_count: int
    second: int
    ordinal: int
    decided_ms: int


def insert_due(connection: sqlite3.Connection, due: Sequence[Due]) -> None:
    """Add what is due to what waits already."""
    write_rows(
        connection,
        """
        INSERT INTO outbox (
            channel_id, config_id, error_id, reason, occurrences,
            first_count, last_count, second, ordinal, decided_ms
        ) VALUES {rows}
        ON CONFLICT (channel_id, config_id, error_id) DO UPDATE SET
            -- The weightiest reason is the first in the alphabet.
            reason = min(reason, excluded.reason),
            occurrences = occurrences + excluded.occurrences,
            last_count = excluded.last_count,
            second = excluded.second,
            ordinal = excluded.ordinal
        """,
        due,
    )


def insert_refused(connection: sqlite3.Connection, refused: Sequence[Due]) -> None:
    """Record what refused configs kept from being sent: one failed delivery for each config."""
    for each in refused:
        (delivery_id,) = connection.execute(
            """
            INSERT INTO delivery (
                refused_config_id, kind, state, attempts, created_ms, due_ms, give_up_ms,
                updated_ms, failure
            )
            SELECT id, 'message', 'failed', 0, ?, ?, ?, ?, refusal FROM channel_config WHERE id = ?
            ON CONFLICT (refused_config_id) DO UPDATE SET updated_ms = excluded.updated_ms
            RETURNING id
            """,
            (*[each.decided_ms] * 4, each.config_id),
        ).fetchone()
        connection.execute(
            """
            INSERT INTO delivery_item (
                delivery_id, config_id, error_id, project_id, reason, occurrences,
                first_count, last_count, second, ordinal
            )
            SELECT ?, ?, id, project_id, ?, ?, ?, ?, ?, ? FROM error WHERE id = ?
            ON CONFLICT (delivery_id, config_id, error_id) DO UPDATE SET
                occurrences = occurrences + excluded.occurrences,
                last_count = excluded.last_count,
                second = excluded.second,
                ordinal = excluded.ordinal
            """,
            (delivery_id, each.config_id, *each[3:9], each.error_id),
        )
