"""How much the store holds: rows, and bytes of the file by what they are for."""

import sqlite3
from collections import Counter
from typing import Literal, NamedTuple

from faultline_lite.store.pages import get_free_pages, get_page_bytes

Part = Literal["occurrences", "search", "series", "notifications", "others", "free"]

_PARTS: dict[str, Part] = {
    "occurrence": "occurrences",
    "payload_dictionary": "occurrences",
    "timeline": "series",
    "error_rollup": "series",
    "project_rollup": "series",
    "channel": "notifications",
    "channel_config": "notifications",
    "outbox": "notifications",
    "delivery": "notifications",
    "delivery_item": "notifications",
    "tracked_issue": "notifications",
}
#: Tables of the search index, those that FTS5 keeps by itself too.
_SEARCH_PREFIX = "search_"


class Totals(NamedTuple):
    """Rows of the store: ``counted`` occurrences came, of which ``kept`` can be looked at."""

    projects: int
    errors: int
    counted: int
    kept: int


def get_totals(connection: sqlite3.Connection) -> Totals:
    """Return how much there is."""
    row = connection.execute(
        """
        SELECT count(DISTINCT project_id), count(*), coalesce(sum(error.count), 0),
            coalesce(sum(kept), 0)
        FROM error JOIN project ON project.id = error.project_id AND project.name IS NOT NULL
        """
    ).fetchone()
    return Totals(*row)


def get_oldest_ms(connection: sqlite3.Connection) -> int | None:
    """Return when the oldest occurrence that is kept was received, None where there is none."""
    row = connection.execute("SELECT received_ms FROM occurrence ORDER BY id LIMIT 1").fetchone()
    return None if row is None else int(row[0])


def measure_parts(connection: sqlite3.Connection) -> dict[Part, int]:
    """Return the bytes of each part of the file, the largest first; nothing where SQLite cannot.

    It reads the whole file (sqlite.org/dbstat.html, compiled in by most distributors).
    """
    try:
        rows = connection.execute(
            """
            SELECT coalesce(tbl_name, page.name), sum(pgsize) FROM dbstat AS page
            LEFT JOIN sqlite_master AS entry ON entry.name = page.name GROUP BY 1
            """
        ).fetchall()
    except sqlite3.OperationalError:
        return {}
    sizes: Counter[Part] = Counter()
    for table, size_bytes in rows:
        sizes[_part_of(table)] += size_bytes
    sizes["free"] = get_free_pages(connection) * get_page_bytes(connection)
    return dict(sizes.most_common())


def _part_of(table: str) -> Part:
    return "search" if table.startswith(_SEARCH_PREFIX) else _PARTS.get(table, "others")
