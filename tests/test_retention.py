"""What is let go and what stays, on a real file."""

import sqlite3
import string
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import httpx
import pytest

from faultline_lite.retention.passes import MAX_EMPTY_PROJECTS
from faultline_lite.retention.thinning import MIN_KEPT
from faultline_lite.store.pages import get_used_bytes
from tests.errors import post
from tests.fakes import FakeClock
from tests.reports import PROJECT, error_path, errors_path, occurrences_path
from tests.servers import RunningServer, running_server

DAY_SECONDS = 86_400


class Running(NamedTuple):
    server: RunningServer
    client: httpx.Client
    clock: FakeClock


@contextmanager
def running(folder: Path, clock: FakeClock | None = None, **limits: Any) -> Iterator[Running]:
    # Jobs run as it is advanced; one that another server had stands still.
    clock = FakeClock(clock.now_ms()) if clock else FakeClock()
    limits = {"retention_days": 0, "max_occurrences_per_error": 0, "max_db_bytes": 0, **limits}
    with running_server(folder, clock, **limits) as server, server.client() as client:
        yield Running(server, client, clock)


def listed(client: httpx.Client) -> dict[str, int]:
    errors = client.get(errors_path()).json()["data"]["errors"]
    return {error["message"]: error["count"] for error in errors}


def kept(client: httpx.Client, message: str) -> list[dict[str, Any]]:
    answer = client.get(occurrences_path(message), params={"limit": 1000})
    found: list[dict[str, Any]] = answer.json()["data"]["errors"]
    return found


def prune(client: httpx.Client, *, dry: bool = False) -> dict[str, Any]:
    parameters = {"dryRun": "true"} if dry else {}
    freed: dict[str, Any] = client.post("/v0/prune", params=parameters).json()["data"]
    return freed


def test_without_limits_nothing_goes(tmp_path: Path) -> None:
    with running(tmp_path) as (server, client, clock):
        post(client, *["old"] * 50)
        server.run(clock.leap(10_000 * DAY_SECONDS))
        freed = prune(client)

        assert freed == {"occurrences": 0, "errors": 0, "payloadBytes": 0, "reasons": {}}
        assert listed(client) == {"old": 50}


def test_silent_errors_go_after_their_days(tmp_path: Path) -> None:
    with running(tmp_path, retention_days=30) as (server, client, clock):
        post(client, "silent", "alive")
        server.run(clock.leap(20 * DAY_SECONDS))
        post(client, "alive")
        server.run(clock.leap(11 * DAY_SECONDS))
        prune(client)

        assert listed(client) == {"alive": 2}
        assert client.get(error_path("silent")).status_code == 404
        assert len(kept(client, "alive")) == 1


def test_occurrences_go_by_when_they_came_and_not_by_what_they_say(tmp_path: Path) -> None:
    with running(tmp_path, retention_days=30) as (_, client, _clock):
        post(client, "long ago", timestamp="1999-12-31T00:00:00Z")
        prune(client)

        assert len(kept(client, "long ago")) == 1


def test_what_came_while_the_clock_was_ahead_holds_up_nothing_behind_it(tmp_path: Path) -> None:
    begin = FakeClock()
    ahead = FakeClock(begin.now_ms() + 60 * DAY_SECONDS * 1000)
    with running(tmp_path, ahead, retention_days=30) as (_, client, _clock):
        # More than one look of retention has in it.
        post(client, *["ahead"] * 300)
    with running(tmp_path, begin, retention_days=30) as (server, client, clock):
        post(client, *["alive"] * 10, "silent")
        left = []
        for days in (20, 11, 20, 20, 20):
            server.run(clock.leap(days * DAY_SECONDS))
            post(client, "alive")
            prune(client)
            counts = listed(client)
            left.append({message: len(kept(client, message)) for message in counts})

    assert left == [
        {"ahead": 300, "alive": 11, "silent": 1},
        {"ahead": 300, "alive": 2},
        {"ahead": 300, "alive": 2},
        # The time that the clock was at has come, and is not too long ago.
        {"ahead": 300, "alive": 2},
        {"alive": 2},
    ]


def test_what_came_while_the_clock_was_behind_takes_nothing_along(tmp_path: Path) -> None:
    now = FakeClock()
    with running(tmp_path, now, retention_days=30) as (_, client, _clock):
        post(client, *["right"] * 300)
    with running(tmp_path, FakeClock(0), retention_days=30) as (_, client, _clock):
        post(client, "right", "behind")
        prune(client)
        before = listed(client)
    with running(tmp_path, now, retention_days=30) as (_, client, _clock):
        prune(client)

        assert before == {"right": 301, "behind": 1}
        assert listed(client) == {"right": 301}
        assert len(kept(client, "right")) == 300


def test_error_over_its_cap_is_thinned_and_counts_on(tmp_path: Path) -> None:
    with running(tmp_path, max_occurrences_per_error=20) as (server, client, clock):
        for number in range(100):
            post(client, "many", params={"number": number})
            if number == 40:
                client.patch(error_path("many"), json={"status": "resolved"})
            server.run(clock.advance(61))
        freed = prune(client)
        numbers = [each["params"]["number"] for each in kept(client, "many")]
        bounds = {"start": "2016-12-01T00:00:00Z"}
        shown = client.get(error_path("many"), params=bounds).json()["data"]

    assert len(numbers) <= 20
    assert {0, 41, 99} <= set(numbers)
    assert len([number for number in numbers if number < 90]) > len(numbers) // 3
    assert freed["payloadBytes"] >= 0
    assert shown["summary"]["count"] == 100
    assert sum(bucket["count"] for bucket in shown["timeline"]["errors"]) == 100


@pytest.mark.parametrize("cap", [1, 2, 3])
def test_smallest_caps_end_and_keep_what_always_stays(tmp_path: Path, cap: int) -> None:
    with running(tmp_path, max_occurrences_per_error=cap) as (_, client, _clock):
        for number in range(10):
            day = 9 if number == 5 else 1
            post(client, "many", timestamp=f"2016-12-0{day}T00:00:00Z", params={"n": number})
            if number == 7:
                client.patch(error_path("many"), json={"status": "resolved"})
        prune(client)
        numbers = {each["params"]["n"] for each in kept(client, "many")}

    assert len(numbers) == MIN_KEPT
    assert numbers == {0, 5, 8, 9}


def test_file_past_its_size_loses_the_oldest_and_shrinks(tmp_path: Path) -> None:
    source = Random(1)  # noqa: S311 - it only has to be incompressible
    with running(tmp_path, max_db_bytes=2 * 2**20) as (server, client, _):
        for number in range(300):
            filler = source.randbytes(8000).hex()
            post(client, f"error {'x' * (number % 3)}", params={"number": number, "text": filler})
        freed = prune(client)
        counts = listed(client)
        numbers = [each["params"]["number"] for message in counts for each in kept(client, message)]
        server.run(server.services.database.checkpoint())
        size_bytes = server.config.db.stat().st_size

    assert freed["occurrences"] > 50
    assert sum(counts.values()) == 300
    # The first of each error, and the latest without a gap.
    assert sorted(numbers) == [0, 1, 2, *range(300 - len(numbers) + 3, 300)]
    assert size_bytes <= 2 * 2**20 + 2**19


def test_space_of_what_was_deleted_goes_back(tmp_path: Path) -> None:
    filler = "".join(map(chr, range(0x4E00, 0x4E00 + 15_000)))
    with running(tmp_path) as (server, client, _):
        for _ in range(100):
            post(client, "large", params={"text": filler})
        server.run(server.services.database.checkpoint())
        before_bytes = server.config.db.stat().st_size
        client.delete(error_path("large"))
        prune(client)
        server.run(server.services.database.checkpoint())
        after_bytes = server.config.db.stat().st_size

    assert before_bytes > 2 * 2**20
    assert after_bytes < 2**20


def test_two_passes_at_once_count_what_goes_once(tmp_path: Path) -> None:
    with running(tmp_path, max_occurrences_per_error=10) as (server, client, _):
        post(client, *["many"] * 500)
        retention = server.services.retention

        async def run_twice() -> int:
            first, second = retention.run(), retention.run()
            return (await first).occurrences + (await second).occurrences

        gone = server.run(run_twice())

        assert gone + len(kept(client, "many")) == 500


def test_project_over_its_cap_loses_of_what_has_most(tmp_path: Path) -> None:
    with running(tmp_path, max_occurrences_per_project=60) as (_, client, _clock):
        post(client, *["rare"] * 5, *["common"] * 30, *["flood"] * 100)
        freed = prune(client)
        kept_of = {each: len(kept(client, each)) for each in ("rare", "common", "flood")}

    # 54 are nine tenths of the cap: what is rare stays whole, the others share the rest.
    assert kept_of == {"rare": 5, "common": 24, "flood": 24}
    assert freed["reasons"] == {"project": 82}


def test_projects_that_nothing_is_in_are_bounded(tmp_path: Path) -> None:
    def fill(connection: sqlite3.Connection) -> None:
        rows = [(f"empty-{number}",) for number in range(MAX_EMPTY_PROJECTS + 300)]
        connection.executemany("INSERT INTO project (name, created_ms) VALUES (?, 0)", rows)

    with running(tmp_path) as (server, client, _clock):
        post(client, "in use")
        server.run(server.services.database.write(fill))
        prune(client)
        names = [each["name"] for each in client.get("/v0/projects").json()["data"]["projects"]]

    assert set(names) == {
        PROJECT,
        *(f"empty-{number}" for number in range(300, MAX_EMPTY_PROJECTS + 300)),
    }


def test_file_that_is_full_of_errors_loses_the_longest_silent(tmp_path: Path) -> None:
    source = Random(2)  # noqa: S311 - it only has to be incompressible
    with running(tmp_path, max_db_bytes=2 * 2**20) as (server, client, clock):
        for number in range(150):
            name = "".join(source.choices(string.ascii_letters, k=8))
            post(client, f"{number:04} {name}", params={"text": source.randbytes(8000).hex()})
            server.run(clock.advance(1))
        for _ in range(20):
            prune(client)
            server.run(server.services.indexing.catch_up())
        used_bytes = server.run(server.services.database.read(get_used_bytes))
        numbers = sorted(int(message[:4]) for message in listed(client))

    assert used_bytes <= 2 * 2**20
    assert 10 < len(numbers) < 149
    assert numbers == list(range(150 - len(numbers), 150))


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"retention_days": 30},
        {"max_occurrences_per_error": 10},
        {"retention_days": 30, "max_occurrences_per_error": 10, "max_occurrences_per_project": 25},
    ],
)
def test_dry_run_says_what_goes_and_lets_nothing_go(tmp_path: Path, limits: dict[str, int]) -> None:
    with running(tmp_path) as (server, client, clock):
        post(client, *["gone"] * 3, *["old and new"] * 30)
        server.run(clock.leap(20 * DAY_SECONDS))
        post(client, *["old and new"] * 25, *["new"] * 14)
        server.run(clock.leap(11 * DAY_SECONDS))
    with running(tmp_path, clock, **limits) as (_, client, _):
        before = listed(client)
        first, second = prune(client, dry=True), prune(client, dry=True)
        after = listed(client)
        freed = prune(client)

    estimated = [each.pop("payloadBytes") for each in (first, second, freed)]
    assert before == after
    assert first == second == freed
    assert estimated[0] == pytest.approx(estimated[2], rel=0.5)


def test_dry_run_estimates_what_the_file_must_lose(tmp_path: Path) -> None:
    source = Random(3)  # noqa: S311 - it only has to be incompressible
    with running(tmp_path, max_db_bytes=2 * 2**20) as (_, client, _clock):
        for _ in range(300):
            post(client, "large", params={"text": source.randbytes(8000).hex()})
        would = prune(client, dry=True)
        freed = prune(client)

    assert would["reasons"].keys() == freed["reasons"].keys() == {"size"}
    assert would["occurrences"] == pytest.approx(freed["occurrences"], rel=0.4)
