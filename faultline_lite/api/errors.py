"""Projects and their errors: list, look at, change, delete."""

import sqlite3
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from faultline_lite.api.answers import JsonAnswer
from faultline_lite.api.occurrences import occurrence_json
from faultline_lite.exceptions import BadRequestError, Problem
from faultline_lite.http.addresses import address_of, find_error, no_error, no_project
from faultline_lite.http.changes import Change, change_error, delete_errors
from faultline_lite.http.parameters import (
    get_choice,
    get_cursor,
    get_limit,
    get_time,
    make_cursor,
    read_json,
)
from faultline_lite.http.routing import project_of
from faultline_lite.http.services import services_of
from faultline_lite.models import Bucket, Error, ProjectSummary, Status
from faultline_lite.search.query import parse_query
from faultline_lite.store.errors import (
    Position,
    Sort,
    list_errors,
    position_of,
)
from faultline_lite.store.occurrences import get_latest
from faultline_lite.store.projects import delete_project, get_project_id, list_projects
from faultline_lite.store.search import Hit, SearchPage, list_matching_errors
from faultline_lite.store.timeline import list_error_buckets
from faultline_lite.timekeys import Timeunit, bucket_bounds_ms, format_time, parse_time, span_within

#: What the original answered at once; its dashboards do not page.
MAX_ERRORS = 1000

_STATUSES: tuple[Status, ...] = ("unresolved", "resolved")
_SORTS: tuple[Sort, ...] = ("lastUpdated", "count", "firstSeen")


class ErrorPatch(msgspec.Struct, forbid_unknown_fields=True):
    """The changes that a PATCH may ask for."""

    status: Status | None = None
    muted: bool | None = None
    until: str | None = None
    untilCount: int | float | None = None  # noqa: N815 - the contract's name


async def get_projects(request: Request) -> Response:
    """List the projects by name."""
    projects = await services_of(request).database.read(list_projects)
    return JsonAnswer({"data": {"projects": [_project_json(each) for each in projects]}})


async def remove_project(request: Request) -> Response:
    """Delete a project and everything in it."""
    services = services_of(request)
    await services.database.write(delete_project, project_of(request))
    services.scheduler.wake("erase")
    return Response(status_code=204)


async def get_errors(request: Request) -> Response:
    """List the errors of a project."""
    project = project_of(request)
    status = get_choice(request, "status", _STATUSES)
    limit = get_limit(request, default=MAX_ERRORS, maximum=MAX_ERRORS)
    after = get_cursor(request, Position)
    sort = get_choice(request, "sort", _SORTS) or (after.sort if after else "lastUpdated")
    if after is not None and after.sort != sort:
        raise BadRequestError(Problem("cursor belongs to another sort", ("cursor",)))
    services = services_of(request)
    text = request.query_params.get("q", "")
    now_ms = services.clock.now_ms()
    query = parse_query(text, now_ms) if text else None

    def read(connection: sqlite3.Connection) -> SearchPage:
        project_id = get_project_id(connection, project)
        if project_id is None:
            raise no_project(project)
        if query is None:
            errors = list_errors(
                connection, project_id, status=status, sort=sort, limit=limit + 1, after=after
            )
            following = position_of(errors[limit - 1], sort) if len(errors) > limit else None
            return SearchPage([Hit(each, None) for each in errors[:limit]], following, None)
        narrowed = query.narrow("project", project)
        if status is not None:
            narrowed = narrowed.narrow("status", status)
        return list_matching_errors(
            connection, services.codec, narrowed, sort=sort, limit=limit, after=after
        )

    page = await services.database.read(read)
    listed = [hit_json(each, now_ms) for each in page.hits]
    cursor = None if page.following is None else make_cursor(page.following)
    data = {"errors": listed, "scannedCount": len(listed), "nextCursor": cursor}
    if query is not None:
        data["notice"] = page.notice
    return JsonAnswer({"data": data})


async def get_one_error(request: Request) -> Response:
    """Show an error: its latest occurrence and its timeline."""
    services = services_of(request)
    address = address_of(request)
    now_ms = services.clock.now_ms()
    start_ms = get_time(request, "start", _default_start_ms(now_ms, services.config.timeunit))
    end_ms = get_time(request, "end", now_ms)
    span = span_within(start_ms, end_ms, services.config.timeunit)

    def read(connection: sqlite3.Connection) -> bytes:
        error = find_error(connection, address)
        latest = get_latest(connection, services.codec, error.id)
        if latest is None:
            raise no_error()
        buckets = list_error_buckets(connection, [error.id], span)[error.id]
        return msgspec.json.encode(
            {
                "data": {
                    "error": msgspec.Raw(occurrence_json(error, latest)),
                    "timeline": _timeline_json(error, buckets),
                    "summary": error_json(error, now_ms),
                }
            }
        )

    return JsonAnswer(await services.database.read(read))


async def patch_error(request: Request) -> Response:
    """Resolve, reopen, mute or unmute an error."""
    services = services_of(request)
    address = address_of(request)
    patch = await read_json(request, ErrorPatch)
    until_ms = _check_patch(patch)
    change = Change(
        status=patch.status,
        muted=patch.muted,
        until_ms=until_ms,
        until_count=None if patch.untilCount is None else int(patch.untilCount),
    )
    error = await change_error(services, address, change)
    return JsonAnswer({"data": {"error": error_json(error, services.clock.now_ms())}})


async def remove_error(request: Request) -> Response:
    """Delete an error and everything of it."""
    await delete_errors(services_of(request), [address_of(request)])
    return Response(status_code=204)


def error_json(error: Error, now_ms: int) -> dict[str, Any]:
    """Return an Error as the API shows it at that time."""
    is_muted = error.is_muted_at(now_ms)
    shown: dict[str, Any] = {
        "project": error.project,
        "message": error.message,
        "type": error.type,
        "status": error.status,
        "count": error.count,
        "lastUpdated": format_time(error.last_updated_ms),
        "firstSeen": format_time(error.first_seen_ms),
        "pattern": error.pattern,
        "fingerprint": error.group_key.hex(),
        "muted": is_muted,
        "people": error.people,
    }
    if is_muted and error.muted_until_ms is not None:
        shown["mutedUntil"] = format_time(error.muted_until_ms)
    if is_muted and error.muted_until_count is not None:
        shown["mutedUntilCount"] = error.muted_until_count - error.count
    return shown


def hit_json(hit: Hit, now_ms: int) -> dict[str, Any]:
    """Return a found error as the API shows it; its ``snippet`` is data, to be escaped."""
    shown = error_json(hit.error, now_ms)
    if hit.snippet is not None:
        parts = [{"text": part.text, "matched": part.matched} for part in hit.snippet.parts]
        shown["snippet"] = {"field": hit.snippet.field, "parts": parts}
    return shown


def _project_json(project: ProjectSummary) -> dict[str, Any]:
    return {
        "name": project.name,
        "count": project.count,
        "unresolvedCount": project.unresolved_count,
        "lastUpdated": format_time(project.last_updated_ms),
    }


def _timeline_json(error: Error, buckets: list[Bucket]) -> dict[str, Any]:
    items = [
        {
            "key": f"{error.project}##{error.message}",
            "project": error.project,
            "message": error.message,
            "type": error.type,
            "timestamp": format_time(bucket.start_ms),
            "count": bucket.count,
        }
        for bucket in buckets
    ]
    return {"errors": items, "totalCount": len(items), "scannedCount": len(items)}


def _check_patch(patch: ErrorPatch) -> int | None:
    """Return the end of the mute in epoch milliseconds. Raises BadRequestError."""
    if patch.status is None and patch.muted is None:
        raise BadRequestError(Problem("status or muted is required"))
    if not patch.muted and (patch.until is not None or patch.untilCount is not None):
        raise BadRequestError(Problem("until and untilCount go with muted: true", ("muted",)))
    count = patch.untilCount
    # JSON has one kind of number: 3.0 is an integer.
    if count is not None and not (0 < count < 2**31 and count == int(count)):
        raise BadRequestError(Problem("untilCount must be a positive integer", ("untilCount",)))
    if patch.until is None:
        return None
    try:
        return parse_time(patch.until)
    except ValueError as error:
        raise BadRequestError(Problem(str(error), ("until",))) from None


def _default_start_ms(now_ms: int, timeunit: Timeunit) -> int:
    """Return the beginning of the current month, or of the year where that is the unit."""
    return bucket_bounds_ms(now_ms, "year" if timeunit == "year" else "month")[0]
