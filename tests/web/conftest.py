"""What most tests of the pages need."""

from collections.abc import Iterator

import httpx
import pytest

from faultline_lite.sealedbox import create_key_file
from tests.fakes import FakeClock
from tests.servers import RunningServer, running_server
from tests.web.visiting import Site


@pytest.fixture
def site(standing_client: httpx.Client, project: str) -> Site:
    """A project of the test's own on the server that stands for all tests."""
    return Site(standing_client, project)


@pytest.fixture(scope="session")
def sealing_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server that can seal, and so notify, for all tests that look at a project of their own.

    Its key file is there; API keys are not.
    """
    folder = tmp_path_factory.mktemp("sealing")
    create_key_file(folder / "faultline.key", 1)
    with running_server(folder, FakeClock()) as server:
        yield server


@pytest.fixture(scope="session")
def sealing_client(sealing_server: RunningServer) -> Iterator[httpx.Client]:
    """An HTTP client of ``sealing_server``."""
    with sealing_server.client() as client:
        yield client
