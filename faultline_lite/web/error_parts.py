"""What the page of an error asks for in parts: its chart, its facets, an occurrence as JSON."""

import sqlite3

import msgspec
from starlette.responses import Response

from faultline_lite.http.addresses import address_of, find_error, no_occurrence, place_of
from faultline_lite.store.occurrences import get_occurrence
from faultline_lite.timekeys import LAST_MS, Span, span_around
from faultline_lite.web.backtrace import backtrace_text
from faultline_lite.web.chart import RANGES_MS, read_chart
from faultline_lite.web.details import PARTS
from faultline_lite.web.visits import Values, Visit

#: Values of a facet that are shown.
FACET_VALUES = 8


async def send_chart(visit: Visit) -> Response:
    """Send the chart of a range as JSON."""
    address = address_of(visit.request)
    now_ms = visit.services.clock.now_ms()
    start_ms, end_ms = _read_range(visit, now_ms)

    def read(connection: sqlite3.Connection) -> bytes:
        error = find_error(connection, address)
        return msgspec.json.encode(read_chart(connection, error, start_ms, end_ms))

    return _send(await visit.services.database.read(read), "application/json")


async def show_facets(visit: Visit) -> Response:
    """Show which values the occurrences of a range have, of all time where none is asked for."""
    address = address_of(visit.request)
    start_ms, end_ms = _read_range(visit, visit.services.clock.now_ms())
    span: Span | None = None
    if start_ms is not None:
        span = span_around(start_ms, end_ms, "minute")

    def read(connection: sqlite3.Connection) -> Values:
        error = find_error(connection, address)
        return {
            "error": error,
            "found": visit.services.facets.read(connection, error.id, span),
            "span": span,
            "most": FACET_VALUES,
        }

    return await visit.show("facets.html" if visit.wants_part else "facets_page.html", read)


async def send_raw(visit: Visit) -> Response:
    """Send an occurrence as JSON, or a part of it, to be copied or kept."""
    address = address_of(visit.request)
    part = visit.request.query_params.get("part", "")
    place = place_of(visit.request)

    def read(connection: sqlite3.Connection) -> Response:
        error = find_error(connection, address)
        occurrence = get_occurrence(connection, visit.services.codec, error.id, place)
        if occurrence is None:
            raise no_occurrence()
        if not part:
            return _send(msgspec.json.format(occurrence.payload), "application/json")
        payload = msgspec.json.decode(occurrence.payload)
        if part == "backtrace":
            text = backtrace_text(payload.get("backtrace"))
            return _send(text.encode(errors="replace"), "text/plain; charset=utf-8")
        if part not in PARTS:
            raise no_occurrence()
        found = msgspec.json.encode(payload.get(part))
        return _send(msgspec.json.format(found), "application/json")

    return await visit.services.database.read(read)


def _read_range(visit: Visit, now_ms: int) -> tuple[int | None, int]:
    """Return the range that is asked for, by name or by its ends in epoch milliseconds.

    Its start is None where everything is meant, also by what cannot be read.
    """
    parameters = visit.request.query_params
    named = RANGES_MS.get(parameters.get("range", ""))
    if named is not None:
        return now_ms - named, now_ms
    texts = (parameters.get("start", ""), parameters.get("end", ""))
    if not all(text.isascii() and text.isdigit() and len(text) <= 15 for text in texts):
        return None, now_ms
    start_ms, end_ms = (min(int(text), LAST_MS) for text in texts)
    return start_ms, max(end_ms, start_ms)


def _send(content: bytes, media_type: str) -> Response:
    headers = {"Content-Type": media_type, "Cache-Control": "private, no-cache"}
    return Response(content, headers=headers)
