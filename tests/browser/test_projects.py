from collections.abc import Callable

import httpx
from playwright.sync_api import Page, expect

from tests.reports import errors_path, make_report

OpenPage = Callable[..., Page]


def test_projects_come_up_to_date_by_themselves(client: httpx.Client, open_page: OpenPage) -> None:
    client.post(errors_path("web"), json=make_report()).raise_for_status()
    page = open_page("/")
    expect(page.get_by_role("row")).to_have_count(2)
    client.post(errors_path("api"), json=make_report()).raise_for_status()

    expect(page.get_by_role("link", name="api")).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(3)
