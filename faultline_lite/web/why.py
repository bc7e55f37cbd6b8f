"""Why an occurrence notified, or did not: what its configs decided, and what became of it."""

import sqlite3

from starlette.responses import Response

from faultline_lite.http.addresses import address_of, find_error, no_occurrence, place_of
from faultline_lite.notifications.explanations import Explanation, explain_occurrence
from faultline_lite.store.delivery_history import get_numbers
from faultline_lite.timekeys import reversed_unixtime
from faultline_lite.web.deliveries import is_moving
from faultline_lite.web.visits import Values, Visit


async def show_why(visit: Visit) -> Response:
    """Show what was decided for each config that an occurrence named."""
    address = address_of(visit.request)
    timeunit = visit.services.config.timeunit
    now_ms = visit.services.clock.now_ms()
    place = place_of(visit.request)

    def read(connection: sqlite3.Connection) -> Values:
        error = find_error(connection, address)
        numbers = get_numbers(connection, error.id, place)
        if numbers is None:
            raise no_occurrence()
        explanations = explain_occurrence(connection, numbers, timeunit)
        return {
            "error": error,
            "place": reversed_unixtime(*place),
            "occurred_ms": place[0] * 1000,
            "numbers": numbers,
            "timeunit": timeunit,
            "explanations": explanations,
            "is_moving": any(_is_moving(each, now_ms) for each in explanations),
        }

    return await visit.show("why_list.html" if visit.wants_part else "why.html", read)


def _is_moving(explanation: Explanation, now_ms: int) -> bool:
    fate = explanation.fate
    return fate == "waiting" or (fate is not None and is_moving(fate, now_ms))
