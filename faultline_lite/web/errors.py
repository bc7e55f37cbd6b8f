"""The errors of a project: find them, look over them, change many at once."""

import re
import sqlite3
from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode

from starlette.responses import Response

from faultline_lite.exceptions import BadRequestError, Problem
from faultline_lite.http.addresses import no_project
from faultline_lite.http.changes import Change, change_errors, delete_errors
from faultline_lite.http.parameters import get_cursor, make_cursor
from faultline_lite.http.routing import project_of
from faultline_lite.notifications.links import project_path
from faultline_lite.sentences import say
from faultline_lite.store.errors import (
    ErrorAddress,
    Position,
    get_error,
)
from faultline_lite.store.projects import get_project_id
from faultline_lite.store.search import Hit, list_matching_errors
from faultline_lite.web.filters import SINCE_MS, SORTS, STATES, read_filters
from faultline_lite.web.forms import Form, first, local_path
from faultline_lite.web.series import error_sparklines
from faultline_lite.web.suggestions import suggest
from faultline_lite.web.visits import Values, Visit

#: Errors on one page of the list.
PAGE_ERRORS = 50
#: Errors that one form may change.
MAX_SELECTED = 1000
#: Rows that one event of the live tail may ask for anew.
MAX_ROWS = 200

_COUNT = re.compile(r"\d{1,15}", re.ASCII)
_CHANGES = {
    "resolve": Change(status="resolved"),
    "reopen": Change(status="unresolved"),
    "mute": Change(muted=True),
    "unmute": Change(muted=False),
}


async def show_errors(visit: Visit) -> Response:
    """Show the errors that the address asks for, a page of them."""
    project = project_of(visit.request)
    filters = read_filters(visit.request.query_params)
    after = get_cursor(visit.request, Position)
    now_ms = visit.services.clock.now_ms()
    codec = visit.services.codec

    def read(connection: sqlite3.Connection) -> Values:
        if get_project_id(connection, project) is None:
            raise no_project(project)
        found = list_matching_errors(
            connection,
            codec,
            filters.to_query(project, now_ms),
            sort=filters.sort,
            limit=PAGE_ERRORS,
            after=after if after is not None and after.sort == filters.sort else None,
        )
        return {
            **_row_values(connection, found.hits, now_ms),
            "project": project,
            "filters": filters,
            "notice": found.notice,
            "cursor": None if found.following is None else make_cursor(found.following),
            "is_first_page": after is None,
            "states": STATES,
            "sorts": SORTS,
            "since_choices": tuple(SINCE_MS),
            "suggestions": {} if visit.wants_part else suggest(connection, codec, found.hits),
            "done": visit.request.query_params.get("done", ""),
            "done_count": _to_count(visit.request.query_params.get("n", "")),
        }

    return await visit.show("errors_list.html" if visit.wants_part else "errors.html", read)


async def show_rows(visit: Visit) -> Response:
    """Show the rows of the errors whose ids are asked for, those that the filters let through."""
    project = project_of(visit.request)
    filters = read_filters(visit.request.query_params)
    ids = [_to_count(text) for text in visit.request.query_params.getlist("id")[:MAX_ROWS]]
    now_ms = visit.services.clock.now_ms()

    def read(connection: sqlite3.Connection) -> Values:
        if not ids:
            return _row_values(connection, [], now_ms)
        query = filters.to_query(project, now_ms).among(ids)
        found = list_matching_errors(
            connection,
            visit.services.codec,
            query,
            sort=filters.sort,
            limit=MAX_ROWS,
            after=None,
        )
        return _row_values(connection, found.hits, now_ms)

    return await visit.show("error_rows.html", read)


async def change_selected(visit: Visit, form: Form) -> Response:
    """Resolve, reopen, mute, unmute or delete the errors that were selected."""
    project = project_of(visit.request)
    action = first(form, "action")
    addresses = _read_selection(project, form)
    back = local_path(first(form, "back"), project_path(project))
    if action == "delete" and first(form, "confirmed") != "yes":
        return await _ask_before_deleting(visit, project, addresses, back)
    if action == "delete":
        count = await delete_errors(visit.services, addresses)
    elif action in _CHANGES:
        count = await change_errors(visit.services, addresses, _CHANGES[action])
    else:
        raise BadRequestError(Problem(say("there is no such action"), ("action",)))
    return visit.redirect(_with_outcome(back, action, count))


async def _ask_before_deleting(
    visit: Visit, project: str, addresses: Sequence[ErrorAddress], back: str
) -> Response:
    def read(connection: sqlite3.Connection) -> Values:
        found = [get_error(connection, address) for address in addresses]
        errors = [error for error in found if error is not None]
        return {"project": project, "errors": errors, "back": back}

    return await visit.show("errors_delete.html", read)


def _row_values(connection: sqlite3.Connection, hits: Sequence[Hit], now_ms: int) -> Values:
    """Return what the rows of a list show."""
    ids = [hit.error.id for hit in hits]
    return {"hits": hits, "sparklines": error_sparklines(connection, ids, now_ms)}


def _read_selection(project: str, form: Form) -> list[ErrorAddress]:
    """Return the errors that were ticked. Raises BadRequestError."""
    selected = form.get("error", [])[:MAX_SELECTED]
    try:
        return [ErrorAddress(project, (bytes.fromhex(each),)) for each in selected]
    except ValueError:
        raise BadRequestError(Problem(say("an error is named by hexadecimal digits"))) from None


def _with_outcome(back: str, action: str, count: int) -> str:
    """Return the path to go back to, with what to say there."""
    path, _, query = back.partition("?")
    kept = [each for each in parse_qsl(query) if each[0] not in {"done", "n", "cursor"}]
    return f"{path}?{urlencode([*kept, ('done', action), ('n', count)])}"


def _to_count(text: str) -> int:
    return int(text) if _COUNT.fullmatch(text) else 0
