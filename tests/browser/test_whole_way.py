"""The way of a user from an empty server to why it notified, on one page after the other."""

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from faultline_lite.sealedbox import create_key_file
from tests.browser.browsing import Complaints, browse, drag_over_last_quarter
from tests.fakes.http import far_side
from tests.fakes.receiver import Receiver
from tests.reports import errors_path
from tests.servers import RunningServer, running_server

CAPTURED = Path(__file__).parent.parent / "fixtures" / "faultline-php" / "handled.json"
MESSAGE = "Division by zero"
LIST = "**/projects/sample-project"


def _report(server: RunningServer, receiver: Receiver, *hours_ago: float) -> None:
    """Report as faultline-php did, once for each time, with a config of a web hook."""
    report: dict[str, Any] = json.loads(json.loads(CAPTURED.read_text())["body_text"])
    (entry,) = report["errors"]
    now = datetime.now(UTC)
    report["errors"] = [
        {**entry, "timestamp": (now - timedelta(hours=each)).isoformat()} for each in hours_ago
    ]
    report["notifications"] = [receiver.config(batch=0)]
    with server.client() as client:
        client.post(errors_path(), json=report).raise_for_status()


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl to paste the line into")
def test_user_goes_from_the_first_line_to_why_it_notified(
    tmp_path: Path, browser: Browser, complaints: Complaints
) -> None:
    create_key_file(tmp_path / "faultline.key", 1)
    receiver = Receiver()
    with (
        far_side(receiver),
        running_server(tmp_path, allow_hosts=["127.0.0.1"], allow_http=True) as server,
        browse(browser, server.url, complaints) as open_page,
    ):
        page = open_page("/")
        page.get_by_role("button", name="Copy").first.click()
        line = page.evaluate("navigator.clipboard.readText()")
        # What a visitor does in a terminal: the line is run as it was copied.
        subprocess.run(["/bin/sh", "-c", line], check=True, capture_output=True, timeout=20)

        # The open page turns into the project, and the project's list takes in what a program
        # reports next.
        page.wait_for_url(LIST)
        rows = page.locator("#error-rows .message")
        expect(rows).to_have_text(["Hello, faultline"])
        _report(server, receiver, 20, 16, 3, 2)
        expect(rows).to_have_text([MESSAGE, "Hello, faultline"])

        page.get_by_role("link", name=MESSAGE).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(MESSAGE)
        caption = page.locator("#chart figcaption")
        expect(caption).to_contain_text("4 in all")
        drag_over_last_quarter(page)
        expect(caption).to_contain_text("2 in all")

        frames = page.get_by_label("Backtrace").get_by_role("listitem")
        expect(frames.filter(has_text="Cart->charge")).to_contain_text("/srv/app/php/app.php:5")

        page.get_by_role("button", name="Resolve").click()
        expect(page.locator("#error-head")).to_contain_text("Resolved")
        opened_at = page.evaluate("performance.timeOrigin")
        _report(server, receiver, 0)
        expect(page.locator("#error-head .badge.unresolved")).to_be_visible()
        expect(page.locator(".marks .regression")).to_have_count(1)
        assert page.evaluate("performance.timeOrigin") == opened_at

        page.get_by_role("link", name="A newer one has come: show").click()
        page.get_by_role("link", name="Why it notified, or not").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Why it notified, or did not")
        row = page.get_by_role("row").filter(has_text="webhook 127.0.0.1")
        expect(row).to_contain_text("The error was resolved and is back; that always notifies.")
        expect(row).to_contain_text("answered 200")

        # Two were sent; the chart marks both, and the list beside it names the channel once.
        page.get_by_role("main").get_by_role("link", name=MESSAGE).click()
        notified = page.locator(".marks .notification bdi")
        expect(notified).to_have_text(["last notified webhook 127.0.0.1"])

        assert [request.json["errors"][0]["reason"] for request in receiver.requests] == [
            "first",
            "regression",
        ]
