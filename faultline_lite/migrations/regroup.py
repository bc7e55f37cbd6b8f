"""Regrouping, and what undoes it."""

from sqlite_utils import Database as Tables

REGROUP = (
    """
    -- The last regrouping or undoing, if any: one row. It goes through the errors up to
    -- last_error_id and has come to error_id, within which work is a JSON object of its own.
    CREATE TABLE regroup (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        action TEXT NOT NULL CHECK (action IN ('apply', 'undo')),
        state TEXT NOT NULL CHECK (state IN ('running', 'done', 'stopped')),
        exact INTEGER NOT NULL CHECK (exact IN (0, 1)),
        started_ms INTEGER NOT NULL,
        updated_ms INTEGER NOT NULL,
        error_id INTEGER NOT NULL,
        last_error_id INTEGER NOT NULL,
        work TEXT,
        merged INTEGER NOT NULL,
        created INTEGER NOT NULL,
        moved INTEGER NOT NULL,
        problem TEXT
    ) STRICT
    """,
    """
    -- Every transaction of the last regrouping, in their order; undoing goes back through them.
    CREATE TABLE regroup_step (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL CHECK (
            kind IN ('create', 'rename', 'occurrences', 'counts', 'found', 'merge')
        ),
        source_id INTEGER NOT NULL,
        target_id INTEGER NOT NULL,
        detail TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE INDEX regroup_step_by_source ON regroup_step (source_id)
    """,
    """
    CREATE INDEX regroup_step_by_target ON regroup_step (target_id)
    """,
)


def create_regroup(tables: Tables) -> None:
    """Create what a regrouping remembers of itself."""
    for statement in REGROUP:
        tables.execute(statement)
