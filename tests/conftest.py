"""What most tests of the server need: a running one, a client of it, a clock that they move."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from faultline_lite.database import Database, connect
from faultline_lite.database_file import prepare_database
from faultline_lite.metrics import Metrics
from faultline_lite.sealedbox import create_key_file
from tests.fakes import FakeClock, Receiver
from tests.notified import (
    CLIENT,
    MASTER,
)
from tests.office import Office, open_office
from tests.reports import new_project
from tests.servers import RunningServer, running_server


@pytest.fixture
def anyio_backend() -> str:
    """Tests marked with ``pytest.mark.anyio`` are coroutines of asyncio, and of nothing else."""
    return "asyncio"


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands at 2016-12-07T00:00:00+09:00 until it is moved."""
    return FakeClock()


@pytest.fixture
def database_path(tmp_path: Path) -> Path:
    """A database file with its tables and nothing in them."""
    path = tmp_path / "faultline.db"
    prepare_database(path)
    return path


@pytest.fixture
def connection(database_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to ``database_path``, for queries of the store."""
    with closing(connect(database_path)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        yield connection


@pytest.fixture
async def database(database_path: Path, anyio_backend: str) -> AsyncIterator[Database]:
    """An open database with its threads, for coroutines marked with ``pytest.mark.anyio``."""
    database = Database(database_path, "full", Metrics())
    yield database
    await database.close()


@pytest.fixture
def server(tmp_path: Path, clock: FakeClock) -> Iterator[RunningServer]:
    """A server without keys, on ``clock``, whose jobs run as a test advances it."""
    with running_server(tmp_path, clock) as server:
        yield server


@pytest.fixture(scope="session")
def standing_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all tests that look at a ``project`` of their own and at nothing else.

    Starting one for each would take longer than they do. Its clock stands at the time of FakeClock.
    """
    with running_server(tmp_path_factory.mktemp("standing"), FakeClock()) as server:
        yield server


@pytest.fixture(scope="session")
def standing_client(standing_server: RunningServer) -> Iterator[httpx.Client]:
    """An HTTP client of ``standing_server``."""
    with standing_server.client() as client:
        yield client


@pytest.fixture
def project() -> str:
    """The name of a project that nothing has been reported to."""
    return new_project()


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx.Client]:
    """An HTTP client of ``server``."""
    with server.client() as client:
        yield client


@pytest.fixture
async def receiver(anyio_backend: str) -> AsyncIterator[Receiver]:
    """A server that is notified by web hooks."""
    async with Receiver().run() as receiver:
        assert isinstance(receiver, Receiver)
        yield receiver


@pytest.fixture
async def office(tmp_path: Path, clock: FakeClock, anyio_backend: str) -> AsyncIterator[Office]:
    """Everything between a report and its delivery, in the loop of the test and on ``clock``."""
    async with open_office(tmp_path, clock) as office:
        yield office


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with keys of both kinds and a key pair, for all tests of a module."""
    folder = tmp_path_factory.mktemp("keyed")
    create_key_file(folder / "faultline.key", 1)
    settings = {"master_api_key": MASTER, "client_api_keys": (CLIENT,)}
    with running_server(folder, FakeClock(), **settings) as server:
        yield server


@pytest.fixture
def master(keyed: RunningServer) -> Iterator[httpx.Client]:
    """A client of ``keyed`` that may do everything."""
    with keyed.client(MASTER) as client:
        yield client
