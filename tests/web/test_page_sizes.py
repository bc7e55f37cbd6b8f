"""No page is large, whatever was reported: what does not compress least of all."""

import html
import random
import re
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from faultline_lite.sealedbox import create_key_file
from faultline_lite.web.deliveries import PAGE_DELIVERIES, SHOWN_ERRORS
from faultline_lite.web.projects import MAX_PROJECTS
from tests.fakes import FakeClock
from tests.reports import errors_path, make_entry, make_report
from tests.servers import RunningServer, running_server, wait_until
from tests.web.visiting import Site, find_token

#: Compressed, without the assets.
MOST_BYTES = 100_000
PROJECT = "noise"
#: An error that has many occurrences, and the one whose every part is large.
MANY, LARGE = "many", "large"
ALPHABETS = {"ascii": range(33, 127), "kanji": range(0x4E00, 0x9FFF)}

Noise = Callable[[int], str]


@pytest.fixture(scope="module", params=list(ALPHABETS))
def noise(request: pytest.FixtureRequest) -> Noise:
    """Makes so many characters that do not repeat."""
    source, alphabet = random.Random(1), ALPHABETS[request.param]  # noqa: S311 - always the same

    def make(characters: int) -> str:
        return "".join(chr(source.choice(alphabet)) for _ in range(characters))

    return make


@pytest.fixture(scope="module")
def noisy_server(tmp_path_factory: pytest.TempPathFactory, noise: Noise) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("noisy")
    create_key_file(folder / "faultline.key", 1)
    limits = {"max_body_bytes": 2**24, "max_decompressed_bytes": 2**25}
    with running_server(folder, FakeClock(), **limits) as server, server.client() as client:
        for report in _make_reports(noise):
            answer = client.post(errors_path(PROJECT), json=report)
            assert answer.status_code == 201, answer.text
        server.run(server.services.database.write(lambda each: _add_projects(each, noise)))
        server.run(server.services.indexing.run())
        wait_until(lambda: _count_failures(client) >= PAGE_DELIVERIES)
        yield server


def _make_reports(noise: Noise) -> Iterator[dict[str, Any]]:
    hooks = [
        {"type": "slack", "endpoint": "https://127.0.0.1:9/x", "channel": f"#{noise(60)}"}
        for _ in range(PAGE_DELIVERIES)
    ]
    for hook in hooks:
        entries = [make_entry(noise(3000), type=noise(900)) for _ in range(SHOWN_ERRORS)]
        yield make_report(errors=entries, context=_make_context(noise), notifications=[hook])
    for minute in range(60):
        time = f"2016-12-06T14:{minute:02}:00Z"
        entry = make_entry(noise(3000), fingerprint=[MANY], timestamp=time)
        yield make_report(errors=[entry], context=_make_context(noise), notifications=hooks[:20])
    parts = {name: _make_values(noise) for name in ("environment", "session", "params")}
    entry = make_entry(
        noise(100_000),
        fingerprint=[LARGE],
        type=noise(900),
        backtrace=_make_frames(noise, 2000),
        causes=[
            {"type": noise(90), "message": noise(3000), "backtrace": _make_frames(noise, 60)}
            for _ in range(10)
        ],
        breadcrumbs=[{"message": noise(900), "data": {noise(9): noise(90)}} for _ in range(60)],
    )
    yield {**make_report(errors=[entry], context=_make_context(noise)), **parts}


def _make_context(noise: Noise) -> dict[str, Any]:
    names = ("environment", "version", "hostname", "component", "action", "userAgent")
    values = {name: noise(300) for name in names}
    return {**values, "url": f"https://example.com/{noise(2000)}", "user": {"id": noise(200)}}


def _make_values(noise: Noise) -> dict[str, Any]:
    return {noise(20): [noise(300), {noise(9): noise(99)}] for _ in range(200)}


def _make_frames(noise: Noise, count: int) -> list[dict[str, Any]]:
    code = {"1": noise(100), "2": noise(100)}
    return [
        {"file": f"/{noise(150)}", "function": noise(100), "line": 2, "code": code}
        for _ in range(count)
    ]


def _add_projects(connection: sqlite3.Connection, noise: Noise) -> None:
    # As long as a name can be, 256 bytes.
    rows = [(noise(256).encode()[:255].decode(errors="ignore"),) for _ in range(MAX_PROJECTS)]
    connection.executemany("INSERT INTO project (name, created_ms) VALUES (?, 1)", rows)


def _count_failures(client: httpx.Client) -> int:
    answer = client.get("/v0/deliveries", params={"state": "failed", "limit": "200"})
    return len(answer.json()["data"]["deliveries"])


@pytest.fixture
def noisy_site(noisy_server: RunningServer) -> Iterator[Site]:
    with noisy_server.client() as client:
        yield Site(client, PROJECT)


def _links(page: str) -> list[str]:
    return [html.unescape(each) for each in re.findall(r'href="([^"]*)"', page)]


def _find_paths(site: Site) -> dict[str, str]:
    """Return the addresses of all pages that show what was reported, by their names."""
    paths = {
        "projects": "/",
        "deliveries": "/deliveries",
        "errors": f"{site.list_path}?state=all",
        "search": f"{site.list_path}?state=all&q=user",
    }
    listed = site.client.get(f"{site.list_path}?state=all&sort=lastUpdated").text
    links = [each for each in _links(listed) if "/errors/" in each]
    # The last two that came, the latest first.
    for name, link in zip((LARGE, MANY), links[:2], strict=True):
        path, _, query = link.partition("?")
        paths[name] = link
        for below in ("facets", "occurrences"):
            paths[f"{below} of {name}"] = f"{path}/{below}?{query}"
        paths[f"why of {name}"] = next(
            each for each in _links(site.client.get(link).text) if "/why" in each
        )
    return paths


@pytest.mark.parametrize("encoding", ["br", "gzip"])
def test_page_of_what_does_not_compress_is_small(noisy_site: Site, encoding: str) -> None:
    sizes = {}
    for name, path in _find_paths(noisy_site).items():
        headers = {"Accept-Encoding": encoding}
        with noisy_site.client.stream("GET", path, headers=headers) as answer:
            assert answer.status_code == 200, name
            assert answer.headers["content-encoding"] == encoding
            sizes[name] = len(b"".join(answer.iter_raw()))

    assert {name: size for name, size in sizes.items() if size >= MOST_BYTES} == {}
    # They are as full as they get.
    assert min(sizes[name] for name in ("projects", "deliveries", "errors", LARGE)) > 30_000


def test_question_before_many_are_deleted_is_small(noisy_site: Site) -> None:
    page = noisy_site.client.get(f"{noisy_site.list_path}?state=all").text
    fingerprints = re.findall(r'name="error" value="([0-9a-f]+)"', page)
    form = {"token": find_token(noisy_site.client.get("/setup")), "action": "delete"}
    answer = noisy_site.client.post(noisy_site.list_path, data={**form, "error": fingerprints})

    assert "Delete these 50 errors?" in answer.text
    assert int(answer.headers["content-length"]) < MOST_BYTES
