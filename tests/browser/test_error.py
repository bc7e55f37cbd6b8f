from collections.abc import Callable

import httpx
from playwright.sync_api import Page, expect

from tests.browser.browsing import drag_over_last_quarter, measure_plot
from tests.reports import errors_path, make_entry, make_report

OpenPage = Callable[..., Page]
PAGE = "/projects/sample-project/errors/boom"
#: FakeClock begins at 15:00 of that day.
DAY = "2016-12-06"


def _report(client: httpx.Client, *times: str, **fields: object) -> None:
    entries = [make_entry("boom", timestamp=f"{DAY}T{time}Z", **fields) for time in times]
    client.post(errors_path(), json=make_report(errors=entries)).raise_for_status()


def test_drag_zooms_in_and_facets_follow(client: httpx.Client, open_page: OpenPage) -> None:
    _report(client, "01:00:00", "02:00:00", "14:00:00", "14:30:00")
    page = open_page(PAGE)
    with page.expect_response(lambda answer: "/chart?" in answer.url):
        page.get_by_role("button", name="24 h").click()
    caption = page.locator("#chart figcaption")
    expect(caption).to_contain_text("4 in all")
    expect(page.locator("#facets")).to_contain_text("production")
    with page.expect_response(lambda answer: "/facets?" in answer.url):
        drag_over_last_quarter(page)

    expect(caption).to_contain_text("2 in all")
    expect(page.locator("#facets time")).to_have_count(2)
    page.get_by_role("button", name="Zoom out").click()
    expect(caption).to_contain_text("4 in all")


def test_finger_zooms_in_as_a_mouse_does(client: httpx.Client, open_page: OpenPage) -> None:
    _report(client, "01:00:00", "02:00:00", "14:00:00", "14:30:00")
    page = open_page(PAGE, width=360)
    page.get_by_role("button", name="24 h").click()
    caption = page.locator("#chart figcaption")
    expect(caption).to_contain_text("4 in all")
    plot = measure_plot(page)
    browser = page.context.new_cdp_session(page)
    browser.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    steps = [("touchStart", 0.7), ("touchMove", 0.8), ("touchMove", 0.99), ("touchEnd", None)]
    for kind, part in steps:
        points = (
            [] if part is None else [{"x": plot["x"] + plot["width"] * part, "y": plot["y"] + 60}]
        )
        browser.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    expect(caption).to_contain_text("2 in all")


def test_label_of_the_last_tick_has_room(client: httpx.Client, open_page: OpenPage) -> None:
    _report(client, "14:00:00")
    for width in (360, 1280):
        page = open_page(PAGE, width=width)
        plot = measure_plot(page)
        chart = page.locator("#chart canvas").bounding_box()
        assert chart is not None

        # Half of "02:00 PM" in small print.
        assert chart["x"] + chart["width"] - (plot["x"] + plot["width"]) >= 28


def test_exact_time_is_told_in_the_visitors_zone_and_in_utc(
    client: httpx.Client, open_page: OpenPage
) -> None:
    _report(client, "14:00:00")
    page = open_page(PAGE)

    # The browser is in Tokyo.
    expect(page.locator(".glance time").first).to_have_attribute(
        "title", "Dec 7, 2016, 12:00:00 AM\n2016-12-06 15:00:00 UTC"
    )


def test_report_reopens_a_resolved_error_before_the_visitors_eyes(
    client: httpx.Client, open_page: OpenPage
) -> None:
    _report(client, "14:00:00")
    page = open_page(PAGE)
    page.get_by_role("button", name="Resolve").click()
    expect(page.locator("#error-head")).to_contain_text("Resolved")
    _report(client, "14:30:00")

    expect(page.locator("#error-head .badge.unresolved")).to_be_visible()
    expect(page.locator("#error-head")).to_contain_text("All occurrences2")
    expect(page.locator(".marks .regression")).to_have_count(1)
    page.get_by_role("link", name="A newer one has come: show").click()
    expect(page.locator("#occurrence time").first).to_have_attribute(
        "datetime", f"{DAY}T14:30:00.000Z"
    )


def test_error_is_muted_until_a_time_of_the_visitors_zone(
    client: httpx.Client, open_page: OpenPage
) -> None:
    _report(client, "14:00:00")
    page = open_page(PAGE)
    page.get_by_text("Mute…").click()
    page.locator("[name=until]").fill("2030-01-01T09:00")
    page.get_by_role("button", name="Mute", exact=True).first.click()

    # The browser is in Tokyo.
    expect(page.locator(".badge.muted time")).to_have_attribute(
        "datetime", "2030-01-01T00:00:00.000Z"
    )


def test_copy_gives_the_part_as_it_was_sent(client: httpx.Client, open_page: OpenPage) -> None:
    _report(client, "14:00:00")
    page = open_page(PAGE)
    page.get_by_label("Backtrace").get_by_role("button", name="Copy").click()
    expect(page.get_by_label("Backtrace").get_by_role("button", name="Copied")).to_be_visible()

    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == "/var/www/user.php:15 in User->edit()"


def test_links_of_the_old_pages_lead_to_the_new_ones(
    client: httpx.Client, open_page: OpenPage
) -> None:
    _report(client, "14:00:00")
    place = client.get(
        "/v0/projects/sample-project/errors/boom/occurrences",
    ).json()["data"]["errors"][0]["reversedUnixtime"]
    page = open_page(f"/#/projects/sample-project/errors/boom/occurrences/{place}")

    page.wait_for_url(f"**{PAGE}/occurrences/{place}")
    expect(page.get_by_role("heading", name="boom")).to_be_visible()


def test_page_is_whole_without_scripts_but_for_the_chart(
    client: httpx.Client, open_page: OpenPage
) -> None:
    _report(client, "14:00:00")
    page = open_page(PAGE, javascript=False)
    expect(page.get_by_text("The chart needs JavaScript.")).to_be_visible()
    page.get_by_role("link", name="Count the values of its occurrences").click()
    expect(page.get_by_text("production")).to_be_visible()
    page.go_back()
    page.get_by_text("Mute…").click()
    page.get_by_role("button", name="For an hour").click()

    expect(page.locator(".badge.muted")).to_contain_text("2016-12-06 16:00:00 UTC")
