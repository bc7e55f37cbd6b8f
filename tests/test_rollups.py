"""Roll-ups are the sum of the minutes, whatever happens in whichever order."""

import sqlite3
from collections import Counter
from contextlib import closing

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlite_utils import Database as Tables

from faultline_lite.migrations import migrations
from faultline_lite.models import Bucket
from faultline_lite.store.errors import delete_error
from faultline_lite.store.projects import delete_project, get_project_id
from faultline_lite.store.retention import (
    delete_empty_projects,
    delete_minutes,
    erase_errors,
)
from faultline_lite.store.surplus import list_deleted_errors
from faultline_lite.store.timeline import list_project_buckets, list_total_buckets
from faultline_lite.timekeys import MINUTE_MS, Timeunit, bucket_bounds_ms, span_around
from tests.soundness import read_rollups, sum_minutes
from tests.stores import NOW_MS, make_occurrence, open_store, record

#: Minutes since the epoch: neighbours, across hours, days and years, before 1970, in any order.
MINUTES = st.sampled_from((-100_000, -61, -60, -1, 0, 1, 59, 60, 1439, 1440, 400 * 1440))
TIMEUNITS: tuple[Timeunit, ...] = ("minute", "hour", "day", "year")
PROJECTS = st.sampled_from(("web", "app"))
MESSAGES = st.sampled_from(("first", "second", "third"))


class Store(RuleBasedStateMachine):
    """Everything that changes a timeline; after each step the roll-ups must agree with it."""

    def __init__(self) -> None:
        super().__init__()
        self.connection = open_store()

    def teardown(self) -> None:
        self.connection.close()

    @rule(report=st.lists(st.tuples(PROJECTS, MESSAGES, MINUTES), min_size=1, max_size=6))
    def post(self, report: list[tuple[str, str, int]]) -> None:
        occurrences = [
            make_occurrence(message, project=project, timestamp_ms=minute * MINUTE_MS)
            for project, message, minute in report
        ]
        record(self.connection, *occurrences)

    @rule(project=PROJECTS, message=MESSAGES)
    def delete_error(self, project: str, message: str) -> None:
        row = self.connection.execute(
            """
            SELECT error.id FROM error JOIN project ON project.id = project_id
            WHERE name = ? AND message = ?
            """,
            (project, message),
        ).fetchone()
        if row is not None:
            delete_error(self.connection, row[0])

    @rule(project=PROJECTS)
    def delete_project(self, project: str) -> None:
        delete_project(self.connection, project)

    @rule(steps=st.integers(1, 5))
    def erase(self, steps: int) -> None:
        for _ in range(steps):
            erase_errors(self.connection, list_deleted_errors(self.connection, 5), 2)
        delete_empty_projects(self.connection)

    @rule(before=MINUTES, rows=st.integers(1, 5))
    def let_minutes_expire(self, before: int, rows: int) -> None:
        for (error_id,) in self.connection.execute("SELECT id FROM error").fetchall():
            delete_minutes(self.connection, error_id, before, rows)

    @invariant()
    def rollups_are_the_sum_of_the_minutes(self) -> None:
        assert read_rollups(self.connection) == sum_minutes(self.connection)

    @invariant()
    def what_is_read_is_the_sum_of_what_is_there(self) -> None:
        for timeunit in TIMEUNITS:
            whole = span_around(-(10**13), 10**13, timeunit)
            assert list_total_buckets(self.connection, whole) == self._sum(timeunit, "TRUE")
            for project in ("web", "app"):
                project_id = get_project_id(self.connection, project)
                if project_id is not None:
                    found = list_project_buckets(self.connection, [project_id], whole)
                    assert found[project_id] == self._sum(timeunit, f"name = '{project}'")

    def _sum(self, timeunit: Timeunit, condition: str) -> list[Bucket]:
        counts = Counter[int]()
        for minute, count in self.connection.execute(
            f"""
            SELECT minute, timeline.count FROM timeline JOIN error ON error.id = error_id
            JOIN project ON project.id = project_id WHERE name IS NOT NULL AND {condition}
            """  # noqa: S608 - ours alone
        ):
            counts[bucket_bounds_ms(minute * MINUTE_MS, timeunit)[0]] += count
        return [Bucket(*each) for each in sorted(counts.items())]


TestStore = Store.TestCase
TestStore.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def test_erasing_reads_no_table_whole() -> None:
    statements: set[str] = set()
    with closing(open_store()) as connection:
        record(connection, make_occurrence(timestamp_ms=NOW_MS))
        record(connection, make_occurrence(timestamp_ms=NOW_MS + 60 * MINUTE_MS))
        delete_project(connection, "web")
        connection.set_trace_callback(statements.add)
        erased = erase_errors(connection, list_deleted_errors(connection, 5), 100)
        connection.set_trace_callback(None)
        read_whole = {
            detail.split()[1]
            for statement in statements
            for *_, detail in connection.execute(f"EXPLAIN QUERY PLAN {statement}")
            if detail.startswith("SCAN ")
        }
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}

    assert erased.errors == 1
    # These are of one row.
    assert read_whole & tables == {"search_progress", "census_progress"}


def test_occurrences_of_one_hour_touch_no_rollup() -> None:
    with closing(open_store()) as connection:
        for minute in (0, 1, 59):
            record(connection, make_occurrence(timestamp_ms=NOW_MS + minute * MINUTE_MS))

        rows = connection.execute("SELECT unit, minute, count FROM error_rollup").fetchall()

        assert rows == []


@pytest.mark.parametrize("minutes", [(0, 1, 60), (1440, 0, -1), (-1, -60, -61, -1441)])
def test_upgrade_rolls_up_what_is_there(minutes: tuple[int, ...]) -> None:
    with closing(open_store()) as connection:
        for minute in minutes:
            record(connection, make_occurrence(timestamp_ms=minute * MINUTE_MS))
            record(connection, make_occurrence(project="app", timestamp_ms=minute * MINUTE_MS))
        _take_back_rollups(connection)
        migrations.apply(Tables(connection, execute_plugins=False))

        rollups = read_rollups(connection)

        assert rollups == sum_minutes(connection)


def _take_back_rollups(connection: sqlite3.Connection) -> None:
    """Bring the schema back to before there were roll-ups."""
    for statement in (
        "DROP TABLE error_rollup",
        "DROP TABLE project_rollup",
        "DROP INDEX error_by_counted_in",
        "ALTER TABLE error DROP COLUMN counted_in",
        *(
            f"ALTER TABLE {owner} DROP COLUMN {column}"
            for owner in ("error", "project")
            for column in ("open_minute", "open_count")
        ),
        "DELETE FROM _sqlite_migrations WHERE name = 'roll_up_timelines'",
    ):
        connection.execute(statement)
