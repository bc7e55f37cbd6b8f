"""What retention finds to be too much."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from faultline_lite.database import connect
from faultline_lite.store.retention import delete_projects, withdraw_errors
from faultline_lite.store.surplus import (
    INDEXED_KEPT,
    list_empty_projects,
    list_errors_over_cap,
    list_expired_errors,
)
from tests.soundness import find_unsound
from tests.stores import NOW_MS, make_occurrence, open_store, record

KEPT = (1, INDEXED_KEPT - 1, INDEXED_KEPT, INDEXED_KEPT + 1, 3 * INDEXED_KEPT)


@pytest.fixture
def connection(database_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a database with an error for each of KEPT, whose ids count from 1."""
    with closing(connect(database_path)) as opened:
        opened.execute("INSERT INTO project (id, name, created_ms) VALUES (1, 'sample', 0)")
        opened.executemany(
            """
            INSERT INTO error (
                project_id, group_key, message, pattern, type,
                count, kept, first_seen_ms, last_seen_ms, last_updated_ms
            ) VALUES (1, ?, 'message', 'pattern', '_', ?, ?, 0, 0, 0)
            """,
            [(str(kept).encode(), kept, kept) for kept in KEPT],
        )
        yield opened


@pytest.mark.parametrize("cap", [0, *(each - 1 for each in KEPT[1:]), *KEPT])
def test_errors_over_a_cap_are_found_beside_and_within_the_index(
    connection: sqlite3.Connection, cap: int
) -> None:
    found = list_errors_over_cap(connection, cap)

    expected = [(number, kept) for number, kept in enumerate(KEPT, 1) if kept > cap]
    assert found == expected[::-1]


def test_empty_projects_beyond_so_many_go_and_the_youngest_stay() -> None:
    with closing(open_store()) as store:
        record(store, make_occurrence("first", project="in use"))
        for number in range(5):
            store.execute("INSERT INTO project (name, created_ms) VALUES (?, 0)", (f"p{number}",))
        few = list_empty_projects(store, keep=5, limit=10)
        ids = list_empty_projects(store, keep=2, limit=10)
        # Something may be reported to one of them meanwhile.
        record(store, make_occurrence("back", project="p1"))
        delete_projects(store, ids)
        names = [name for (name,) in store.execute("SELECT name FROM project ORDER BY id")]

    assert few == []
    assert ids == [4, 3, 2]
    assert names == ["in use", "p1", "p3", "p4"]


def test_error_that_comes_back_while_it_expires_stays() -> None:
    """Between the look for what is silent and its erasing a report may be acknowledged."""
    with closing(open_store()) as store:
        record(store, make_occurrence("silent"), make_occurrence("back"))
        expired = list_expired_errors(store, NOW_MS + 1, 10)
        record(store, make_occurrence("back", received_ms=NOW_MS + 1))

        withdrawn = withdraw_errors(store, expired)
        (again,) = record(store, make_occurrence("silent", received_ms=NOW_MS + 1))

        assert [each.id for each in expired] == [1, 2]
        assert withdrawn == [1]
        assert (again.error_id, again.count) == (3, 1)
        assert find_unsound(store) == []
