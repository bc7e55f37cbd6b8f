"""The server's life: it starts, serves, and ends with everything stored."""

import httpx
import pytest

from faultline_lite.database import Database
from faultline_lite.store.projects import list_projects
from tests.fakes import FakeClock
from tests.reports import error_path, errors_path, make_report
from tests.servers import RunningServer, server_process


@pytest.mark.anyio
async def test_new_database_holds_nothing(database: Database) -> None:
    assert await database.read(list_projects) == []


def test_posted_report_is_found_again(client: httpx.Client, clock: FakeClock) -> None:
    posted = client.post(errors_path(), json=make_report("nothing works"))
    found = client.get(error_path("nothing works"))

    assert posted.status_code == 201
    assert found.json()["data"]["error"]["timestamp"] == "2016-12-07T00:00:00+09:00"


def test_jobs_run_as_the_clock_advances(server: RunningServer, clock: FakeClock) -> None:
    server.run(clock.advance(3600))
    assert clock.monotonic() == 3600


def test_sigterm_ends_the_program_with_everything_stored(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("process")
    with server_process(folder) as server, server.client() as client:
        client.post(errors_path(), json=make_report("first"))
        exit_code = server.stop()
    with server_process(folder) as server, server.client() as client:
        found = client.get(error_path("first"))

    assert exit_code == 0
    assert found.status_code == 200
