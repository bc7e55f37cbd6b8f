"""Sessions that were logged out before they expired."""

import sqlite3


def insert_ended_session(
    connection: sqlite3.Connection, session_id: str, expires_ms: int, now_ms: int
) -> None:
    """Remember that the session is over; forget those that have expired by ``now_ms``."""
    connection.execute("DELETE FROM ended_session WHERE expires_ms <= ?", (now_ms,))
    connection.execute(
        "INSERT INTO ended_session (id, expires_ms) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (session_id, expires_ms),
    )


def list_ended_sessions(connection: sqlite3.Connection, now_ms: int, limit: int) -> list[str]:
    """Return the ids of up to so many that have not expired, those that do soonest first."""
    rows = connection.execute(
        """
        SELECT id FROM (
            SELECT id, expires_ms FROM ended_session WHERE expires_ms > ?
            ORDER BY expires_ms DESC, id LIMIT ?
        ) ORDER BY expires_ms, id
        """,
        (now_ms, limit),
    )
    return [session_id for (session_id,) in rows]
