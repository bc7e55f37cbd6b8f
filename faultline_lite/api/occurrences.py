"""The occurrences of an error."""

import sqlite3

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from faultline_lite.api.answers import JsonAnswer
from faultline_lite.exceptions import BadRequestError, Problem
from faultline_lite.http.addresses import address_of, find_error, no_occurrence, place_of
from faultline_lite.http.parameters import get_limit
from faultline_lite.http.services import services_of
from faultline_lite.models import Error, Occurrence
from faultline_lite.store.occurrences import get_occurrence, list_occurrences
from faultline_lite.timekeys import format_time, parse_reversed_unixtime, reversed_unixtime

DEFAULT_OCCURRENCES = 10
MAX_OCCURRENCES = 1000


async def get_occurrences(request: Request) -> Response:
    """Page through the occurrences of an error, newest first."""
    services = services_of(request)
    address = address_of(request)
    limit = get_limit(request, default=DEFAULT_OCCURRENCES, maximum=MAX_OCCURRENCES)
    text = request.query_params.get("after", "")
    after = _parse_place(text, "after") if text else None

    def read(connection: sqlite3.Connection) -> bytes:
        error = find_error(connection, address)
        page = list_occurrences(connection, services.codec, error.id, after=after, limit=limit)
        shown = [msgspec.Raw(occurrence_json(error, each)) for each in page.occurrences]
        return msgspec.json.encode({"data": {"errors": shown, "totalCount": len(shown)}})

    return JsonAnswer(await services.database.read(read))


async def get_one_occurrence(request: Request) -> Response:
    """Show one occurrence."""
    services = services_of(request)
    address = address_of(request)
    place = place_of(request)

    def read(connection: sqlite3.Connection) -> bytes:
        error = find_error(connection, address)
        occurrence = get_occurrence(connection, services.codec, error.id, place)
        if occurrence is None:
            raise no_occurrence()
        shown = msgspec.Raw(occurrence_json(error, occurrence))
        return msgspec.json.encode({"data": {"error": shown}})

    return JsonAnswer(await services.database.read(read))


def occurrence_json(error: Error, occurrence: Occurrence) -> bytes:
    """Return an Occurrence as the API shows it: the payload, byte for byte, with its address."""
    head = msgspec.json.encode(
        {
            "project": error.project,
            "reversedUnixtime": reversed_unixtime(occurrence.second, occurrence.ordinal),
            "receivedAt": format_time(occurrence.received_ms),
        }
    )
    return head[:-1] + b"," + occurrence.payload[1:]


def _parse_place(text: str, name: str) -> tuple[int, int]:
    try:
        return parse_reversed_unixtime(text)
    except ValueError as error:
        raise BadRequestError(Problem(str(error), (name,), text[:100])) from None
