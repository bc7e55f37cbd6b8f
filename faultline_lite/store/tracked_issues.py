"""The issues that stand for errors in the trackers of channels."""

import sqlite3
from typing import NamedTuple


class TrackedIssue(NamedTuple):
    """An issue that stands for an error, and the sealed config that it was last handled by."""

    label: str
    number: int
    sealed: str | None


def get_number(connection: sqlite3.Connection, error_id: int, channel_id: int) -> int | None:
    """Return the number of the error's issue in the channel's tracker, None where there is none."""
    row = connection.execute(
        "SELECT number FROM tracked_issue WHERE error_id = ? AND channel_id = ?",
        (error_id, channel_id),
    ).fetchone()
    return None if row is None else int(row[0])


def list_issues(connection: sqlite3.Connection, error_id: int) -> list[TrackedIssue]:
    """Return the issues of the error, by the label of their channel."""
    rows = connection.execute(
        """
        SELECT channel_config.label, number, sealed
        FROM tracked_issue JOIN channel_config ON channel_config.id = tracked_issue.config_id
        WHERE error_id = ? ORDER BY channel_config.label, number
        """,
        (error_id,),
    )
    return [TrackedIssue(*row) for row in rows]


def set_number(
    connection: sqlite3.Connection, error_id: int, channel_id: int, config_id: int, number: int
) -> None:
    """Remember the error's issue, and the config that it was last handled by.

    Nothing is remembered of an error that is gone.
    """
    connection.execute(
        """
        INSERT INTO tracked_issue (error_id, channel_id, config_id, number)
        SELECT id, ?, ?, ? FROM error WHERE id = ?
        ON CONFLICT (error_id, channel_id) DO UPDATE
        SET config_id = excluded.config_id, number = excluded.number
        """,
        (channel_id, config_id, number, error_id),
    )


def delete_number(connection: sqlite3.Connection, error_id: int, channel_id: int) -> None:
    """Forget the error's issue."""
    connection.execute(
        "DELETE FROM tracked_issue WHERE error_id = ? AND channel_id = ?", (error_id, channel_id)
    )
