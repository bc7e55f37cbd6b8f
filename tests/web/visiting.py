"""Visitors of the pages over HTTP, without a browser."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from faultline_lite.clock import Clock
from tests.reports import error_path, errors_path, escape, make_entry, make_report
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


class Site(NamedTuple):
    """A project of its own on a server without keys, seen through its API and its pages."""

    client: httpx.Client
    project: str

    @property
    def list_path(self) -> str:
        return f"/projects/{self.project}"

    def report(self, message: str, **fields: Any) -> str:
        """Report an error, with fields of its entry, and return the occurrence's address."""
        return self.report_all([make_entry(message, **fields)])

    def report_all(self, entries: list[dict[str, Any]], **fields: Any) -> str:
        """Send one report; ``fields`` are its own. Return the address of the first occurrence."""
        report = make_report(errors=entries, **fields)
        answer = self.client.post(errors_path(self.project), json=report).raise_for_status()
        return str(answer.json()["id"])

    def path_of(self, message: str, *below: str) -> str:
        """Return the path of an error's page, or of what is below it."""
        return "/".join([self.list_path, "errors", escape(message), *below])

    def get(self, path: str, **parameters: Any) -> httpx.Response:
        return self.client.get(path, params=parameters or None)

    def send(self, path: str, **form: Any) -> httpx.Response:
        """Send a form of the page at ``path``."""
        return self.client.post(path, data={"token": find_token(self.client.get(path)), **form})

    def summary(self, message: str) -> dict[str, Any]:
        """Return the error as the API shows it."""
        answer = self.client.get(error_path(message, self.project)).raise_for_status()
        summary: dict[str, Any] = answer.json()["data"]["summary"]
        return summary
