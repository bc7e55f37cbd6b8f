"""Every page, filled with hostile reports, in every width, theme and language.

Nothing may run, widen the page, complain in the console, or violate WCAG 2.1 AA as axe sees it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page

from faultline_lite.sealedbox import create_key_file
from tests.browser.browsing import Complaints, browse
from tests.fakes import FakeClock
from tests.reports import errors_path, escape, make_entry
from tests.servers import RunningServer, running_server, wait_until

WIDTHS = (360, 1280, 1920)
RUN = "window.hacked=1"
SCRIPT = f"\"'><script>{RUN}</script><img src=x onerror={RUN}>{{{{7*7}}}}"
LINK = f"javascript:{RUN}"
#: Right-to-left overrides, no width at all, what a terminal obeys, half a pair.
ODD = "\u202eevil\u2066\u200b\u200d\ufeff\x1b[31m\x1b]0;x\x07\u0000" + "\U0001f4a9" * 3
LONG = "W" * 100_000
PROJECT = "\"'><script>x&y"
HOOK = {"type": "webhook", "endpoint": "https://127.0.0.1:9/x"}

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
FIND_VIOLATIONS = """
async () => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];
  const found = await axe.run(document, { runOnly: tags, resultTypes: ["violations"] });
  const show = (node) => node.html.slice(0, 150);
  return found.violations.map((each) => `${each.id}: ${each.nodes.map(show)}`);
}
"""
FIND_HARM = """
() => [
  ...(window.hacked ? ["a script ran"] : []),
  ...[...document.links].filter((a) => a.protocol === "javascript:").map((a) => a.outerHTML),
]
"""
MEASURE_OVERFLOW = (
    "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
)


def _deep(depth: int) -> Any:
    value: Any = SCRIPT
    for _ in range(depth):
        value = {SCRIPT: value, LINK: [LINK, ODD]}
    return value


def _frame(number: int) -> dict[str, Any]:
    return {
        "file": f"{SCRIPT}/{LINK}/{number}.php",
        "line": number,
        "function": ODD + SCRIPT,
        "code": {str(number): SCRIPT + ODD},
    }


def _hostile_report() -> dict[str, Any]:
    tree = {SCRIPT: SCRIPT, LINK: LINK, ODD: ODD, "deep": _deep(30), "long": LONG}
    frames = [_frame(number) for number in range(2000)]
    crumb = {"message": SCRIPT, "type": SCRIPT, "category": ODD, "data": tree}
    entries = [
        make_entry(SCRIPT, type=SCRIPT, backtrace=frames, breadcrumbs=[crumb]),
        make_entry(LINK, type=LINK, causes=[{"type": SCRIPT, "message": SCRIPT}]),
        make_entry(ODD, type=ODD),
        make_entry(LONG, type=LONG[:1000]),
    ]
    return {
        "errors": entries,
        "context": {**tree, "url": LINK, "version": SCRIPT, "environment": SCRIPT, "user": tree},
        "environment": tree,
        "session": tree,
        "params": tree,
        "notifications": [HOOK, {**HOOK, "threshold": 5}, SCRIPT, "sb1.00000000.AAAA"],
    }


@pytest.fixture(scope="module")
def hostile_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server whose every row is hostile, with deliveries that have failed."""
    folder = tmp_path_factory.mktemp("hostile")
    create_key_file(folder / "faultline.key", 1)
    with (
        running_server(folder, FakeClock(), max_body_bytes=2**23) as server,
        server.client() as client,
    ):
        answer = client.post(errors_path(PROJECT), json=_hostile_report())
        assert answer.status_code == 201, answer.text
        wait_until(
            lambda: "failed" in client.get("/v0/deliveries", params={"state": "failed"}).text
        )
        server.run(server.services.indexing.run())
        yield server


def _paths(server: RunningServer) -> dict[str, str]:
    """Return every page by its name."""
    project, quoted = f"/projects/{escape(PROJECT)}", quote(SCRIPT)
    with server.client() as client:
        found = client.get(f"{errors_path(PROJECT)}/{escape(SCRIPT)}").json()["data"]["error"]
    error = f"{project}/errors/{escape(SCRIPT)}"
    occurrence = f"{error}/occurrences/{found['reversedUnixtime']}"
    return {
        "projects": "/",
        "setup": "/setup",
        "errors": f"{project}?state=all",
        "reflected query": f"{project}?q={quoted}&type={quoted}&state={quoted}",
        "nothing found": f"{project}?q=nothing-of-that-kind",
        "error": error,
        "error of a link": f"{project}/errors/{escape(LINK)}",
        "error of odd text": f"{project}/errors/{escape(ODD)}",
        "occurrence": occurrence,
        "occurrences": f"{error}/occurrences",
        "facets": f"{error}/facets",
        "why": f"{occurrence}/why",
        "deliveries": "/deliveries",
        "deliveries of a project": f"/deliveries?project={quoted}&state={quoted}",
        "seal": "/seal?type=github",
        "settings": "/settings",
        "sizes": "/settings/sizes",
    }


def _look(page: Page, name: str, language: str) -> list[str]:
    """Return what is wrong with the page in any width and theme."""
    wrong = [f"{name}: {each}" for each in page.evaluate(FIND_HARM)]
    page.evaluate(AXE)
    for dark in (False, True):
        page.emulate_media(color_scheme="dark" if dark else "light")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            where = f"{name}, {language}, {width}, {'dark' if dark else 'light'}"
            overflow = page.evaluate(MEASURE_OVERFLOW)
            if overflow > 0:
                wrong.append(f"{where}: {overflow} px too wide")
            wrong += [f"{where}: {each}" for each in page.evaluate(FIND_VIOLATIONS)]
    return wrong


@pytest.mark.parametrize("language", ["en", "ja"])
def test_hostile_reports_change_no_page(
    hostile_server: RunningServer, browser: Browser, complaints: Complaints, language: str
) -> None:
    wrong: list[str] = []
    with browse(browser, hostile_server.url, complaints) as open_page:
        page = open_page("/", language=language)
        for name, path in _paths(hostile_server).items():
            page.goto(path)
            wrong += _look(page, name, language)

    assert wrong == []
