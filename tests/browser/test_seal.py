"""Sealing in a browser: the end of a config is the visitor's time, and everything wrong is said."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from faultline_lite.sealedbox import create_key_file
from tests.browser.browsing import Complaints, browse
from tests.fakes import FakeClock
from tests.servers import RunningServer, running_server

OpenPage = Callable[..., Page]
EXPIRES = "restrict.expires"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server that can seal."""
    create_key_file(tmp_path / "faultline.key", 1)
    with running_server(tmp_path, FakeClock()) as server:
        yield server


def fill(page: Page, **fields: str) -> None:
    page.get_by_text("Who may use it").click()
    for name, text in fields.items():
        page.locator(f"[name='{name}']").fill(text)


def seal(server: RunningServer, page: Page) -> Any:
    """Press the button, and return what is in the sealed string."""
    page.get_by_role("button", name="Seal it").click()
    sealed = page.locator("[name=sealed]").get_attribute("value")
    assert sealed is not None
    return json.loads(server.services.key_store.open(sealed))


def test_config_ends_at_a_time_of_the_visitors_zone(
    server: RunningServer, open_page: OpenPage
) -> None:
    page = open_page("/seal?type=webhook")
    fill(page, endpoint="https://example.com/x", **{EXPIRES: "2027-01-01T00:30"})
    # The browser is in Tokyo.
    first = seal(server, page)
    summary = page.locator(".summary time").text_content()
    page.get_by_role("button", name="Change").click()
    shown = page.locator(f"[name='{EXPIRES}']").input_value()
    second = seal(server, page)

    assert first["restrict"] == second["restrict"] == {"expires": "2026-12-31T15:30:00Z"}
    assert shown == "2027-01-01T00:30"
    assert summary is not None
    assert "Jan 1, 2027" in summary


def test_time_that_is_over_stays_the_visitors_in_the_form(open_page: OpenPage) -> None:
    page = open_page("/seal?type=webhook")
    fill(page, **{EXPIRES: "2016-01-01T00:30"})
    page.get_by_role("button", name="Seal it").click()

    expect(page.locator(".problem")).to_have_text(["this field is required", "that time is over"])
    expect(page.locator(f"[name='{EXPIRES}']")).to_have_value("2016-01-01T00:30")


def test_without_scripts_it_is_utc_and_says_so(
    server: RunningServer, browser: Browser, complaints: Complaints
) -> None:
    with browse(browser, server.url, complaints) as open_page:
        scripted = open_page("/seal?type=webhook")
        scripted.get_by_text("Who may use it").click()
        page = open_page("/seal?type=webhook", javascript=False)
        fill(page, endpoint="https://example.com/x", **{EXPIRES: "2027-01-01T00:30"})

        expect(scripted.get_by_text("(UTC)")).to_be_hidden()
        expect(page.get_by_text("(UTC)")).to_be_visible()
        sealed = seal(server, page)

    assert sealed["restrict"] == {"expires": "2027-01-01T00:30:00Z"}
