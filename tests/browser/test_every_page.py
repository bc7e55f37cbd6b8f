"""Every page, filled with hostile reports, in every width, theme and language.

Nothing may run, widen the page, complain in the console, or violate WCAG 2.1 AA as axe sees it.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from faultline_lite.notifiers import NOTIFIERS
from faultline_lite.web.login import LOGIN_ATTEMPTS_PER_MINUTE
from tests.browser.browsing import Complaints, browse
from tests.browser.hostile import LINK, ODD, PROJECT, SCRIPT, hostile_server
from tests.reports import errors_path, escape
from tests.servers import RunningServer, running_server

WIDTHS = (360, 1280, 1920)
MASTER_KEY = "0123456789abcdef0123456789abcdef"
#: Another site, whose pages are made up.
ELSEWHERE = "http://elsewhere.example/"

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

#: How a page is come to.
Way = Callable[[Page], None]
languages = pytest.mark.parametrize("language", ["en", "ja"])

_PROJECT = f"/projects/{escape(PROJECT)}"
_ERROR = f"{_PROJECT}/errors/{escape(SCRIPT)}"
_QUOTED = quote(SCRIPT)


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with hostile_server(tmp_path_factory.mktemp("open")) as server:
        yield server


# For one test: its attempts to log in are used up at the end.
@pytest.fixture
def locked_server(tmp_path: Path) -> Iterator[RunningServer]:
    with hostile_server(tmp_path, master_api_key=MASTER_KEY) as server:
        yield server


def _go(path: str) -> Way:
    return _press(path)


def _press(path: str, *selectors: str) -> Way:
    """Return the way over the page at ``path``, on which these are clicked."""

    def way(page: Page) -> None:
        page.goto(path)
        for selector in selectors:
            page.locator(selector).first.click()
        page.wait_for_load_state()

    return way


def _until(way: Way, selector: str, text: str = "") -> Way:
    """Return the way, with a look at whether it has led there."""

    def checked(page: Page) -> None:
        way(page)
        expect(page.locator(selector).first).to_contain_text(text)

    return checked


def _show_help(page: Page) -> None:
    page.goto("/settings")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()


def _seal(endpoint: str, action: str) -> Way:
    def way(page: Page) -> None:
        page.goto("/seal?type=webhook")
        page.locator("[name=endpoint]").fill(endpoint)
        page.locator(f"[value={action}]").click()

    return way


def _forge(page: Page) -> None:
    """Send a form without its token."""
    page.goto(_ERROR)
    page.locator("[name=token]").evaluate_all("all => all.forEach((each) => { each.value = 'x' })")
    page.locator("[value=resolve]").click()


def _ask_for_nonsense(page: Page) -> None:
    page.goto(_ERROR)
    page.locator("[value=resolve]").evaluate("(button) => { button.value = 'nonsense' }")
    page.locator("[value=nonsense]").click()


def _come_from_elsewhere(page: Page, element: str) -> None:
    """Click what is on a page of another site; ``element`` is its HTML."""
    page.route(ELSEWHERE, lambda route: route.fulfill(content_type="text/html", body=element))
    page.goto(ELSEWHERE)
    page.locator("#it").click()


def _follow_link_from_elsewhere(page: Page) -> None:
    """Follow a link of another site, and stay on the page that goes on by itself."""
    page.goto("/")
    url = f"{page.url.rstrip('/')}{_ERROR}"
    visits = itertools.count()

    def go_on_once(route: Route) -> None:
        # A browser stays where it is on an answer without content.
        if next(visits):
            route.fulfill(status=204)
        else:
            route.continue_()

    page.route(url, go_on_once)
    with page.expect_response(lambda answer: answer.status == 204):
        _come_from_elsewhere(page, f'<a id="it" href="{url}">x</a>')
    page.unroute_all()
    expect(page.locator(".empty a")).to_be_visible()


def _send_change_from_elsewhere(page: Page) -> None:
    page.goto("/")
    url = f"{page.url.rstrip('/')}{_ERROR}"
    form = f'<form method="post" action="{url}"><button id="it">x</button></form>'
    _come_from_elsewhere(page, form)


def _log_in(key: str) -> Way:
    def way(page: Page) -> None:
        page.goto("/login")
        page.locator("[name=key]").fill(key)
        page.locator("main button").click()

    return way


def _log_in_too_often(page: Page) -> None:
    for _ in range(LOGIN_ATTEMPTS_PER_MINUTE + 1):
        _log_in("wrong")(page)


def _ways(server: RunningServer) -> Mapping[str, Way]:
    """Return the way to every page that needs no login, by its name."""
    with server.client() as client:
        found = client.get(f"{errors_path(PROJECT)}/{escape(SCRIPT)}").json()["data"]["error"]
    occurrence = f"{_ERROR}/occurrences/{found['reversedUnixtime']}"
    return {
        "projects, with what did not arrive": _until(_go("/"), ".places .badge"),
        "setup": _go("/setup"),
        "errors": _go(f"{_PROJECT}?state=all"),
        "selected": _press(f"{_PROJECT}?state=all", "[data-select-all]"),
        "reflected query": _go(f"{_PROJECT}?q={_QUOTED}&type={_QUOTED}&state={_QUOTED}"),
        "nothing found": _go(f"{_PROJECT}?q=nothing-of-that-kind"),
        "deletion": _until(
            _press(f"{_PROJECT}?state=all", "[data-select-all]", "[value=delete]"), ".doomed"
        ),
        "error": _go(_ERROR),
        "menu": _press(_ERROR, ".menu summary"),
        "error of a link": _go(f"{_PROJECT}/errors/{escape(LINK)}"),
        "error of odd text": _go(f"{_PROJECT}/errors/{escape(ODD)}"),
        "occurrence": _go(occurrence),
        "occurrences": _go(f"{_ERROR}/occurrences"),
        "facets": _go(f"{_ERROR}/facets"),
        "why": _go(f"{occurrence}/why"),
        "deliveries": _go("/deliveries"),
        "deliveries of a project": _go(f"/deliveries?project={_QUOTED}&state={_QUOTED}"),
        **{f"seal {name}": _go(f"/seal?type={name}") for name in NOTIFIERS},
        "seal with everything open": _press("/seal", "summary >> nth=0", "summary >> nth=1"),
        "seal with a problem": _until(_seal(SCRIPT, "seal"), ".problem"),
        "sealed": _until(_seal("https://127.0.0.1:9/x", "seal-and-try"), ".notice.bad"),
        "settings": _go("/settings"),
        "sizes": _go("/settings/sizes"),
        "help": _show_help,
        "400": _until(_ask_for_nonsense, ".status-code", "400"),
        "403": _until(_forge, ".status-code", "403"),
        "change from elsewhere": _until(_send_change_from_elsewhere, ".status-code", "403"),
        "404 in a project": _until(_go(f"{_PROJECT}/errors/none"), "main a", PROJECT),
        "404": _until(_go(f"/projects/none/errors/{_QUOTED}"), ".status-code", "404"),
    }


LOCKED_WAYS: Mapping[str, Way] = {
    "login": _go(f"/login?next={_QUOTED}"),
    "wrong key": _until(_log_in("wrong"), ".problem"),
    "logged in": _until(_log_in(MASTER_KEY), ".projects"),
    "link from elsewhere": _follow_link_from_elsewhere,
    "change from elsewhere": _until(_send_change_from_elsewhere, ".status-code", "403"),
    "errors, logged in": _go(_PROJECT),
    "error, logged in": _go(_ERROR),
    "settings, logged in": _go("/settings"),
    "logged out": _until(_press("/", "[action='/logout'] button"), "[name=key]"),
    "429": _until(_log_in_too_often, ".status-code", "429"),
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


def _look_at_all(page: Page, ways: Mapping[str, Way], language: str) -> list[str]:
    wrong: list[str] = []
    for name, way in ways.items():
        page.set_viewport_size({"width": 1280, "height": 900})
        way(page)
        wrong += _look(page, name, language)
    return wrong


@languages
def test_hostile_reports_change_no_page(
    open_server: RunningServer, browser: Browser, complaints: Complaints, language: str
) -> None:
    with browse(browser, open_server.url, complaints) as open_page:
        wrong = _look_at_all(open_page("/", language=language), _ways(open_server), language)

    assert wrong == []


@languages
def test_hostile_reports_change_no_page_behind_the_login(
    locked_server: RunningServer, browser: Browser, complaints: Complaints, language: str
) -> None:
    with browse(browser, locked_server.url, complaints) as open_page:
        wrong = _look_at_all(open_page("/", language=language), LOCKED_WAYS, language)

    assert wrong == []


@languages
def test_first_steps_and_a_warning_hold_in_every_width(
    tmp_path: Path, browser: Browser, complaints: Complaints, language: str
) -> None:
    ways = {"first": _until(_go("/"), ".alarms")}
    with (
        running_server(tmp_path, min_free_bytes=2**60) as server,
        browse(browser, server.url, complaints) as open_page,
    ):
        wrong = _look_at_all(open_page("/", language=language), ways, language)

    assert wrong == []
