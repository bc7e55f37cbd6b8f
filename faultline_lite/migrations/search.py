"""The search index."""

from sqlite_utils import Database as Tables

SEARCH = (
    """
    -- What the index holds of one error: its rows, as a chain from the latest back to the first.
    -- loose counts those at its end that are still to be merged. A document without an error is
    -- given up; its rows are taken out in small steps. Its id never comes again. gone_before is how
    -- many of the error's occurrences were gone when it was begun.
    CREATE TABLE search_document (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        error_id INTEGER UNIQUE REFERENCES error (id),
        last_row_id INTEGER,
        rows INTEGER NOT NULL DEFAULT 0,
        loose INTEGER NOT NULL DEFAULT 0,
        first_occurrence_id INTEGER NOT NULL,
        gone_before INTEGER NOT NULL DEFAULT 0,
        created_ms INTEGER NOT NULL
    ) STRICT
    """,
    """
    CREATE INDEX search_document_by_loose ON search_document (loose) WHERE loose >= 16
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
    -- Segments are merged eight at a time instead of four: rows are inserted, and taken out to be
    -- merged, three times as fast at a million of them (sqlite.org/fts5.html, "The 'automerge'
    -- Configuration Option").
    INSERT INTO search_gram (search_gram, rank) VALUES ('automerge', 8)
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


def create_search(tables: Tables) -> None:
    """Index the texts of errors. It begins empty, and is built up as the server runs."""
    for statement in SEARCH:
        tables.execute(statement)
