"""Sessions of the pages that are over."""

from sqlite_utils import Database as Tables


def create_ended_sessions(tables: Tables) -> None:
    """Create what a log-out is remembered by, until the session would have expired by itself."""
    tables.execute(
        """
        CREATE TABLE ended_session (
            id TEXT PRIMARY KEY,
            expires_ms INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """
    )
