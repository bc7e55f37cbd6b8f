"""What was sent where, what waits, what failed; and failed deliveries are tried again."""

import sqlite3

from starlette.responses import Response

from faultline_lite.http.parameters import get_cursor, make_cursor
from faultline_lite.http.retries import try_again
from faultline_lite.http.routing import segment
from faultline_lite.models import ProjectSummary
from faultline_lite.store.deliveries import State
from faultline_lite.store.delivery_history import (
    Delivery,
    HistoryPosition,
    ToldError,
    list_deliveries,
    list_waiting,
)
from faultline_lite.store.projects import list_projects
from faultline_lite.web.forms import Form, first, local_path
from faultline_lite.web.projects import choose_projects
from faultline_lite.web.room import Room
from faultline_lite.web.visits import Values, Visit

PAGE_DELIVERIES = 50
#: In the order of what somebody who looks for trouble wants to see.
STATES: tuple[State, ...] = ("failed", "due", "sending", "sent")
MAX_NAME_CHARACTERS = 256
#: Names of projects to choose from, and what is told of beside the first error of each delivery:
#: in bytes, so that the page stays under 100 KB compressed.
MAX_CHOICES_BYTES = 8000
MAX_OTHERS_BYTES = 4000
#: Errors of a delivery that are shown, and channels that something waits for.
SHOWN_ERRORS = 3
SHOWN_WAITING = 30
#: What is to be tried within this time is worth looking at again and again.
SOON_MS = 60_000


async def show_deliveries(visit: Visit) -> Response:
    """Show a page of deliveries, the one that changed last first, below what waits."""
    parameters = visit.request.query_params
    state = next((each for each in STATES if each == parameters.get("state")), None)
    project = parameters.get("project", "")[:MAX_NAME_CHARACTERS].strip() or None
    after = get_cursor(visit.request, HistoryPosition)
    now_ms = visit.services.clock.now_ms()

    def read(connection: sqlite3.Connection) -> Values:
        page = list_deliveries(
            connection, project=project, state=state, limit=PAGE_DELIVERIES, after=after
        )
        # What waits is in no message yet, and so in no state.
        waiting = list_waiting(connection, project) if after is None and state is None else []
        return {
            "deliveries": page.deliveries,
            "shown_errors": _choose_errors(page.deliveries),
            "waiting": waiting[:SHOWN_WAITING],
            "waiting_left_out": max(0, len(waiting) - SHOWN_WAITING),
            "cursor": None if page.following is None else make_cursor(page.following),
            "is_first_page": after is None,
            "is_moving": bool(waiting) or any(is_moving(each, now_ms) for each in page.deliveries),
            "states": STATES,
            "state": state,
            "project": project,
            "projects": _name_projects(
                choose_projects(list_projects(connection), MAX_CHOICES_BYTES), project
            ),
        }

    template = "deliveries_list.html" if visit.wants_part else "deliveries.html"
    return await visit.show(template, read)


async def retry(visit: Visit, form: Form) -> Response:
    """Try a failed delivery again, now."""
    await try_again(visit.services, segment(visit.request, "id"))
    return visit.redirect(local_path(first(form, "back"), "/deliveries"))


def is_moving(delivery: Delivery, now_ms: int) -> bool:
    """Return whether the delivery is about to change by itself."""
    if delivery.state == "sending":
        return True
    return delivery.state == "due" and delivery.due_ms < now_ms + SOON_MS


def _choose_errors(deliveries: list[Delivery]) -> dict[int, list[ToldError]]:
    """Return the errors to show of each delivery, by its id: the first, others as there is room."""
    room = Room(MAX_OTHERS_BYTES)
    shown = {}
    for delivery in deliveries:
        shown[delivery.id] = delivery.errors[:1]
        for error in delivery.errors[1:SHOWN_ERRORS]:
            if room.is_full:
                break
            room.cut(error.message, len(error.message))
            shown[delivery.id].append(error)
    return shown


def _name_projects(projects: list[ProjectSummary], chosen: str | None) -> list[str]:
    """Return the names to choose from, also the one that was asked for where it is none."""
    names = {project.name for project in projects}
    return sorted(names | {chosen} if chosen is not None else names)
