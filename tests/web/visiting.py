"""Visitors of the pages over HTTP, without a browser."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from faultline_lite.clock import Clock
from tests.servers import RunningServer, running_server

MASTER_KEY = "0123456789abcdef0123456789abcdef"

_TOKEN = re.compile(r'name="token" value="([0-9a-f]+)"')


@contextmanager
def server_with_key(
    folder: Path, clock: Clock | None = None, **settings: Any
) -> Iterator[RunningServer]:
    """Run a server that one must log in to."""
    with running_server(folder, clock, master_api_key=MASTER_KEY, **settings) as server:
        yield server


def find_token(page: httpx.Response) -> str:
    """Return what the forms of a page carry."""
    found = _TOKEN.search(page.text)
    assert found is not None
    return found[1]


def log_in(visitor: httpx.Client, key: str = MASTER_KEY, **fields: str) -> httpx.Response:
    """Send the form of the login page."""
    token = find_token(visitor.get("/login"))
    return visitor.post("/login", data={"token": token, "key": key, **fields})
