import re
import sqlite3
from pathlib import Path

import httpx
import pytest

from faultline_lite.web.clients import CLIENTS
from faultline_lite.web.projects import MAX_PROJECTS
from tests.servers import RunningServer, running_server
from tests.web.visiting import Site, log_in, server_with_key


def test_empty_server_shows_first_steps_for_every_client(
    server: RunningServer, client: httpx.Client
) -> None:
    page = client.get("/").text

    assert "Send a first error" in page
    assert f"{server.url}/v0/projects/sample-project/errors" in page
    for each in CLIENTS:
        assert f"<summary>{each.name}</summary>" in page


def test_first_report_turns_the_first_steps_into_the_project(client: httpx.Client) -> None:
    Site(client, "my-project").report("boom")

    assert client.get("/", params={"started": ""}).headers["location"] == "/projects/my-project"
    assert "Send a first error" not in client.get("/").text


def test_projects_are_listed_with_their_numbers(client: httpx.Client) -> None:
    site = Site(client, "在庫")
    site.report("one")
    site.report("two")
    site.send(site.path_of("two"), action="resolve")
    page = client.get("/").text
    row = page.partition("<tbody>")[2]

    assert 'href="/projects/%E5%9C%A8%E5%BA%AB">在庫</a>' in row
    assert 'data-label="Unresolved">1</td>' in row
    assert 'class="numeric times">2</td>' in row
    assert 'aria-label="2 occurrences in the last 24 hours"' in row


def test_of_very_many_projects_those_that_were_active_last_are_shown(
    server: RunningServer, client: httpx.Client
) -> None:
    def fill(connection: sqlite3.Connection) -> None:
        rows = [(f"p{number:04}", number) for number in range(MAX_PROJECTS + 7)]
        connection.executemany("INSERT INTO project (name, created_ms) VALUES (?, ?)", rows)

    server.run(server.services.database.write(fill))
    page = client.get("/").text
    choices = client.get("/deliveries").text
    shown = [f"p{number:04}" for number in range(7, MAX_PROJECTS + 7)]

    assert re.findall(r">(p\d{4})</a>", page) == shown
    assert "and 7 others" in page
    assert re.findall(r"<option[^>]*>(p\d{4})</option>", choices) == shown


def test_client_key_is_filled_in_and_the_master_key_never(tmp_path: Path) -> None:
    with (
        server_with_key(tmp_path, client_api_keys=("c" * 32,)) as server,
        server.client() as visitor,
    ):
        log_in(visitor)
        page = visitor.get("/").text

    assert f"X-Api-Key: {'c' * 32}" in page
    assert "0123456789abcdef" not in page


def test_missing_client_key_is_named(tmp_path: Path) -> None:
    with server_with_key(tmp_path) as server, server.client() as visitor:
        log_in(visitor)
        page = visitor.get("/setup").text

    assert "This server has no client key yet." in page


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("errors.example.com:8443", "http://errors.example.com:8443/v0"),
        ("[::1]:7070", "http://[::1]:7070/v0"),
        ("'; rm -rf /", "http://127.0.0.1:"),
        ('"><script>', "http://127.0.0.1:"),
    ],
)
def test_address_is_where_the_browser_reached_it_unless_that_is_no_host(
    tmp_path: Path, host: str, address: str
) -> None:
    with server_with_key(tmp_path) as server, server.client() as visitor:
        log_in(visitor)
        answer = visitor.get("/setup", headers={"Host": host})

    assert answer.status_code == 400 or address in answer.text.replace("&#39;", "'")
    assert "<script>" not in answer.text.partition("curl")[2].partition("PHP")[0]


def test_public_url_is_the_address_where_it_is_configured(tmp_path: Path) -> None:
    with (
        running_server(tmp_path, public_url="https://errors.example.com") as server,
        server.client() as visitor,
    ):
        assert "https://errors.example.com/v0/projects/" in visitor.get("/").text
