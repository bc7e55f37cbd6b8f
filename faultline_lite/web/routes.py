"""Every page, with what answers it."""

from starlette.routing import Route

from faultline_lite.web.login import choose, log_in, log_out, show_login
from faultline_lite.web.page import page
from faultline_lite.web.projects import show_projects
from faultline_lite.web.static import send_asset


def make_routes() -> list[Route]:
    """Return the routes of the pages."""
    return [
        page("/", show_projects),
        page("/login", show_login, log_in, access="public"),
        page("/logout", change=log_out, access="public"),
        page("/language", change=choose, access="public"),
        page("/static/{version}/{name:path}", send_asset, access="public"),
    ]
