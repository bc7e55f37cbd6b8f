"""A real Chromium before a real server; what it complains of fails the test."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.browsing import Complaints, browse
from tests.servers import RunningServer

REQUIRE_BROWSER = "REQUIRE_BROWSER"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder, so that ``-m "not browser"`` leaves them out."""
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)


# For this package only: while it is open no coroutine can run in this thread.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The Chromium of this machine; without one the test is skipped, or fails where CI asks."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        reason = f"no Chromium on the PATH; {REQUIRE_BROWSER}=1 makes that a failure"
        if os.environ.get(REQUIRE_BROWSER) == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """What the browser complained of; at the end of a test there must be nothing left."""
    complaints: Complaints = []
    yield complaints
    assert complaints == []


@pytest.fixture
def open_page(
    browser: Browser, server: RunningServer, complaints: Complaints
) -> Iterator[Callable[..., Page]]:
    """Opens pages of ``server``, each in a window without history: see ``browse``."""
    with browse(browser, server.url, complaints) as open_page:
        yield open_page
