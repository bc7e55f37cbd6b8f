"""Roll-ups of the timelines."""

from sqlite_utils import Database as Tables

ROLLUPS = (
    """
    ALTER TABLE error ADD COLUMN open_minute INTEGER NOT NULL DEFAULT 0
    """,
    """
    ALTER TABLE error ADD COLUMN open_count INTEGER NOT NULL DEFAULT 0
    """,
    """
    -- The project whose roll-ups count a deleted error; NULL while it is the error's own.
    ALTER TABLE error ADD COLUMN counted_in INTEGER REFERENCES project (id)
    """,
    """
    CREATE INDEX error_by_counted_in ON error (counted_in) WHERE counted_in IS NOT NULL
    """,
    """
    ALTER TABLE project ADD COLUMN open_minute INTEGER NOT NULL DEFAULT 0
    """,
    """
    ALTER TABLE project ADD COLUMN open_count INTEGER NOT NULL DEFAULT 0
    """,
    """
    -- Occurrences of an error in the hour (unit 60) or day (unit 1440) that begins at minute.
    CREATE TABLE error_rollup (
        error_id INTEGER NOT NULL REFERENCES error (id),
        unit INTEGER NOT NULL CHECK (unit IN (60, 1440)),
        minute INTEGER NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (error_id, unit, minute)
    ) STRICT, WITHOUT ROWID
    """,
    """
    -- The same of a project, in minutes (unit 1) too; project_id 0 stands for all of them.
    CREATE TABLE project_rollup (
        project_id INTEGER NOT NULL,
        unit INTEGER NOT NULL CHECK (unit IN (1, 60, 1440)),
        minute INTEGER NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (project_id, unit, minute)
    ) STRICT, WITHOUT ROWID
    """,
)

#: Rolls the minutes up. SQL's remainder is negative before 1970, hence twice.
FILL_ROLLUPS = (
    """
    INSERT INTO error_rollup (error_id, unit, minute, count)
    SELECT error_id, column1, minute - (minute % column1 + column1) % column1 AS start, sum(count)
    FROM timeline, (VALUES (60), (1440)) GROUP BY error_id, column1, start
    """,
    """
    INSERT INTO project_rollup (project_id, unit, minute, count)
    SELECT project_id, 1, minute, sum(timeline.count)
    FROM error JOIN timeline ON timeline.error_id = error.id GROUP BY project_id, minute
    """,
    """
    INSERT INTO project_rollup (project_id, unit, minute, count)
    SELECT project_id, unit, minute, sum(error_rollup.count)
    FROM error JOIN error_rollup ON error_rollup.error_id = error.id
    GROUP BY project_id, unit, minute
    """,
    """
    INSERT INTO project_rollup (project_id, unit, minute, count)
    SELECT 0, unit, minute, sum(count) FROM project_rollup GROUP BY unit, minute
    """,
)


def roll_up_timelines(tables: Tables) -> None:
    """Hours and days of errors; minutes, hours and days of projects and of all.

    What is counted last stays in the row of the error (its open hour) or of the project (its open
    minute), which ingest reads and writes anyway: open_minute is where that begins, open_count
    what it holds. It moves to the roll-ups when a later one begins.
    """
    for statement in (*ROLLUPS, *FILL_ROLLUPS):
        tables.execute(statement)
