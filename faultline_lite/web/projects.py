"""The projects; where there is none yet, the first steps to one."""

import heapq
import re
import sqlite3

from starlette.responses import Response

from faultline_lite.models import ProjectSummary
from faultline_lite.notifications.links import project_path
from faultline_lite.store.projects import list_projects
from faultline_lite.web.clients import CLIENTS, Setup
from faultline_lite.web.room import Room
from faultline_lite.web.series import project_sparklines
from faultline_lite.web.visits import Values, Visit

SAMPLE_PROJECT = "sample-project"
#: Whoever may report can make any number of projects; these are shown at once, as far as their
#: names leave the page under 100 KB compressed.
MAX_PROJECTS = 500
MAX_NAME_BYTES = 30_000
#: What a Host header must be made of to stand in a line to paste.
_HOST = re.compile(r"[\w.-]+(:\d+)?|\[[\da-f:.]+\](:\d+)?", re.ASCII | re.IGNORECASE)


async def show_projects(visit: Visit) -> Response:
    """Show the projects by name; first steps where there is none."""
    projects = await visit.services.database.read(list_projects)
    if not projects:
        return await _show_steps(visit, waiting=True)
    # The first steps lead here once a report has come in.
    if "started" in visit.request.query_params and len(projects) == 1:
        return visit.redirect(project_path(projects[0].name))
    return await _show_list(visit, projects)


async def show_setup(visit: Visit) -> Response:
    """Show how to report here, whatever projects there are."""
    return await _show_steps(visit, waiting=False)


async def _show_list(visit: Visit, projects: list[ProjectSummary]) -> Response:
    now_ms = visit.services.clock.now_ms()
    shown = choose_projects(projects)

    def read(connection: sqlite3.Connection) -> Values:
        ids = [project.id for project in shown]
        return {
            "projects": shown,
            "left_out": len(projects) - len(shown),
            "sparklines": project_sparklines(connection, ids, now_ms),
        }

    return await visit.show("projects.html", read)


def choose_projects(
    projects: list[ProjectSummary], most_bytes: int = MAX_NAME_BYTES
) -> list[ProjectSummary]:
    """Return the projects to show, by name: of very many those that were active last.

    Their names have ``most_bytes``, and what the last one has beyond.
    """
    latest = heapq.nlargest(MAX_PROJECTS, projects, key=lambda each: each.last_updated_ms)
    room = Room(most_bytes)
    shown = []
    for project in latest:
        if room.is_full:
            break
        room.cut(project.name, len(project.name))
        shown.append(project)
    return sorted(shown, key=lambda each: each.name)


async def _show_steps(visit: Visit, *, waiting: bool) -> Response:
    config = visit.services.config
    setup = make_setup(visit, SAMPLE_PROJECT)
    return await visit.show_plain(
        "first_steps.html",
        waiting=waiting,
        key_is_missing=config.master_api_key is not None and not config.client_api_keys,
        clients=[(client, client.render(setup)) for client in CLIENTS],
    )


def make_setup(visit: Visit, project: str, sealed: str | None = None) -> Setup:
    """Return what a client must be told to report to this server."""
    config = visit.services.config
    if config.client_api_keys:
        key = config.client_api_keys[0]
    else:
        # Never the master key: what is pasted into programs ends up in many places.
        key = "" if config.master_api_key is None else "<client_api_keys>"
    return Setup(f"{_base_url(visit)}/v0", key, project, sealed)


def _base_url(visit: Visit) -> str:
    """Return where this server is reached: as configured, or as the browser has reached it."""
    config = visit.services.config
    if config.public_url is not None:
        return config.public_url
    host = visit.request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        host = f"{config.host}:{config.port}"
    return f"{'https' if visit.is_https else 'http'}://{host}"
