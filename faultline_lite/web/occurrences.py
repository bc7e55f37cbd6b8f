"""The occurrences of an error, page by page."""

import sqlite3
from typing import NamedTuple

from starlette.responses import Response

from faultline_lite.facets import Facet, name_facets
from faultline_lite.http.addresses import address_of, find_error
from faultline_lite.models import Occurrence
from faultline_lite.store.occurrences import list_occurrences
from faultline_lite.timekeys import parse_reversed_unixtime, reversed_unixtime
from faultline_lite.web.details import read_message
from faultline_lite.web.visits import Values, Visit

PAGE_OCCURRENCES = 50


class Row(NamedTuple):
    """An occurrence in the list: when, its message, and what tells it from others."""

    place: str
    timestamp_ms: int
    message: str
    facets: dict[Facet, str]


async def show_occurrences(visit: Visit) -> Response:
    """Show a page of the error's occurrences, newest first."""
    address = address_of(visit.request)
    text = visit.request.query_params.get("after", "")
    try:
        after = parse_reversed_unixtime(text) if text else None
    except ValueError:
        after = None

    def read(connection: sqlite3.Connection) -> Values:
        error = find_error(connection, address)
        page = list_occurrences(
            connection, visit.services.codec, error.id, after=after, limit=PAGE_OCCURRENCES
        )
        rows = [_make_row(each) for each in page.occurrences]
        return {
            "error": error,
            "rows": rows,
            "after": rows[-1].place if page.has_more else None,
            "is_first_page": after is None,
        }

    return await visit.show("occurrences.html", read)


def _make_row(occurrence: Occurrence) -> Row:
    return Row(
        place=reversed_unixtime(occurrence.second, occurrence.ordinal),
        timestamp_ms=occurrence.timestamp_ms,
        message=read_message(occurrence.payload),
        facets=name_facets(occurrence.payload),
    )
