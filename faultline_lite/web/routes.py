"""Every page, with what answers it."""

from starlette.routing import Route

from faultline_lite.web.errors import change_selected, show_errors, show_rows
from faultline_lite.web.login import choose, log_in, log_out, show_login
from faultline_lite.web.page import page
from faultline_lite.web.projects import show_projects, show_setup
from faultline_lite.web.static import send_asset
from faultline_lite.web.tail import follow_project, follow_projects


def make_routes() -> list[Route]:
    """Return the routes of the pages."""
    return [
        page("/", show_projects),
        page("/setup", show_setup),
        page("/live", follow_projects),
        page("/projects/{project}", show_errors, change_selected),
        page("/projects/{project}/live", follow_project),
        page("/projects/{project}/rows", show_rows),
        page("/login", show_login, log_in, access="public"),
        page("/logout", change=log_out, access="public"),
        page("/language", change=choose, access="public"),
        page("/static/{version}/{name:path}", send_asset, access="public"),
    ]
