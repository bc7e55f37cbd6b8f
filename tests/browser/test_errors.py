from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from faultline_lite.live import MAX_ERRORS
from faultline_lite.web.errors import PAGE_ERRORS
from tests.fakes import FakeClock
from tests.reports import error_path, errors_path, make_entry, make_report
from tests.servers import RunningServer

OpenPage = Callable[..., Page]
LIST = "/projects/sample-project"


Report = Callable[..., None]


@pytest.fixture
def report(client: httpx.Client, server: RunningServer, clock: FakeClock) -> Report:
    """Reports one error after the other, a minute apart."""

    def report(*messages: str, **fields: object) -> None:
        for message in messages:
            server.run(clock.advance(60))
            entries = [make_entry(message, **fields)]
            client.post(errors_path(), json=make_report(errors=entries)).raise_for_status()

    return report


def _messages(page: Page) -> list[str]:
    return page.locator("#error-rows .message").all_inner_texts()


def test_search_narrows_the_list_while_it_is_typed(
    report: Report, server: RunningServer, open_page: OpenPage
) -> None:
    report("payment failed", "在庫が足りません", "cart is empty")
    server.run(server.services.indexing.catch_up())
    page = open_page(LIST)
    page.get_by_role("searchbox").press_sequentially("在庫")

    expect(page.locator("#error-rows .message")).to_have_text(["在庫が足りません"])
    expect(page.locator("#error-rows mark").first).to_have_text("在庫")
    assert page.url.endswith(f"{LIST}?q=%E5%9C%A8%E5%BA%AB")
    page.get_by_role("searchbox").clear()
    expect(page.locator("#error-rows .message")).to_have_count(3)


def test_selected_errors_are_resolved_at_once(report: Report, open_page: OpenPage) -> None:
    report("one", "two", "three")
    page = open_page(LIST)
    page.get_by_role("checkbox", name="one").check()
    page.get_by_role("checkbox", name="three").check()
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.get_by_role("button", name="Resolve").click()

    expect(page.locator(".notice")).to_have_text("2 errors resolved.")
    assert _messages(page) == ["two"]
    page.get_by_role("link", name="Resolved", exact=True).click()
    assert sorted(_messages(page)) == ["one", "three"]


def test_errors_are_deleted_after_a_question(report: Report, open_page: OpenPage) -> None:
    report("one", "two")
    page = open_page(LIST, javascript=False)
    page.get_by_role("checkbox", name="one").check()
    page.get_by_role("button", name="Delete…").click()
    expect(page.get_by_role("heading", name="Delete this error?")).to_be_visible()
    page.get_by_role("button", name="Delete").click()

    assert _messages(page) == ["two"]


def test_question_before_deleting_keeps_where_enter_is_pressed(
    report: Report, open_page: OpenPage
) -> None:
    report("one")
    page = open_page(LIST)
    page.get_by_role("checkbox", name="one").check()
    page.get_by_role("button", name="Delete…").click()
    expect(page.get_by_role("link", name="Keep")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("#error-rows .message")).to_have_text(["one"])


@pytest.mark.parametrize("width", [360, 1280])
def test_row_that_is_selected_stays_in_its_place(
    report: Report, open_page: OpenPage, width: int
) -> None:
    report("one", "two")
    page = open_page(LIST, width=width)
    row = page.locator("#error-rows tr").first
    before = row.bounding_box()
    row.get_by_role("checkbox").check()
    expect(page.get_by_role("button", name="Resolve")).to_be_visible()

    assert row.bounding_box() == before


def test_what_is_read_stays_in_its_place_and_can_be_acted_on_from_there(
    report: Report, server: RunningServer, open_page: OpenPage
) -> None:
    report(*(f"error {chr(0x3042 + number)}" for number in range(40)))
    page = open_page(LIST, width=360, height=700)
    read = page.locator("#error-rows tr").nth(30)
    read.get_by_role("checkbox").check()
    read.evaluate("(row) => scrollTo(0, row.getBoundingClientRect().top + scrollY - 300)")
    before = read.bounding_box()
    report("new one", f"error {chr(0x3042)}")
    button = page.get_by_role("button", name="2 errors have changed: show")
    expect(button).to_be_in_viewport(ratio=1)

    expect(page.get_by_role("button", name="Resolve")).to_be_in_viewport(ratio=1)
    assert read.bounding_box() == before
    button.click()
    expect(page.locator("#error-rows .message").first).to_have_text(f"error {chr(0x3042)}")
    expect(page.locator("#error-rows .message").first).to_be_in_viewport()
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(1)


def test_new_occurrence_moves_its_row_up(report: Report, open_page: OpenPage) -> None:
    report("one")
    report("two")
    page = open_page(LIST)
    assert _messages(page) == ["two", "one"]
    page.mouse.move(0, 0)
    report("one")

    expect(page.locator("#error-rows .message")).to_have_text(["one", "two"])
    expect(page.locator("#error-rows tr").first.locator(".numeric").first).to_have_text("2")


def test_row_stays_under_the_pointer_until_it_is_asked_to_move(
    report: Report, server: RunningServer, open_page: OpenPage
) -> None:
    report("one")
    report("two")
    page = open_page(LIST)
    page.get_by_role("link", name="two").hover()
    report("one")
    expect(page.get_by_role("button", name="1 error has changed: show")).to_be_visible()
    shown_meanwhile = _messages(page)
    page.get_by_role("button", name="1 error has changed: show").click()

    assert shown_meanwhile == ["two", "one"]
    assert _messages(page) == ["one", "two"]


def test_error_that_is_new_appears_at_the_top(report: Report, open_page: OpenPage) -> None:
    report("one")
    page = open_page(LIST)
    page.mouse.move(0, 0)
    report("new one")

    expect(page.locator("#error-rows .message")).to_have_text(["new one", "one"])


def test_error_that_the_filters_keep_out_does_not_appear(
    report: Report, server: RunningServer, open_page: OpenPage
) -> None:
    report("one")
    page = open_page(f"{LIST}?type=notice")
    page.mouse.move(0, 0)
    with page.expect_response(lambda answer: "/rows?" in answer.url):
        report("another", type="fatal")

    assert _messages(page) == ["one"]


def test_row_that_was_resolved_elsewhere_goes_when_nobody_reads(
    report: Report, client: httpx.Client, open_page: OpenPage
) -> None:
    report("one", "two")
    page = open_page(LIST)
    page.get_by_role("link", name="two").hover()
    client.patch(error_path("one"), json={"status": "resolved"}).raise_for_status()
    expect(page.locator("#error-rows tr.gone .message")).to_have_text("one")
    page.get_by_role("button", name="1 error has changed: show").click()

    expect(page.locator("#error-rows .message")).to_have_text(["two"])


def test_storm_is_one_new_list(report: Report, client: httpx.Client, open_page: OpenPage) -> None:
    report("one")
    page = open_page(LIST)
    page.get_by_role("link", name="one").hover()
    entries = [make_entry(f"storm {chr(0x3042 + number)}") for number in range(MAX_ERRORS + 1)]
    client.post(errors_path(), json=make_report(errors=entries)).raise_for_status()
    page.get_by_role("button", name="The list has changed: show").click()

    expect(page.locator("#error-rows tr")).to_have_count(PAGE_ERRORS)
    expect(page.locator("#error-rows .message").first).to_contain_text("storm")
