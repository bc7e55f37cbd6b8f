"""The search index."""

from sqlite_utils import Database as Tables

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


def keep_search_small(tables: Tables) -> None:
    """Find the documents of the search index whose rows are to be merged or made anew."""
    for statement in SEARCH_UPKEEP:
        tables.execute(statement)


RESTART_SEARCH = (
    "UPDATE search_progress SET occurrence_id = 0",
    "DELETE FROM search_document",
    "DELETE FROM search_row",
    "DELETE FROM search_text",
    "INSERT INTO search_gram (search_gram) VALUES ('delete-all')",
)


def index_words(tables: Tables) -> None:
    """Build the search index anew, with words among its terms."""
    for statement in RESTART_SEARCH:
        tables.execute(statement)


def index_frames_together(tables: Tables) -> None:
    """Build the search index anew, with files and functions under one mark."""
    for statement in RESTART_SEARCH:
        tables.execute(statement)


def merge_grams_seldom(tables: Tables) -> None:
    """Have FTS5 merge eight segments of its index at a time instead of four.

    Rows are inserted, and taken out to be merged, three times as fast at a million of them
    (sqlite.org/fts5.html, "The 'automerge' Configuration Option").
    """
    tables.execute("INSERT INTO search_gram (search_gram, rank) VALUES ('automerge', 8)")
