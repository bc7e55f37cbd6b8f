"""Every page, with what answers it."""

from starlette.routing import Route

from faultline_lite.web.deliveries import retry, show_deliveries
from faultline_lite.web.error import change, show_error, show_occurrence
from faultline_lite.web.error_parts import send_chart, send_raw, show_facets
from faultline_lite.web.errors import change_selected, show_errors, show_rows
from faultline_lite.web.login import choose, log_in, log_out, show_login
from faultline_lite.web.occurrences import show_occurrences
from faultline_lite.web.page import page
from faultline_lite.web.projects import show_projects, show_setup
from faultline_lite.web.seal import act, show_form
from faultline_lite.web.settings import show_settings, show_sizes
from faultline_lite.web.static import send_asset
from faultline_lite.web.tail import follow_project, follow_projects
from faultline_lite.web.why import show_why

_ERROR = "/projects/{project}/errors/{message}"
_OCCURRENCES = f"{_ERROR}/occurrences"
_OCCURRENCE = f"{_OCCURRENCES}/{{reversed_unixtime}}"


def make_routes() -> list[Route]:
    """Return the routes of the pages."""
    return [
        page("/", show_projects),
        page("/setup", show_setup),
        page("/live", follow_projects),
        page("/projects/{project}", show_errors, change_selected),
        page("/projects/{project}/live", follow_project),
        page("/projects/{project}/rows", show_rows),
        page("/deliveries", show_deliveries),
        page("/deliveries/{id}/retry", change=retry),
        page("/seal", show_form, act),
        page("/settings", show_settings),
        page("/settings/sizes", show_sizes),
        page("/login", show_login, log_in, access="public"),
        page("/logout", change=log_out, access="public"),
        page("/language", change=choose, access="public"),
        page(_ERROR, show_error, change),
        page(f"{_ERROR}/chart", send_chart),
        page(f"{_ERROR}/facets", show_facets),
        page(_OCCURRENCES, show_occurrences),
        page(_OCCURRENCE, show_occurrence),
        page(f"{_OCCURRENCE}/raw", send_raw),
        page(f"{_OCCURRENCE}/why", show_why),
        page("/static/{version}/{name:path}", send_asset, access="public"),
    ]
