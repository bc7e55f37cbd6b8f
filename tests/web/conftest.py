"""What most tests of the pages need."""

import httpx
import pytest

from tests.web.visiting import Site


@pytest.fixture
def site(standing_client: httpx.Client, project: str) -> Site:
    """A project of the test's own on the server that stands for all tests."""
    return Site(standing_client, project)
