from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser.browsing import Complaints, browse
from tests.reports import errors_path, make_report
from tests.servers import running_server

MASTER_KEY = "0123456789abcdef0123456789abcdef"


def test_master_key_opens_the_pages_until_log_out(
    tmp_path: Path, browser: Browser, complaints: Complaints
) -> None:
    with (
        running_server(tmp_path, master_api_key=MASTER_KEY) as server,
        browse(browser, server.url, complaints) as open_page,
    ):
        page = open_page("/")
        page.get_by_label("Master key").fill(MASTER_KEY)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", name="Send a first error")).to_be_visible()
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        page.goto("/")

        expect(page.get_by_label("Master key")).to_be_visible()


def test_link_from_elsewhere_finds_the_visitor_logged_in(
    tmp_path: Path, browser: Browser, complaints: Complaints
) -> None:
    with (
        running_server(tmp_path, master_api_key=MASTER_KEY) as server,
        browse(browser, server.url, complaints) as open_page,
    ):
        page = open_page("/login")
        page.get_by_label("Master key").fill(MASTER_KEY)
        page.get_by_role("button", name="Log in").click()
        # Another host name is another site, for which the cookie is kept back.
        elsewhere = server.url.replace("127.0.0.1", "localhost")
        page.route(
            f"{elsewhere}/mail",
            lambda route: route.fulfill(
                content_type="text/html", body=f'<a href="{server.url}/?from=mail">an error</a>'
            ),
        )
        page.goto(f"{elsewhere}/mail")
        page.get_by_role("link", name="an error").click()

        expect(page.get_by_role("heading", name="Send a first error")).to_be_visible()


def test_old_link_leads_to_its_page_through_the_login(
    tmp_path: Path, browser: Browser, complaints: Complaints
) -> None:
    with (
        running_server(tmp_path, master_api_key=MASTER_KEY) as server,
        browse(browser, server.url, complaints) as open_page,
    ):
        with server.client(MASTER_KEY) as client:
            client.post(errors_path(), json=make_report("a/b c")).raise_for_status()
        page = open_page("/#/projects/sample-project/errors/a%2Fb%20c")
        page.get_by_label("Master key").fill(MASTER_KEY)
        page.get_by_role("button", name="Log in").click()

        page.wait_for_url("**/projects/sample-project/errors/a%2Fb%20c")
        expect(page.get_by_role("heading", name="a/b c")).to_be_visible()
