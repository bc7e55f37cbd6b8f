"""What was sent where, what waits, what failed; and why an occurrence notified or did not."""

import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from faultline_lite.api.answers import JsonAnswer
from faultline_lite.decisions import decide_one
from faultline_lite.exceptions import BadRequestError, NotFoundError, Problem
from faultline_lite.http.addresses import address_of, find_error
from faultline_lite.http.parameters import get_choice, get_cursor, get_limit, make_cursor
from faultline_lite.http.routing import segment
from faultline_lite.http.services import services_of
from faultline_lite.store.deliveries import State, retry_delivery
from faultline_lite.store.delivery_history import (
    Delivery,
    HistoryPosition,
    OccurrenceNumbers,
    WaitingChannel,
    get_delivery,
    get_fate,
    get_numbers,
    is_waiting,
    list_deliveries,
    list_named,
    list_waiting,
)
from faultline_lite.timekeys import Timeunit, format_time, parse_reversed_unixtime

DEFAULT_DELIVERIES = 50
MAX_DELIVERIES = 200
#: SQLite's row ids are 64-bit integers.
MAX_ID = 2**63 - 1

_STATES: tuple[State, ...] = ("due", "sending", "sent", "failed")


async def get_deliveries(request: Request) -> Response:
    """List deliveries, the one that changed last first, and what waits in no message yet."""
    state = get_choice(request, "state", _STATES)
    limit = get_limit(request, default=DEFAULT_DELIVERIES, maximum=MAX_DELIVERIES)
    after = get_cursor(request, HistoryPosition)
    project = request.query_params.get("project") or None

    def read(connection: sqlite3.Connection) -> tuple[list[Delivery], list[WaitingChannel]]:
        page = list_deliveries(connection, project=project, state=state, limit=limit, after=after)
        return page, list_waiting(connection, project)

    page, waiting = await services_of(request).database.read(read)
    cursor = None
    if len(page) == limit:
        cursor = make_cursor(HistoryPosition(page[-1].updated_ms, page[-1].id))
    return JsonAnswer(
        {
            "data": {
                "deliveries": [delivery_json(each) for each in page],
                "waiting": [_waiting_json(each) for each in waiting],
                "nextCursor": cursor,
            }
        }
    )


async def retry(request: Request) -> Response:
    """Try a failed delivery again, now, as if it were new."""
    services = services_of(request)
    delivery_id = _id_of(request)
    now_ms = services.clock.now_ms()

    def write(connection: sqlite3.Connection) -> tuple[bytes | None, Delivery | None]:
        identity = retry_delivery(connection, delivery_id, now_ms)
        return identity, get_delivery(connection, delivery_id)

    identity, delivery = await services.database.write(write)
    if delivery is None:
        raise NotFoundError(Problem("there is no such delivery"))
    if identity is None:
        raise BadRequestError(Problem(_why_no_retry(delivery), ("id",)))
    services.outbox.wake([identity])
    return JsonAnswer({"data": {"delivery": delivery_json(delivery)}})


async def get_decisions(request: Request) -> Response:
    """Say for each config that an occurrence named what was decided, and what became of it."""
    services = services_of(request)
    address = address_of(request)
    timeunit = services.config.timeunit
    try:
        place = parse_reversed_unixtime(segment(request, "reversed_unixtime"))
    except ValueError:
        raise _no_occurrence() from None

    def read(connection: sqlite3.Connection) -> dict[str, Any]:
        error = find_error(connection, address)
        numbers = get_numbers(connection, error.id, place)
        if numbers is None:
            raise _no_occurrence()
        return {
            "count": numbers.count,
            "bucket": numbers.bucket,
            "timeunit": timeunit,
            "regression": numbers.regression,
            "muted": numbers.muted,
            "decisions": _explain(connection, numbers, timeunit),
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


def _explain(
    connection: sqlite3.Connection, numbers: OccurrenceNumbers, timeunit: Timeunit
) -> list[dict[str, Any]]:
    """Return the decisions; a channel that two configs lead to was told once, by the first."""
    shown = []
    told: dict[bytes, dict[str, Any] | None] = {}
    for config_id, channel in list_named(connection, numbers):
        outcome, reason = decide_one(channel, numbers, timeunit)
        decision: dict[str, Any] = {
            "channel": channel.label,
            "decision": outcome,
            "reason": reason,
            "delivery": None,
        }
        if outcome == "refused":
            decision["delivery"] = _fate_json(connection, numbers, config_id)
        elif outcome == "notify":
            if channel.identity not in told:
                told[channel.identity] = _fate_json(connection, numbers, config_id)
            decision["delivery"] = told[channel.identity]
        shown.append(decision)
    return shown


def _fate_json(
    connection: sqlite3.Connection, numbers: OccurrenceNumbers, config_id: int
) -> dict[str, Any] | None:
    if is_waiting(connection, numbers, config_id):
        return {"state": "waiting"}
    delivery = get_fate(connection, numbers, config_id)
    if delivery is None:
        return None
    full = delivery_json(delivery)
    names = ("id", "state", "attempts", "updatedAt", "dueAt", "outcome", "failure")
    return {name: full[name] for name in names if name in full}


def _why_no_retry(delivery: Delivery) -> str:
    if delivery.state != "failed":
        return f"the delivery has not failed: it is {delivery.state}"
    return "its config was refused: there is nowhere to send it to"


def _id_of(request: Request) -> int:
    text = segment(request, "id")
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_ID))
    if not is_number or int(text) > MAX_ID:
        raise NotFoundError(Problem("there is no such delivery"))
    return int(text)


def _no_occurrence() -> NotFoundError:
    return NotFoundError(Problem("there is no such occurrence"))
