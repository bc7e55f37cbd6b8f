"""The schema, as an append-only list of migrations that sqlite-utils applies and records by name.

A migration that has been released is never edited: a change is a new function at the end.
Times are epoch milliseconds unless the name says otherwise.
"""

from sqlite_utils import Database as Tables
from sqlite_utils import Migrations

migrations = Migrations("faultline-lite")


CORE = (
    """
    CREATE TABLE project (
        id INTEGER PRIMARY KEY,
        name TEXT UNIQUE,
        created_ms INTEGER NOT NULL
    ) STRICT
    """,
    """
    -- message is the first one seen, in its truncated form; the full one is in the payload.
    -- kept counts the occurrences that retention has left, count all that ever came.
    CREATE TABLE error (
        id INTEGER PRIMARY KEY,
        project_id INTEGER NOT NULL REFERENCES project (id),
        group_key BLOB NOT NULL,
        message TEXT NOT NULL,
        pattern TEXT NOT NULL,
        type TEXT NOT NULL,
        status TEXT NOT NULL DEFAULT 'unresolved' CHECK (status IN ('unresolved', 'resolved')),
        count INTEGER NOT NULL,
        kept INTEGER NOT NULL,
        first_seen_ms INTEGER NOT NULL,
        last_seen_ms INTEGER NOT NULL,
        last_updated_ms INTEGER NOT NULL,
        muted INTEGER NOT NULL DEFAULT 0 CHECK (muted IN (0, 1)),
        muted_until_ms INTEGER,
        muted_until_count INTEGER,
        UNIQUE (project_id, group_key)
    ) STRICT
    """,
    """
    -- id, status and count stand in it so that lists and totals never visit the table.
    CREATE INDEX error_by_update
        ON error (project_id, last_updated_ms, id, status, count)
    """,
    """
    CREATE INDEX error_by_count ON error (project_id, count)
    """,
    """
    CREATE INDEX error_by_first_seen ON error (project_id, first_seen_ms)
    """,
    """
    CREATE INDEX error_by_last_seen ON error (last_seen_ms)
    """,
    """
    CREATE INDEX error_over_cap ON error (kept)
    """,
    """
    -- Messages that lead to an error whose group key is not computed from them:
    -- truncated forms, and messages under a fingerprint of the client's.
    CREATE TABLE address (
        project_id INTEGER NOT NULL REFERENCES project (id),
        address_key BLOB NOT NULL,
        error_id INTEGER NOT NULL REFERENCES error (id),
        PRIMARY KEY (project_id, address_key, error_id)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE INDEX address_by_error ON address (error_id)
    """,
    """
    -- second and ordinal make the reversedUnixtime; count, bucket, regression and muted are
    -- what the notification rules decided from.
    CREATE TABLE occurrence (
        id INTEGER PRIMARY KEY,
        error_id INTEGER NOT NULL REFERENCES error (id),
        second INTEGER NOT NULL,
        ordinal INTEGER NOT NULL,
        timestamp_ms INTEGER NOT NULL,
        received_ms INTEGER NOT NULL,
        count INTEGER NOT NULL,
        bucket INTEGER NOT NULL,
        regression INTEGER NOT NULL,
        muted INTEGER NOT NULL,
        dictionary_id INTEGER NOT NULL,
        payload BLOB NOT NULL
    ) STRICT
    """,
    """
    CREATE UNIQUE INDEX occurrence_by_second ON occurrence (error_id, second, ordinal)
    """,
    """
    CREATE TABLE timeline (
        error_id INTEGER NOT NULL REFERENCES error (id),
        minute INTEGER NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (error_id, minute)
    ) STRICT, WITHOUT ROWID
    """,
    """
    -- dictionary_id 0 in an occurrence stands for none.
    CREATE TABLE payload_dictionary (
        id INTEGER PRIMARY KEY,
        created_ms INTEGER NOT NULL,
        content BLOB NOT NULL
    ) STRICT
    """,
)


@migrations()
def create_core(tables: Tables) -> None:
    """Projects, errors, occurrences, their timeline, and the dictionaries of the payloads.

    A project without a name is deleted: nothing reads it, and retention erases what hangs on it
    in small steps. So deleting costs one short write, whatever its size.
    """
    for statement in CORE:
        tables.execute(statement)


NOTIFICATIONS = (
    """
    -- A destination. identity is a keyed hash: without the key file it tells nothing.
    CREATE TABLE channel (
        id INTEGER PRIMARY KEY,
        identity BLOB NOT NULL UNIQUE,
        type TEXT NOT NULL,
        label TEXT NOT NULL,
        created_ms INTEGER NOT NULL
    ) STRICT
    """,
    """
    -- A config as reports name it: one way to a channel, or one that was refused, and why.
    -- sealed is sealed to a key of the key file; digest is a keyed hash of the content.
    CREATE TABLE channel_config (
        id INTEGER PRIMARY KEY,
        channel_id INTEGER REFERENCES channel (id),
        digest BLOB NOT NULL UNIQUE,
        label TEXT NOT NULL,
        refusal TEXT,
        sealed TEXT,
        threshold INTEGER NOT NULL,
        notify_interval INTEGER NOT NULL,
        batch_seconds INTEGER,
        max_per_hour INTEGER,
        close_on_resolve INTEGER NOT NULL,
        created_ms INTEGER NOT NULL
    ) STRICT
    """,
    """
    CREATE INDEX channel_config_by_channel ON channel_config (channel_id)
    """,
    """
    -- The channel_config ids that the occurrence's report named, as a JSON array.
    ALTER TABLE occurrence ADD COLUMN config_ids TEXT
    """,
    """
    -- What is decided and in no message yet: the occurrences of an error that a config lets
    -- through, summed up. They are among those counted first_count to last_count; second and
    -- ordinal lead to the latest.
    CREATE TABLE outbox (
        channel_id INTEGER NOT NULL REFERENCES channel (id),
        config_id INTEGER NOT NULL REFERENCES channel_config (id),
        error_id INTEGER NOT NULL REFERENCES error (id),
        reason TEXT NOT NULL CHECK (reason IN ('first', 'regression', 'repeated')),
        occurrences INTEGER NOT NULL,
        first_count INTEGER NOT NULL,
        last_count INTEGER NOT NULL,
        second INTEGER NOT NULL,
        ordinal INTEGER NOT NULL,
        decided_ms INTEGER NOT NULL,
        PRIMARY KEY (channel_id, config_id, error_id)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE INDEX outbox_by_error ON outbox (error_id)
    """,
    """
    CREATE INDEX outbox_by_config ON outbox (config_id)
    """,
    """
    -- One message to one channel. Refused configs have one for each refused_config_id, with no
    -- channel, which was never tried. due_ms is when it may be tried next, give_up_ms when no more.
    CREATE TABLE delivery (
        id INTEGER PRIMARY KEY,
        channel_id INTEGER REFERENCES channel (id),
        refused_config_id INTEGER UNIQUE REFERENCES channel_config (id),
        kind TEXT NOT NULL CHECK (kind IN ('message', 'resolution')),
        state TEXT NOT NULL CHECK (state IN ('due', 'sending', 'sent', 'failed')),
        attempts INTEGER NOT NULL,
        created_ms INTEGER NOT NULL,
        due_ms INTEGER NOT NULL,
        give_up_ms INTEGER NOT NULL,
        lease_until_ms INTEGER,
        updated_ms INTEGER NOT NULL,
        note TEXT,
        outcome TEXT,
        failure TEXT
    ) STRICT
    """,
    """
    CREATE INDEX delivery_open ON delivery (channel_id, due_ms) WHERE state IN ('due', 'sending')
    """,
    """
    CREATE INDEX delivery_by_channel ON delivery (channel_id, created_ms)
    """,
    """
    CREATE INDEX delivery_by_update ON delivery (updated_ms)
    """,
    """
    -- What a message tells of: rows of the outbox as they were when it was put together.
    CREATE TABLE delivery_item (
        delivery_id INTEGER NOT NULL REFERENCES delivery (id),
        config_id INTEGER NOT NULL REFERENCES channel_config (id),
        error_id INTEGER NOT NULL REFERENCES error (id),
        reason TEXT NOT NULL CHECK (reason IN ('first', 'regression', 'repeated', 'refused')),
        occurrences INTEGER NOT NULL,
        first_count INTEGER NOT NULL,
        last_count INTEGER NOT NULL,
        second INTEGER NOT NULL,
        ordinal INTEGER NOT NULL,
        PRIMARY KEY (delivery_id, config_id, error_id)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE INDEX delivery_item_by_error ON delivery_item (error_id, config_id, first_count)
    """,
    """
    CREATE INDEX delivery_item_by_config ON delivery_item (config_id)
    """,
    """
    -- The issue that stands for an error in a channel's tracker.
    CREATE TABLE tracked_issue (
        error_id INTEGER NOT NULL REFERENCES error (id),
        channel_id INTEGER NOT NULL REFERENCES channel (id),
        number INTEGER NOT NULL,
        config_id INTEGER NOT NULL REFERENCES channel_config (id),
        PRIMARY KEY (error_id, channel_id)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE INDEX tracked_issue_by_config ON tracked_issue (config_id)
    """,
)


@migrations()
def create_notifications(tables: Tables) -> None:
    """Channels, what is due to them, what was delivered, and the issues that they track."""
    for statement in NOTIFICATIONS:
        tables.execute(statement)


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


@migrations()
def roll_up_timelines(tables: Tables) -> None:
    """Hours and days of errors; minutes, hours and days of projects and of all.

    What is counted last stays in the row of the error (its open hour) or of the project (its open
    minute), which ingest reads and writes anyway: open_minute is where that begins, open_count
    what it holds. It moves to the roll-ups when a later one begins.
    """
    for statement in (*ROLLUPS, *FILL_ROLLUPS):
        tables.execute(statement)


SEARCH = (
    """
    -- What the index holds of one error: its rows, as a chain from the latest back to the first.
    -- loose counts those at its end that are still to be merged. A document without an error is
    -- given up; its rows are taken out in small steps. Its id never comes again.
    CREATE TABLE search_document (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        error_id INTEGER UNIQUE REFERENCES error (id),
        last_row_id INTEGER,
        rows INTEGER NOT NULL DEFAULT 0,
        loose INTEGER NOT NULL DEFAULT 0,
        first_occurrence_id INTEGER NOT NULL,
        created_ms INTEGER NOT NULL
    ) STRICT
    """,
    """
    -- Narrow, since what fits a common query is thousands of rows.
    CREATE TABLE search_row (
        id INTEGER PRIMARY KEY,
        document_id INTEGER NOT NULL,
        previous_id INTEGER
    ) STRICT
    """,
    """
    CREATE TABLE search_text (
        row_id INTEGER PRIMARY KEY,
        dictionary_id INTEGER NOT NULL,
        texts BLOB NOT NULL
    ) STRICT
    """,
    # Terms come ready-made (store/search_terms.py), with spaces between them.
    """
    CREATE VIRTUAL TABLE search_gram USING fts5 (
        terms, content = '', detail = none, columnsize = 0,
        tokenize = "ascii tokenchars '!""#$%&''()*+,-./:;<=>?@[\\]^_`{|}~'"
    )
    """,
    """
    -- One row: the last occurrence that has been looked at.
    CREATE TABLE search_progress (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        occurrence_id INTEGER NOT NULL
    ) STRICT
    """,
    """
    INSERT INTO search_progress (id, occurrence_id) VALUES (1, 0)
    """,
)


@migrations()
def create_search(tables: Tables) -> None:
    """Index the texts of errors. It begins empty, and is built up as the server runs."""
    for statement in SEARCH:
        tables.execute(statement)


SEARCH_UPKEEP = (
    """
    -- How many of the error's occurrences were gone when the document was begun.
    ALTER TABLE search_document ADD COLUMN gone_before INTEGER NOT NULL DEFAULT 0
    """,
    """
    CREATE INDEX search_document_by_loose ON search_document (loose) WHERE loose >= 16
    """,
)


@migrations()
def keep_search_small(tables: Tables) -> None:
    """Find the documents of the search index whose rows are to be merged or made anew."""
    for statement in SEARCH_UPKEEP:
        tables.execute(statement)


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


@migrations()
def create_census(tables: Tables) -> None:
    """Whom an error met and in which versions; counted behind ingest, from the first one kept."""
    for statement in CENSUS:
        tables.execute(statement)


@migrations()
def find_regressions(tables: Tables) -> None:
    """Find the occurrences that thinning leaves, however many an error has."""
    tables.execute(
        "CREATE INDEX occurrence_by_regression ON occurrence (error_id) WHERE regression = 1"
    )


RESTART_SEARCH = (
    "UPDATE search_progress SET occurrence_id = 0",
    "DELETE FROM search_document",
    "DELETE FROM search_row",
    "DELETE FROM search_text",
    "INSERT INTO search_gram (search_gram) VALUES ('delete-all')",
)


@migrations()
def index_words(tables: Tables) -> None:
    """Build the search index anew, with words among its terms."""
    for statement in RESTART_SEARCH:
        tables.execute(statement)
