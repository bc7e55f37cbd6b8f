"""The facets of an error."""

import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from faultline_lite.api.answers import JsonAnswer
from faultline_lite.http.addresses import address_of, find_error
from faultline_lite.http.parameters import get_limit, get_time
from faultline_lite.http.services import services_of
from faultline_lite.store.census import VersionCount, list_versions
from faultline_lite.store.facets import MAX_VALUES, FacetCounts, Facets
from faultline_lite.timekeys import FIRST_MS, Span, format_time, span_around

DEFAULT_VALUES = 10


async def get_facets(request: Request) -> Response:
    """Show which values the occurrences of an error have, and how many have them."""
    services = services_of(request)
    address = address_of(request)
    limit = get_limit(request, default=DEFAULT_VALUES, maximum=MAX_VALUES)
    span = _span_of(request)

    def read(connection: sqlite3.Connection) -> tuple[Facets, list[VersionCount]]:
        error_id = find_error(connection, address).id
        facets = services.facets.read(connection, error_id, span)
        return facets, list_versions(connection, error_id)

    found, versions = await services.database.read(read)
    return JsonAnswer(
        {
            "data": {
                "facets": {
                    name: _counts_json(counts, limit) for name, counts in found.facets.items()
                },
                "countedFrom": found.counted_from,
                "kept": found.kept,
                "count": found.count,
                "versions": [_version_json(each) for each in versions],
            }
        }
    )


def _span_of(request: Request) -> Span | None:
    """Return the minutes that are asked for, None for all time."""
    if not request.query_params.get("start") and not request.query_params.get("end"):
        return None
    start_ms = get_time(request, "start", FIRST_MS)
    end_ms = get_time(request, "end", services_of(request).clock.now_ms())
    return span_around(start_ms, end_ms, "minute")


def _counts_json(counts: FacetCounts, limit: int) -> dict[str, Any]:
    return {
        "values": [
            {
                "value": each.value,
                "count": each.count,
                "firstSeen": format_time(each.first_ms),
                "lastSeen": format_time(each.last_ms),
            }
            for each in counts.values[:limit]
        ],
        "distinct": counts.distinct,
        "known": counts.known,
    }


def _version_json(counted: VersionCount) -> dict[str, Any]:
    return {
        "version": counted.version,
        "count": counted.count,
        "firstSeen": format_time(counted.first_ms),
        "lastSeen": format_time(counted.last_ms),
    }
