from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.fakes import FakeClock
from tests.reports import PROJECT, error_path, errors_path, make_report
from tests.servers import RunningServer

OpenPage = Callable[..., Page]
LIST = f"/projects/{PROJECT}"
FOCUSED = "() => document.activeElement.textContent.trim()"


@pytest.fixture(autouse=True)
def errors(client: httpx.Client, server: RunningServer, clock: FakeClock) -> None:
    """Three errors, the last one of two occurrences."""
    for message in ("three", "two", "one", "one"):
        client.post(errors_path(), json=make_report(message)).raise_for_status()
        server.run(clock.advance(60))


def summary(client: httpx.Client, message: str) -> Any:
    return client.get(error_path(message)).json()["data"]["summary"]


def test_keys_go_through_the_list_and_open_an_error(open_page: OpenPage) -> None:
    page = open_page(LIST)
    focused = []
    for key in ("j", "j", "k", "j", "j", "j"):
        page.keyboard.press(key)
        focused.append(page.evaluate(FOCUSED))
    page.keyboard.press("Enter")

    assert focused == ["one", "two", "one", "two", "three", "three"]
    expect(page.get_by_role("heading", level=1)).to_have_text("three")


def test_row_is_resolved_and_its_place_is_gone_on_from(
    open_page: OpenPage, client: httpx.Client
) -> None:
    page = open_page(LIST)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("r")

    expect(page.locator(".notice")).to_have_text("1 error resolved.")
    assert summary(client, "two")["status"] == "resolved"
    assert page.evaluate(FOCUSED) == "three"


def test_selected_rows_are_muted(open_page: OpenPage, client: httpx.Client) -> None:
    page = open_page(LIST)
    for key in ("j", "x", "j", "x", "j", "m"):
        page.keyboard.press(key)

    expect(page.locator(".notice")).to_have_text("2 errors muted.")
    assert [summary(client, each)["muted"] for each in ("one", "two", "three")] == [
        True,
        True,
        False,
    ]


def test_nothing_is_resolved_without_a_row(open_page: OpenPage, client: httpx.Client) -> None:
    page = open_page(LIST)
    page.keyboard.press("r")
    page.keyboard.press("j")

    assert page.evaluate(FOCUSED) == "one"
    assert summary(client, "one")["status"] == "unresolved"


def test_error_is_resolved_on_its_page(open_page: OpenPage, client: httpx.Client) -> None:
    page = open_page(f"{LIST}/errors/one")
    page.keyboard.press("n")
    expect(page.get_by_role("heading", name="Occurrence", exact=True)).to_be_visible()
    page.keyboard.press("r")

    expect(page.get_by_role("button", name="Reopen")).to_be_visible()
    assert summary(client, "one")["status"] == "resolved"


def test_menu_of_muting_is_opened_with_the_focus_in_it(open_page: OpenPage) -> None:
    page = open_page(f"{LIST}/errors/one")
    page.keyboard.press("m")

    expect(page.get_by_role("button", name="For an hour")).to_be_focused()


def test_slash_leads_into_the_search_where_keys_are_letters(
    open_page: OpenPage, client: httpx.Client
) -> None:
    page = open_page(LIST)
    page.keyboard.press("j")
    page.keyboard.press("/")
    page.keyboard.type("rjm?/x")
    search = page.get_by_role("searchbox")

    expect(search).to_have_value("rjm?/x")
    expect(page.get_by_text("No error fits.")).to_be_visible()
    expect(page.locator("#keyboard")).to_be_hidden()
    # Leaving a field that was changed asks for the list once more.
    with page.expect_response(lambda answer: "q=" in answer.url):
        page.keyboard.press("Escape")
    expect(search).not_to_be_focused()
    assert summary(client, "one")["status"] == "unresolved"


def test_keys_with_modifiers_are_the_browsers(open_page: OpenPage, client: httpx.Client) -> None:
    page = open_page(LIST)
    page.keyboard.press("j")
    for key in ("Control+r", "Alt+m", "Meta+m"):
        page.keyboard.press(key)
    page.wait_for_load_state()

    assert summary(client, "one")["muted"] is False
    assert summary(client, "one")["status"] == "unresolved"


def test_help_is_shown_and_closed(open_page: OpenPage) -> None:
    page = open_page("/settings")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()
    page.get_by_role("button", name="Keyboard").click()

    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()


def test_keys_can_be_switched_off(open_page: OpenPage) -> None:
    page = open_page(LIST)
    page.keyboard.press("?")
    page.get_by_label("Use these keys").uncheck()
    page.get_by_role("button", name="Close").click()
    page.reload()
    page.keyboard.press("j")

    assert page.evaluate("() => document.activeElement === document.body")


def test_skip_link_comes_first_and_leads_to_the_content(open_page: OpenPage) -> None:
    page = open_page(LIST)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    assert page.evaluate("() => document.activeElement.closest('main') !== null")
