"""Time series of an error, of a project, and of everything."""

import sqlite3
from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from faultline_lite.api.answers import JsonAnswer
from faultline_lite.exceptions import BadRequestError, Problem
from faultline_lite.http.addresses import address_of, find_error, no_project
from faultline_lite.http.parameters import get_choice, get_time
from faultline_lite.http.routing import project_of
from faultline_lite.http.services import services_of
from faultline_lite.models import Bucket
from faultline_lite.store.projects import get_project_id
from faultline_lite.store.timeline import (
    fill_buckets,
    list_error_buckets,
    list_project_buckets,
    list_total_buckets,
)
from faultline_lite.timekeys import (
    DAY_MS,
    FIRST_MS,
    LAST_MS,
    Span,
    Timeunit,
    format_time,
    span_around,
)

#: A week of minutes, more than a year of hours.
MAX_BUCKETS = 7 * 24 * 60
#: What is shown where no beginning is given: as much as a chart can tell apart.
DEFAULT_DAYS: dict[Timeunit, float] = {
    "minute": 1 / 24,
    "hour": 1,
    "day": 30,
    "month": 365,
    "year": 3650,
}

_TIMEUNITS: tuple[Timeunit, ...] = ("minute", "hour", "day", "month", "year")


async def get_error_timeline(request: Request) -> Response:
    """Show how often an error occurred, in each unit of time."""
    address = address_of(request)
    span = _span_of(request)

    def read(connection: sqlite3.Connection) -> list[Bucket]:
        error_id = find_error(connection, address).id
        return list_error_buckets(connection, [error_id], span)[error_id]

    return _answer(request, span, await services_of(request).database.read(read))


async def get_project_timeline(request: Request) -> Response:
    """Show how much a project reported, in each unit of time."""
    project = project_of(request)
    span = _span_of(request)

    def read(connection: sqlite3.Connection) -> list[Bucket]:
        project_id = get_project_id(connection, project)
        if project_id is None:
            raise no_project(project)
        return list_project_buckets(connection, [project_id], span)[project_id]

    return _answer(request, span, await services_of(request).database.read(read))


async def get_total_timeline(request: Request) -> Response:
    """Show how much all projects together reported, in each unit of time."""
    span = _span_of(request)
    return _answer(
        request, span, await services_of(request).database.read(list_total_buckets, span)
    )


def _span_of(request: Request) -> Span:
    """Return the units of time that are asked for. Raises BadRequestError when too many."""
    services = services_of(request)
    timeunit = get_choice(request, "timeunit", _TIMEUNITS) or services.config.timeunit
    end_ms = get_time(request, "end", services.clock.now_ms())
    default_ms = max(FIRST_MS, end_ms - round(DEFAULT_DAYS[timeunit] * DAY_MS))
    span = span_around(get_time(request, "start", default_ms), end_ms, timeunit)
    if sum(1 for _ in islice(span.starts(), MAX_BUCKETS + 1)) > MAX_BUCKETS:
        raise BadRequestError(
            Problem(
                f"start and end are more than {MAX_BUCKETS} units apart: take a larger timeunit",
                ("timeunit",),
            )
        )
    return span


def _answer(request: Request, span: Span, buckets: list[Bucket]) -> Response:
    filled = get_choice(request, "fill", ("true", "false")) == "true"
    shown = fill_buckets(buckets, span) if filled else buckets
    timeline: dict[str, Any] = {
        "timeunit": span.timeunit,
        "start": format_time(span.start_ms),
        "end": format_time(min(span.end_ms, LAST_MS)),
        "count": sum(bucket.count for bucket in buckets),
        "buckets": [
            {"timestamp": format_time(bucket.start_ms), "count": bucket.count} for bucket in shown
        ],
    }
    return JsonAnswer({"data": {"timeline": timeline}})
