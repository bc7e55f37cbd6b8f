"""What was sent where, what waits, what failed; and why an occurrence notified or did not."""

import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from faultline_lite.api.answers import JsonAnswer
from faultline_lite.http.addresses import address_of, find_error, no_occurrence, place_of
from faultline_lite.http.parameters import get_choice, get_cursor, get_limit, make_cursor
from faultline_lite.http.retries import try_again
from faultline_lite.http.routing import segment
from faultline_lite.http.services import services_of
from faultline_lite.notifications.explanations import Explanation, Fate, explain_occurrence
from faultline_lite.store.deliveries import State
from faultline_lite.store.delivery_history import (
    Delivery,
    DeliveryPage,
    HistoryPosition,
    WaitingChannel,
    get_numbers,
    list_deliveries,
    list_waiting,
)
from faultline_lite.timekeys import format_time

DEFAULT_DELIVERIES = 50
MAX_DELIVERIES = 200

_STATES: tuple[State, ...] = ("due", "sending", "sent", "failed")


async def get_deliveries(request: Request) -> Response:
    """List deliveries, the one that changed last first, and what waits in no message yet."""
    state = get_choice(request, "state", _STATES)
    limit = get_limit(request, default=DEFAULT_DELIVERIES, maximum=MAX_DELIVERIES)
    after = get_cursor(request, HistoryPosition)
    project = request.query_params.get("project") or None

    def read(connection: sqlite3.Connection) -> tuple[DeliveryPage, list[WaitingChannel]]:
        page = list_deliveries(connection, project=project, state=state, limit=limit, after=after)
        return page, list_waiting(connection, project)

    page, waiting = await services_of(request).database.read(read)
    return JsonAnswer(
        {
            "data": {
                "deliveries": [delivery_json(each) for each in page.deliveries],
                "waiting": [_waiting_json(each) for each in waiting],
                "nextCursor": None if page.following is None else make_cursor(page.following),
            }
        }
    )


async def retry(request: Request) -> Response:
    """Try a failed delivery again, now, as if it were new."""
    delivery = await try_again(services_of(request), segment(request, "id"))
    return JsonAnswer({"data": {"delivery": delivery_json(delivery)}})


async def get_decisions(request: Request) -> Response:
    """Say for each config that an occurrence named what was decided, and what became of it."""
    services = services_of(request)
    address = address_of(request)
    timeunit = services.config.timeunit
    place = place_of(request)

    def read(connection: sqlite3.Connection) -> dict[str, Any]:
        error = find_error(connection, address)
        numbers = get_numbers(connection, error.id, place)
        if numbers is None:
            raise no_occurrence()
        return {
            "count": numbers.count,
            "bucket": numbers.bucket,
            "timeunit": timeunit,
            "regression": numbers.regression,
            "muted": numbers.muted,
            "decisions": [
                _decision_json(each) for each in explain_occurrence(connection, numbers, timeunit)
            ],
        }

    return JsonAnswer({"data": await services.database.read(read)})


def delivery_json(delivery: Delivery) -> dict[str, Any]:
    """Return a delivery as the API shows it."""
    shown: dict[str, Any] = {
        "id": delivery.id,
        "channel": delivery.channel,
        "kind": delivery.kind,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "createdAt": format_time(delivery.created_ms),
        "updatedAt": format_time(delivery.updated_ms),
        "errorCount": delivery.error_count,
        "occurrenceCount": delivery.occurrence_count,
        "errors": [
            {
                "project": each.project,
                "message": each.message,
                "type": each.type,
                "occurrences": each.occurrences,
            }
            for each in delivery.errors
        ],
    }
    if delivery.state == "due":
        shown["dueAt"] = format_time(delivery.due_ms)
    if delivery.outcome is not None:
        shown["outcome"] = delivery.outcome
    if delivery.failure is not None:
        shown["failure"] = delivery.failure
    return shown


def _waiting_json(waiting: WaitingChannel) -> dict[str, Any]:
    return {
        "channel": waiting.channel,
        "errorCount": waiting.errors,
        "occurrenceCount": waiting.occurrences,
        "since": format_time(waiting.decided_ms),
    }


def _decision_json(explanation: Explanation) -> dict[str, Any]:
    return {
        "channel": explanation.channel.label,
        "decision": explanation.outcome,
        "reason": explanation.reason,
        "delivery": _fate_json(explanation.fate),
    }


def _fate_json(fate: Fate) -> dict[str, Any] | None:
    if fate is None:
        return None
    if fate == "waiting":
        return {"state": "waiting"}
    full = delivery_json(fate)
    names = ("id", "state", "attempts", "updatedAt", "dueAt", "outcome", "failure")
    return {name: full[name] for name in names if name in full}
