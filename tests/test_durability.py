"""201 means durable: after a crash, on a full disk, whatever the moment."""

import itertools
import resource
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random, SystemRandom

import httpx
import pytest

from faultline_lite.database_file import quick_check
from tests.disks import small_disk
from tests.load import (
    ENTRIES,
    KEEP_ALL,
    MESSAGES,
    Load,
    check_everything_is_there,
    make_body,
    read_stored,
    running_load,
)
from tests.reports import error_path, errors_path
from tests.servers import ServerProcess, server_process, wait_until

CRASHES = 20
MIB = 2**20


def test_nothing_is_lost_when_the_program_is_killed_at_any_moment(tmp_path: Path) -> None:
    seed = SystemRandom().randrange(2**32)
    print(f"the moments are those of seed {seed}")  # noqa: T201 - shown where the test fails
    source = Random(seed)  # noqa: S311 - they need not be unguessable
    database, load = tmp_path / "faultline.db", Load()
    for _ in range(CRASHES):
        with server_process(tmp_path, environment=KEEP_ALL) as server:
            if database.exists():
                check_everything_is_there(database, load)
            killing = threading.Timer(source.uniform(0.01, 0.5), server.kill)
            load.stopping.clear()
            with running_load(server.url, load):
                killing.start()
                killing.join()
    with server_process(tmp_path, environment=KEEP_ALL) as server, server.client() as client:
        check_everything_is_there(database, load)
        errors = client.get(errors_path()).json()["data"]["errors"]
        log = server.log.read_text()

    assert len(load.acknowledged) > CRASHES
    assert sum(error["count"] for error in errors) == read_stored(database).total()
    assert quick_check(database) == []
    assert " WARNING " not in log
    assert " ERROR " not in log


class Filler:
    """Reports until there is no room, ever smaller ones."""

    def __init__(self, client: httpx.Client, load: Load) -> None:
        self._client = client
        self._load = load
        self._numbers = itertools.count(1)
        self._source = Random(1)  # noqa: S311 - it only has to be incompressible

    def post(self, filler_bytes: int) -> httpx.Response:
        number = next(self._numbers)
        self._load.sent.add(number)
        body = make_body(number, self._source.randbytes(filler_bytes).hex())
        answer = self._client.post(errors_path(), content=body)
        if answer.status_code == 201:
            self._load.acknowledged.add(number)
        return answer

    def is_full(self) -> bool:
        """Fill up what room there is; return whether the server says that there is none."""
        for filler_bytes in (20_000, 1_000, 0):
            while self.post(filler_bytes).status_code == 201:
                pass
        return self._client.get("/healthz").status_code == 503


def check_full_disk(server: ServerProcess, database: Path, make_room: Callable[[], object]) -> None:
    """Fill the disk, look around, make room, and go on."""
    load = Load()
    with server.client() as client:
        filler = Filler(client, load)
        wait_until(filler.is_full)
        # Now and then the log is emptied into the file, and there is room for some more.
        answers = [filler.post(100_000) for _ in range(100)]
        refused = [answer for answer in answers if answer.status_code == 503]
        reads = [client.get(error_path(message)) for message in MESSAGES]
        listed = client.get(errors_path()).json()["data"]["errors"]
        make_room()
        wait_until(lambda: client.get("/healthz").status_code == 200)
        late = client.post(errors_path(), content=make_body(0))
        load.sent.add(0)
        load.acknowledged.add(0)

    assert {answer.status_code for answer in answers} <= {201, 503}
    assert len(refused) > 50
    assert {answer.headers["retry-after"] for answer in refused} == {"5"}
    assert {answer.headers["access-control-allow-origin"] for answer in refused} == {"*"}
    assert {answer.status_code for answer in reads} == {200}
    assert sum(error["count"] for error in listed) == ENTRIES * (len(load.acknowledged) - 1)
    assert late.status_code == 201

    assert server.stop() == 0
    check_everything_is_there(database, load)
    assert quick_check(database) == []
    # Once for each time that it became full, and not for each report that was refused.
    log = server.log.read_text()
    assert 1 <= log.count("reports are refused until it can") < len(refused)
    assert "the database can be written again" in log
    assert "Traceback" not in log


def test_full_disk_refuses_reports_and_recovers_by_itself(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 6 * MIB) as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(2 * MIB))
        log = tmp_path / "faultline.log"
        with server_process(disk, environment=KEEP_ALL, log=log) as server:
            check_full_disk(server, disk / "faultline.db", ballast.unlink)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits another process")
def test_quota_on_the_file_refuses_reports_and_recovers_by_itself(tmp_path: Path) -> None:
    with server_process(tmp_path, environment=KEEP_ALL) as server:

        def limit(size_bytes: int) -> None:
            limits = (size_bytes, resource.RLIM_INFINITY)
            resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limits)

        limit(2 * MIB)
        check_full_disk(server, tmp_path / "faultline.db", partial(limit, resource.RLIM_INFINITY))
