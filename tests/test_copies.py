"""Copies of the database on a disk that is tight: refused, and nothing is let go for them."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import httpx
import pytest
from click.testing import CliRunner

from faultline_lite.cli import cli
from faultline_lite.copies import check_room, unsent_copy
from faultline_lite.database_file import quick_check
from faultline_lite.exceptions import NoRoomError
from tests.disks import fill_disk, small_disk
from tests.fakes import FakeClock
from tests.reports import errors_path, make_report, occurrences_path
from tests.servers import RunningServer, running_server, wait_until

MIB = 2**20
DISK_BYTES, MIN_FREE_BYTES = 40 * MIB, 12 * MIB
#: Of some 30 KB each in the database.
REPORTS = 350


@pytest.fixture
def server(tmp_path: Path, clock: FakeClock) -> Iterator[RunningServer]:
    """A server on a disk of its own, with some 11 MiB in its database and no log."""
    with (
        small_disk(tmp_path / "disk", DISK_BYTES) as disk,
        running_server(disk, clock, min_free_bytes=MIN_FREE_BYTES) as server,
    ):
        with server.client() as client:
            source = Random(5)  # noqa: S311 - it only has to be incompressible
            for number in range(REPORTS):
                params = {"text": source.randbytes(30_000).hex()}
                client.post(errors_path(), json=make_report("full", params=params))
                if number % 50 == 49:
                    server.run(server.services.database.truncate_log())
        yield server


def hold_size(server: RunningServer) -> None:
    server.run(server.services.database.checkpoint())
    server.run(server.services.retention.hold_size())


def count_kept(client: httpx.Client) -> int:
    after, kept = "", 0
    while True:
        answer = client.get(occurrences_path("full"), params={"limit": "100", "after": after})
        page = answer.json()["data"]["errors"]
        if not page:
            return kept
        kept += len(page)
        after = page[-1]["reversedUnixtime"]


def copies_of(server: RunningServer) -> list[Path]:
    return list(server.config.db.parent.glob("*.unsent-*"))


def test_copy_that_would_take_what_is_kept_free_is_refused(server: RunningServer) -> None:
    fill_disk(server.config.db.with_name("filler"), leave_bytes=20 * MIB)
    with server.client() as client:
        answer = client.get("/v0/backup")
        hold_size(server)
        kept = count_kept(client)

    assert answer.status_code == 507
    assert answer.json()["message"] == (
        "there is no room for a copy of the database: it takes 12 MiB, the disk has 20 MiB free, "
        "of which 12 MiB are kept (min_free_bytes)"
    )
    assert copies_of(server) == []
    assert kept == REPORTS


def test_copy_that_leaves_enough_is_made(server: RunningServer) -> None:
    with server.client() as client:
        answer = client.get("/v0/backup")
        hold_size(server)

        assert answer.status_code == 200
        assert count_kept(client) == REPORTS
        wait_until(lambda: not copies_of(server))


def test_nothing_goes_for_what_a_copy_takes_that_is_being_sent(server: RunningServer) -> None:
    database_path = server.config.db
    unsent_copy(database_path, "12ab").write_bytes(bytes(10 * MIB))
    fill_disk(database_path.with_name("filler"), leave_bytes=8 * MIB)
    with server.client() as client:
        hold_size(server)
        while_sent = count_kept(client)
        # What is gone for good is another matter.
        unsent_copy(database_path, "12ab").rename(database_path.with_name("grown"))
        hold_size(server)
        kept = count_kept(client)

    assert while_sent == REPORTS
    assert kept < REPORTS


def test_command_writes_no_copy_where_the_servers_disk_is_too_tight(server: RunningServer) -> None:
    """The server's own copy is there meanwhile, and the file that is written is to stay."""
    folder = server.config.db.parent
    config = folder / "faultline.toml"
    config.write_text(
        f'db = "{server.config.db}"\nport = {server.url.rpartition(":")[2]}\n'
        f"min_free_bytes = {MIN_FREE_BYTES}\n"
    )
    elsewhere = folder.parent / "copy.db"
    arguments = ["backup", "--config", str(config)]

    refused = CliRunner().invoke(cli, [*arguments, str(folder / "copy.db")])
    written = CliRunner().invoke(cli, [*arguments, str(elsewhere)])

    assert isinstance(refused.exception, NoRoomError)
    assert not (folder / "copy.db").exists()
    assert written.exit_code == 0
    assert quick_check(elsewhere) == []


@pytest.mark.parametrize("min_free_bytes", [0, -1])
def test_copy_must_fit_where_nothing_is_kept_free(tmp_path: Path, min_free_bytes: int) -> None:
    check_room(tmp_path, 1, min_free_bytes)
    with pytest.raises(NoRoomError):
        check_room(tmp_path, 2**60, min_free_bytes)
