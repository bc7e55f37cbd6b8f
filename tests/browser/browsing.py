"""Windows of a browser, and what they complain of."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page

if TYPE_CHECKING:
    from playwright.sync_api import FloatRect, ViewportSize

#: What Chromium said that it should not: violations of the policy, errors of scripts, and dialogs.
Complaints = list[str]

#: Runs before any script of a page: reports every violation of its Content-Security-Policy.
_WATCH = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`CSP ${event.effectiveDirective} ${event.blockedURI} ${event.sample}`);
});
"""
TIMEZONE = "Asia/Tokyo"
#: What Chromium says of an answer that is no success.
_STATUS = "Failed to load resource: the server responded with a status of "


@contextmanager
def browse(browser: Browser, url: str, complaints: Complaints) -> Iterator[Callable[..., Page]]:
    """Give a function that opens a path of the server at ``url`` in a new window.

    Its keywords are ``width``, ``height``, ``dark``, ``language`` and ``javascript``.
    """
    contexts: list[BrowserContext] = []

    def open_page(
        path: str = "/",
        *,
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
        language: str = "en",
        javascript: bool = True,
    ) -> Page:
        viewport: ViewportSize = {"width": width, "height": height}
        context = browser.new_context(
            base_url=url,
            viewport=viewport,
            color_scheme="dark" if dark else "light",
            locale=language,
            timezone_id=TIMEZONE,
            java_script_enabled=javascript,
            permissions=["clipboard-read", "clipboard-write"],
        )
        contexts.append(context)
        context.set_default_timeout(10_000)
        if javascript:
            context.add_init_script(_WATCH)
        page = context.new_page()
        _listen(page, complaints)
        page.goto(path)
        return page

    try:
        yield open_page
    finally:
        for context in contexts:
            context.close()


def measure_plot(page: Page) -> "FloatRect":
    """Return where the plot of the page's chart is, once it is drawn and in its place."""
    plot = page.locator(".u-over")
    plot.hover()
    box = plot.bounding_box()
    assert box is not None
    return box


def drag_over_last_quarter(page: Page) -> None:
    """Select the last quarter of the chart with the mouse."""
    plot = measure_plot(page)
    page.mouse.move(plot["x"] + plot["width"] * 0.75, plot["y"] + 50)
    page.mouse.down()
    page.mouse.move(plot["x"] + plot["width"] * 0.99, plot["y"] + 60, steps=5)
    page.mouse.up()


def _listen(page: Page, complaints: Complaints) -> None:
    def dismiss(dialog: Dialog) -> None:
        complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def hear(message: ConsoleMessage) -> None:
        # That the page itself is a refusal is what a test may be about.
        is_own_status = message.text.startswith(_STATUS) and message.location["url"] == page.url
        if message.type in {"error", "warning"} and not is_own_status:
            complaints.append(f"console: {message.text}")

    page.on("pageerror", lambda error: complaints.append(f"script: {error}"))
    page.on("dialog", dismiss)
    page.on("console", hear)
