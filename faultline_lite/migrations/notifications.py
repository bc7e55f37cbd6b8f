"""Channels, what is due to them, what was delivered."""

from sqlite_utils import Database as Tables

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
    -- In the order of lists; state stands in it so that they pass over others without a look at
    -- the table.
    CREATE INDEX delivery_by_update ON delivery (updated_ms, id, state)
    """,
    """
    -- What a message tells of: rows of the outbox as they were when it was put together.
    -- project_id is the error's, and stays when that is deleted, which moves it to another project.
    CREATE TABLE delivery_item (
        delivery_id INTEGER NOT NULL REFERENCES delivery (id),
        config_id INTEGER NOT NULL REFERENCES channel_config (id),
        error_id INTEGER NOT NULL REFERENCES error (id),
        project_id INTEGER NOT NULL,
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
    CREATE INDEX delivery_item_by_project ON delivery_item (project_id, delivery_id)
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


def create_notifications(tables: Tables) -> None:
    """Channels, what is due to them, what was delivered, and the issues that they track."""
    for statement in NOTIFICATIONS:
        tables.execute(statement)
