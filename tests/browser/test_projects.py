import shutil
import subprocess
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.reports import errors_path, make_report

OpenPage = Callable[..., Page]


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl to paste the line into")
def test_pasted_line_turns_the_first_steps_into_the_project(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_role("button", name="Copy").first.click()
    line = page.evaluate("navigator.clipboard.readText()")
    # What a visitor does in a terminal: the line is run as it was copied.
    subprocess.run(["/bin/sh", "-c", line], check=True, capture_output=True, timeout=20)

    page.wait_for_url("**/projects/sample-project")
    expect(page.locator("#error-rows .message")).to_have_text(["Hello, faultline"])


def test_projects_come_up_to_date_by_themselves(client: httpx.Client, open_page: OpenPage) -> None:
    client.post(errors_path("web"), json=make_report()).raise_for_status()
    page = open_page("/")
    expect(page.get_by_role("row")).to_have_count(2)
    client.post(errors_path("api"), json=make_report()).raise_for_status()

    expect(page.get_by_role("link", name="api")).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(3)
