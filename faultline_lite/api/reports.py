"""POST of a report."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from faultline_lite.api.answers import JsonAnswer
from faultline_lite.exceptions import Problem, RateLimitedError
from faultline_lite.http.parameters import read_request_body
from faultline_lite.http.ratelimit import RateLimiter
from faultline_lite.http.routing import project_of
from faultline_lite.http.services import Services, services_of
from faultline_lite.ingest import CLIENT
from faultline_lite.models import Sender
from faultline_lite.notifications.decisions import Decision
from faultline_lite.protocols.faultline import decode_report


async def post_report(request: Request) -> Response:
    """Store the entries of a report; 201 once they are durable."""
    services = services_of(request)
    project = project_of(request)
    body = await read_request_body(request)
    decode = partial(
        decode_report,
        body,
        project=project,
        event=describe_request(request),
        received_ms=services.clock.now_ms(),
        max_entries=services.config.max_entries,
    )
    report = await services.large_work.run(decode, len(body))
    amount = len(report.entries)
    spend_allowance(services, request.state.rate_name, project, amount)
    sender = sender_of(request) if report.notifications else CLIENT
    taken = await services.ingest.take(report, sender)
    answer: dict[str, Any] = {
        "data": {"errors": {"postCount": amount}},
        "id": taken.recorded[0].reversed_unixtime,
        "warnings": [
            *report.warnings,
            *map(_warning, taken.refused),
            *_warn_of_unknown_fields(taken.decisions),
        ],
    }
    if taken.decisions:
        answer["notifications"] = [_decision_json(each, amount) for each in taken.decisions]
    return JsonAnswer(answer, 201)


def sender_of(request: Request) -> Sender:
    """Return who sent the request, for configs that are not for everybody."""
    headers = request.headers
    return Sender(headers.get("origin"), services_of(request).keys.is_master(headers))


def describe_request(request: Request) -> dict[str, str]:
    """Return the ``event`` of an occurrence: how it came in, without a key or a cookie."""
    client = request.client
    return {
        "method": request.method,
        "path": request.scope["path"],
        "remoteAddress": client.host if client else "",
        "userAgent": request.headers.get("user-agent", ""),
    }


def _decision_json(decision: Decision, amount: int) -> dict[str, Any]:
    shown = {
        "channel": decision.channel.label,
        "decision": decision.outcome,
        "reason": decision.reason,
    }
    return shown if amount == 1 else {**shown, "occurrences": decision.occurrences}


def _warning(decision: Decision) -> str:
    return f"{decision.channel.label}: {decision.reason}"


def _warn_of_unknown_fields(decisions: Sequence[Decision]) -> Iterator[str]:
    """Yield what is misspelt, or meant for another kind of channel: it has no effect."""
    for each in decisions:
        for name in each.channel.unknown_fields:
            yield f"{each.channel.label}: nothing knows the field {name}"


def spend_allowance(services: Services, rate_name: str, project: str, amount: int) -> None:
    """Take so many occurrences off what the key and the project may send, or off neither.

    Raises RateLimitedError.
    """
    _take(services.key_limiter, rate_name, amount, "this key")
    try:
        _take(services.project_limiter, project, amount, "this project")
    except RateLimitedError:
        # One project that is flooded must not use up what its key may send to the others.
        services.key_limiter.give_back(rate_name, amount)
        raise


def _take(limiter: RateLimiter, name: str, amount: int, what: str) -> None:
    wait_seconds = limiter.take(name, amount)
    if wait_seconds:
        problem = Problem(f"too many occurrences with {what}: try again in {wait_seconds} s")
        raise RateLimitedError(problem, retry_after_seconds=wait_seconds)
