"""A disk that is small, or filled by others: what came first makes room, and nothing is lost."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from faultline_lite.database_file import quick_check
from tests.disks import fill_disk, small_disk
from tests.fakes import FakeClock
from tests.reports import error_path, errors_path, make_report, occurrences_path
from tests.servers import RunningServer, running_server

DISK_BYTES = 40 * 2**20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of DISK_BYTES, in memory."""
    with small_disk(tmp_path / "disk", DISK_BYTES) as disk:
        yield disk


class Reporter:
    """Posts reports that compress to nothing smaller, and remembers which were taken."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._source = Random(7)  # noqa: S311 - it only has to be incompressible
        self.number = 0
        self.taken: list[int] = []

    def post(self) -> int:
        """Post the next one of some 60 KB and return the status."""
        self.number += 1
        text = self._source.randbytes(30_000).hex()
        params = {"number": self.number, "text": text}
        status = self._client.post(
            errors_path(), json=make_report("full", params=params)
        ).status_code
        if status == 201:
            self.taken.append(self.number)
        return status


def kept_numbers(client: httpx.Client) -> list[int]:
    numbers: list[int] = []
    after: dict[str, str] = {}
    while True:
        answer = client.get(occurrences_path("full"), params={"limit": "100", **after})
        page: list[dict[str, Any]] = answer.json()["data"]["errors"]
        if not page:
            return sorted(numbers)
        numbers += [each["params"]["number"] for each in page]
        after = {"after": page[-1]["reversedUnixtime"]}


def count(client: httpx.Client) -> int:
    shown: int = client.get(error_path("full")).json()["data"]["summary"]["count"]
    return shown


def hold_size(server: RunningServer) -> None:
    server.run(server.services.database.checkpoint())
    server.run(server.services.retention.hold_size())


def test_disk_that_runs_low_keeps_what_is_new(disk: Path, clock: FakeClock) -> None:
    with (
        running_server(disk, clock, min_free_bytes=16 * 2**20) as server,
        server.client() as client,
    ):
        reporter = Reporter(client)
        for _ in range(40):
            for _ in range(25):
                reporter.post()
            hold_size(server)
        numbers = kept_numbers(client)
        counted = count(client)

    # More has come than the disk holds.
    assert reporter.taken == list(range(1, 1001))
    assert counted == 1000
    assert numbers == [1, *range(1001 - len(numbers) + 1, 1001)]
    assert len(numbers) > 100
    assert quick_check(disk / "faultline.db") == []


def test_full_disk_refuses_reports_reads_on_and_recovers(disk: Path, clock: FakeClock) -> None:
    with (
        running_server(disk, clock, min_free_bytes=8 * 2**20) as server,
        server.client() as client,
    ):
        reporter = Reporter(client)
        for _ in range(20):
            reporter.post()
        filler = disk / "filler"
        fill_disk(filler, leave_bytes=0)
        statuses = [reporter.post() for _ in range(200)]
        hold_size(server)
        refused = reporter.post()
        health = client.get("/healthz").status_code
        numbers = kept_numbers(client)
        filler.unlink()
        hold_size(server)
        again = reporter.post()

        assert statuses[-1] == 503
        assert (refused, health) == (503, 503)
        assert numbers == [each for each in reporter.taken if each != reporter.number]
        assert again == 201
        assert kept_numbers(client) == reporter.taken


def test_disk_that_others_fill_is_made_room_on(disk: Path, clock: FakeClock) -> None:
    with (
        running_server(disk, clock, min_free_bytes=16 * 2**20) as server,
        server.client() as client,
    ):
        reporter = Reporter(client)
        for number in range(600):
            reporter.post()
            if number % 100 == 99:
                hold_size(server)
        fill_disk(disk / "filler", leave_bytes=4 * 2**20 - 1)
        low_bytes = shutil.disk_usage(disk).free
        hold_size(server)
        free_bytes = shutil.disk_usage(disk).free
        statuses = {reporter.post() for _ in range(20)}
        numbers = kept_numbers(client)

    assert low_bytes < 4 * 2**20
    assert free_bytes >= 16 * 2**20 - 2**17
    assert statuses == {201}
    assert numbers == [1, *range(621 - len(numbers) + 1, 621)]
    assert len(numbers) > 50
    assert quick_check(disk / "faultline.db") == []


def test_disk_that_others_fill_costs_no_report(disk: Path, clock: FakeClock) -> None:
    with (
        running_server(disk, clock, min_free_bytes=24 * 2**20) as server,
        server.client() as client,
    ):
        reporter = Reporter(client)
        for _ in range(20):
            reporter.post()
        fill_disk(disk / "filler", leave_bytes=10 * 2**20)
        for _ in range(5):
            hold_size(server)
        numbers = kept_numbers(client)

    assert numbers == list(range(1, 21))


def test_reports_are_taken_again_when_there_is_clearly_more_room(
    disk: Path, clock: FakeClock
) -> None:
    with (
        running_server(disk, clock, min_free_bytes=16 * 2**20) as server,
        server.client() as client,
    ):
        reporter = Reporter(client)
        filler = disk / "filler"
        statuses = []
        # A fourth of min_free_bytes is where they are refused, and a fourth of that more is not.
        for free_mib in (4.2, 3.8, 4.2, 4.8, 5.2, 4.2):
            filler.unlink(missing_ok=True)
            fill_disk(filler, leave_bytes=int(free_mib * 2**20))
            hold_size(server)
            statuses.append(reporter.post())

    assert statuses == [201, 503, 503, 503, 201, 201]
