"""Projects, errors, occurrences."""

from sqlite_utils import Database as Tables

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
    -- Most errors keep a few, and each occurrence would move its error in the index: one page more
    -- to be written for every one of them.
    CREATE INDEX error_over_cap ON error (kept) WHERE kept > 100
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
    -- What thinning leaves, however many an error has.
    CREATE INDEX occurrence_by_regression ON occurrence (error_id) WHERE regression = 1
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


def create_core(tables: Tables) -> None:
    """Projects, errors, occurrences, their timeline, and the dictionaries of the payloads.

    A project without a name is deleted: nothing reads it, and retention erases what hangs on it
    in small steps. So deleting costs one short write, whatever its size.
    """
    for statement in CORE:
        tables.execute(statement)
