"""Deliveries of one project among those of others."""

import sqlite3

import pytest

from faultline_lite.store.deliveries import AHEAD_MS, State, form_delivery
from faultline_lite.store.delivery_history import (
    MAX_UNDELIVERED,
    count_undelivered,
    list_deliveries,
)
from faultline_lite.store.errors import delete_error
from faultline_lite.store.outbox import Due, insert_due
from faultline_lite.timekeys import DAY_MS
from tests.stores import NOW_MS, make_occurrence, open_store, record


def deliver(connection: sqlite3.Connection, *projects: str) -> dict[str, int]:
    """Make one delivery that tells of an error of each project; return the errors' ids."""
    errors = {}
    for project in projects:
        (recorded,) = record(connection, make_occurrence(project=project))
        errors[project] = recorded.error_id
        due = Due(1, 1, recorded.error_id, "first", 1, 1, 1, NOW_MS // 1000, 1, NOW_MS)
        insert_due(connection, [due])
    form_delivery(connection, 1, [1], NOW_MS, None, 100)
    return errors


def told_projects(connection: sqlite3.Connection, project: str | None) -> list[list[str]]:
    page = list_deliveries(connection, project=project, state=None, limit=100, after=None)
    return [sorted(error.project for error in each.errors) for each in page.deliveries]


@pytest.fixture
def connection() -> sqlite3.Connection:
    connection = open_store()
    connection.execute("INSERT INTO channel VALUES (1, x'01', 'slack', 'slack #random', 0)")
    connection.execute(
        """
        INSERT INTO channel_config (
            id, channel_id, digest, label, threshold, notify_interval, close_on_resolve, created_ms
        ) VALUES (1, 1, x'01', 'slack #random', 1, 1, 0, 0)
        """
    )
    return connection


def test_deliveries_of_a_project_are_those_that_tell_of_it(connection: sqlite3.Connection) -> None:
    deliver(connection, "web", "shop")
    deliver(connection, "web")

    assert told_projects(connection, "shop") == [["shop", "web"]]
    assert told_projects(connection, "web") == [["web"], ["shop", "web"]]
    assert told_projects(connection, None) == [["web"], ["shop", "web"]]
    assert told_projects(connection, "other") == []


def test_delivery_is_not_of_the_project_of_a_deleted_error(connection: sqlite3.Connection) -> None:
    errors = deliver(connection, "web", "shop")
    delete_error(connection, errors["shop"])

    assert told_projects(connection, "shop") == []
    assert told_projects(connection, "web") == [["web"]]


@pytest.mark.parametrize("state", [None, "failed"])
def test_deliveries_of_other_projects_are_passed_over_by_indexes_alone(
    connection: sqlite3.Connection, state: State | None
) -> None:
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    list_deliveries(connection, project="shop", state=state, limit=50, after=None)
    connection.set_trace_callback(None)

    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statements[0]}")]

    assert [step for step in plan if step.startswith("SCAN ")] == [
        "SCAN delivery USING COVERING INDEX delivery_by_update"
    ]
    assert (
        "SEARCH delivery_item USING COVERING INDEX delivery_item_by_project"
        " (project_id=? AND delivery_id=?)"
    ) in plan


def set_state(connection: sqlite3.Connection, state: State, updated_ms: int, attempts: int) -> None:
    connection.execute(
        "UPDATE delivery SET state = ?, updated_ms = ?, attempts = ?", (state, updated_ms, attempts)
    )


@pytest.mark.parametrize(
    ("state", "updated_ms", "attempts", "expected"),
    [
        ("failed", NOW_MS - DAY_MS + 1, 1, (1, 0)),
        ("failed", NOW_MS - DAY_MS, 1, (0, 0)),
        ("failed", NOW_MS + AHEAD_MS, 1, (1, 0)),
        ("failed", NOW_MS + AHEAD_MS + 1, 1, (0, 0)),
        ("sent", NOW_MS, 2, (0, 0)),
        ("due", NOW_MS, 0, (0, 0)),
        ("due", NOW_MS - DAY_MS, 1, (0, 1)),
        ("sending", NOW_MS, 1, (0, 0)),
        ("sending", NOW_MS, 2, (0, 1)),
    ],
)
def test_undelivered_is_what_failed_within_a_day_and_what_is_tried_again(
    connection: sqlite3.Connection,
    state: State,
    updated_ms: int,
    attempts: int,
    expected: tuple[int, int],
) -> None:
    deliver(connection, "web")
    set_state(connection, state, updated_ms, attempts)

    assert count_undelivered(connection, NOW_MS) == expected


def test_what_tells_of_nothing_any_more_is_not_undelivered(connection: sqlite3.Connection) -> None:
    errors = deliver(connection, "web")
    set_state(connection, "failed", NOW_MS, 1)
    delete_error(connection, errors["web"])

    assert count_undelivered(connection, NOW_MS) == (0, 0)


@pytest.mark.parametrize(("state", "expected"), [("failed", (100, 0)), ("due", (0, 100))])
def test_undelivered_is_counted_up_to_a_hundred(
    connection: sqlite3.Connection, state: State, expected: tuple[int, int]
) -> None:
    for _ in range(MAX_UNDELIVERED + 1):
        deliver(connection, "web")
    set_state(connection, state, NOW_MS, 1)

    assert count_undelivered(connection, NOW_MS) == expected


def test_undelivered_is_counted_by_indexes_alone(connection: sqlite3.Connection) -> None:
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    count_undelivered(connection, NOW_MS)
    connection.set_trace_callback(None)

    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statements[0]}")]

    assert [step.partition(" (")[0] for step in plan if " delivery " in step] == [
        "SEARCH delivery USING COVERING INDEX delivery_by_update",
        "SEARCH delivery USING COVERING INDEX delivery_by_update",
        "SCAN delivery USING INDEX delivery_open",
    ]
