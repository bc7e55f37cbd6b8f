"""People and versions."""

from sqlite_utils import Database as Tables

CENSUS = (
    """
    -- Users that the error was seen with: exact as long as they are few (people.py).
    ALTER TABLE error ADD COLUMN people INTEGER NOT NULL DEFAULT 0
    """,
    """
    CREATE TABLE error_people (
        error_id INTEGER PRIMARY KEY REFERENCES error (id),
        sketch BLOB NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE error_version (
        error_id INTEGER NOT NULL REFERENCES error (id),
        version TEXT NOT NULL,
        count INTEGER NOT NULL,
        first_ms INTEGER NOT NULL,
        last_ms INTEGER NOT NULL,
        PRIMARY KEY (error_id, version)
    ) STRICT, WITHOUT ROWID
    """,
    """
    -- One row: the last occurrence whose user and version have been counted.
    CREATE TABLE census_progress (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        occurrence_id INTEGER NOT NULL
    ) STRICT
    """,
    """
    INSERT INTO census_progress (id, occurrence_id) VALUES (1, 0)
    """,
)


def create_census(tables: Tables) -> None:
    """Whom an error met and in which versions; counted behind ingest, from the first one kept."""
    for statement in CENSUS:
        tables.execute(statement)
