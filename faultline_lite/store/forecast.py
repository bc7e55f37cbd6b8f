"""Count what retention would let go. Long reads: for the maintenance thread."""

import sqlite3

_LIVE = "project_id IN (SELECT id FROM project WHERE name IS NOT NULL)"


def count_deleted_errors(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return how many errors wait to be erased, and what they keep."""
    errors, kept = connection.execute(
        f"SELECT count(*), coalesce(sum(kept), 0) FROM error WHERE NOT {_LIVE}"
    ).fetchone()
    return errors, kept


def count_expired_errors(connection: sqlite3.Connection, before_ms: int) -> tuple[int, int]:
    """Return how many others were last seen before ``before_ms``, and what they keep."""
    errors, kept = connection.execute(
        f"""
        SELECT count(*), coalesce(sum(kept), 0) FROM error
        WHERE last_seen_ms < ? AND {_LIVE}
        """,
        (before_ms,),
    ).fetchone()
    return errors, kept


def get_first_id_since(connection: sqlite3.Connection, since_ms: int) -> int:
    """Return the id of the first occurrence that came at ``since_ms`` or later, or the next id."""
    row = connection.execute(
        "SELECT id FROM occurrence WHERE received_ms >= ? ORDER BY id LIMIT 1", (since_ms,)
    ).fetchone()
    if row is None:
        row = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM occurrence").fetchone()
    return int(row[0])


def count_expired_occurrences(
    connection: sqlite3.Connection, first_id: int, before_ms: int
) -> tuple[int, int]:
    """Return how many came before that id, of errors seen since, and their payload bytes."""
    occurrences, payload_bytes = connection.execute(
        f"""
        SELECT count(*), coalesce(sum(length(payload)), 0)
        FROM occurrence JOIN error ON error.id = error_id
        WHERE occurrence.id < ? AND last_seen_ms >= ? AND {_LIVE}
        """,
        (first_id, before_ms),
    ).fetchone()
    return occurrences, payload_bytes


def list_kept(
    connection: sqlite3.Connection, first_id: int, before_ms: int
) -> list[tuple[int, int]]:
    """Return (project id, kept occurrences from that id on) of each error seen since."""
    return connection.execute(
        f"""
        SELECT project_id, CASE WHEN ?1 <= 1 THEN kept ELSE (
            SELECT count(*) FROM occurrence WHERE error_id = error.id AND occurrence.id >= ?1
        ) END
        FROM error WHERE last_seen_ms >= ?2 AND {_LIVE}
        """,
        (first_id, before_ms),
    ).fetchall()


def get_mean_payload_bytes(connection: sqlite3.Connection, sample: int) -> int:
    """Return what a payload takes, by the last ones of so many."""
    (mean,) = connection.execute(
        """
        SELECT avg(size) FROM (
            SELECT length(payload) AS size FROM occurrence ORDER BY id DESC LIMIT ?
        )
        """,
        (sample,),
    ).fetchone()
    return round(mean or 0)
