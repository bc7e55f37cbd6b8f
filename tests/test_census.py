"""Whom an error met and in which versions: of every occurrence, once, whatever is deleted."""

import asyncio
import sqlite3

import httpx
import pytest

from faultline_lite.census import Census
from faultline_lite.database import Database
from faultline_lite.store.census import MAX_VERSIONS, VersionCount, list_versions
from faultline_lite.store.errors import delete_error
from faultline_lite.store.retention import delete_occurrences, erase_errors
from tests.reports import error_path, errors_path, make_report
from tests.servers import RunningServer
from tests.stores import CODEC, NOW_MS, make_occurrence, make_payload, record

ERROR_ID = 1


def post(
    connection: sqlite3.Connection, *users: int | None, version: str = "1.0", minute: int = 0
) -> None:
    """Store an occurrence for each user, a second apart."""
    first_ms = NOW_MS + minute * 60_000
    occurrences = [
        make_occurrence(
            timestamp_ms=first_ms + number * 1000,
            payload=make_payload(version=version, user={"id": user}),
        )
        for number, user in enumerate(users)
    ]
    record(connection, *occurrences)


def get_people(connection: sqlite3.Connection) -> list[tuple[int, int]]:
    return connection.execute("SELECT id, people FROM error ORDER BY id").fetchall()


@pytest.mark.anyio
async def test_people_are_counted_once_and_versions_each_time(database: Database) -> None:
    census = Census(database, CODEC)
    await database.write(post, 1, 2, 1, None)
    await census.run()
    await database.write(post, 2, 3, version="1.1", minute=1)
    await database.write(post, 3, version="1.0", minute=2)
    await census.run()
    await census.run()

    assert await database.read(get_people) == [(ERROR_ID, 3)]
    assert await database.read(list_versions, ERROR_ID) == [
        VersionCount("1.1", 2, NOW_MS + 60_000, NOW_MS + 61_000),
        VersionCount("1.0", 5, NOW_MS, NOW_MS + 120_000),
    ]


@pytest.mark.anyio
async def test_census_goes_on_where_another_one_ended(database: Database) -> None:
    await database.write(post, 1, 2)
    await Census(database, CODEC).run()
    await database.write(post, 3)
    await Census(database, CODEC).run()

    assert await database.read(get_people) == [(ERROR_ID, 3)]
    assert [each.count for each in await database.read(list_versions, ERROR_ID)] == [3]


@pytest.mark.anyio
async def test_more_than_a_step_is_counted_in_one_run(database: Database) -> None:
    await database.write(post, *range(600))
    await Census(database, CODEC).run()

    assert [each.count for each in await database.read(list_versions, ERROR_ID)] == [600]


@pytest.mark.anyio
async def test_two_at_once_count_nothing_twice(database: Database) -> None:
    census = Census(database, CODEC)
    await database.write(post, *range(700))
    await asyncio.gather(census.run(), census.run(), Census(database, CODEC).run())

    assert [each.count for each in await database.read(list_versions, ERROR_ID)] == [700]


@pytest.mark.anyio
async def test_what_retention_lets_go_stays_counted(database: Database) -> None:
    await database.write(post, 1, 2, 3)
    await Census(database, CODEC).run()
    await database.write(delete_occurrences, [1, 2, 3])

    assert await database.read(get_people) == [(ERROR_ID, 3)]


@pytest.mark.anyio
async def test_occurrence_under_the_id_of_a_deleted_one_is_counted(database: Database) -> None:
    census = Census(database, CODEC)
    await database.write(post, 1, 2)
    await census.run()
    await database.write(delete_occurrences, [1, 2])
    await database.write(post, 3)
    await census.run()

    assert await database.read(get_people) == [(ERROR_ID, 3)]


@pytest.mark.anyio
async def test_erased_error_leaves_nothing_behind(database: Database) -> None:
    await database.write(post, 1, 2)
    await Census(database, CODEC).run()
    await database.write(delete_error, ERROR_ID)
    await database.write(erase_errors, [ERROR_ID], 100)

    def count_rows(connection: sqlite3.Connection) -> list[int]:
        tables = ("error", "error_people", "error_version")
        counts = [f"SELECT count(*) FROM {table}" for table in tables]  # noqa: S608
        return [connection.execute(count).fetchone()[0] for count in counts]

    assert await database.read(count_rows) == [0, 0, 0]


@pytest.mark.anyio
async def test_versions_that_came_last_are_remembered(database: Database) -> None:
    for number in range(MAX_VERSIONS + 5):
        await database.write(post, 1, version=str(number), minute=number)
    await Census(database, CODEC).run()

    versions = await database.read(list_versions, ERROR_ID)

    assert [each.version for each in versions] == [
        str(number) for number in range(MAX_VERSIONS + 4, 4, -1)
    ]


def test_list_and_facets_show_the_census(server: RunningServer, client: httpx.Client) -> None:
    for user in (1, 2, 2):
        context = {"user": {"id": user}, "version": "1.4"}
        client.post(errors_path(), json=make_report("boom", context=context))
    server.run(Census(server.services.database, server.services.codec).run())

    listed = client.get(errors_path()).json()["data"]["errors"]
    facets = client.get(f"{error_path('boom')}/facets").json()["data"]

    assert [each["people"] for each in listed] == [2]
    assert facets["versions"] == [
        {
            "version": "1.4",
            "count": 3,
            "firstSeen": "2016-12-06T15:00:00+00:00",
            "lastSeen": "2016-12-06T15:00:00+00:00",
        }
    ]
