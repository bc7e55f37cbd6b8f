"""What is asked about the server itself."""

from starlette.requests import Request
from starlette.responses import Response

from faultline_lite import __version__
from faultline_lite.api.answers import JsonAnswer
from faultline_lite.api.openapi import OPENAPI
from faultline_lite.exceptions import DatabaseUnavailableError
from faultline_lite.http.services import services_of
from faultline_lite.store.search_index import get_lag


async def get_info(request: Request) -> Response:
    """Say which version this is, and the key that anyone may seal notification configs to."""
    told = {"version": __version__}
    pairs = services_of(request).key_store.pairs
    if pairs:
        told |= {"publicKey": pairs[0].public_key, "keyId": pairs[0].key_id}
    return JsonAnswer({"data": told})


async def get_health(request: Request) -> Response:
    """Answer 200 while a report could be stored, 503 otherwise."""
    problem = await services_of(request).health.find_problem()
    if problem is not None:
        raise DatabaseUnavailableError(problem)
    return JsonAnswer({"status": "ok"})


async def get_metrics(request: Request) -> Response:
    """Send the metrics in Prometheus' text format."""
    services = services_of(request)
    services.metrics.queue_bytes.set(services.database.queued_bytes)
    waiting, lag_seconds = await services.database.read(get_lag, services.clock.now_ms())
    services.metrics.index_waiting.set(waiting)
    services.metrics.index_lag_seconds.set(lag_seconds)
    for label, path in services.database.files.items():
        size_bytes = path.stat().st_size if path.exists() else 0
        services.metrics.database_bytes.labels(label).set(size_bytes)
    return Response(services.metrics.render(), media_type="text/plain; version=0.0.4")


async def get_openapi(_: Request) -> Response:
    """Send the description of this API."""
    return JsonAnswer(OPENAPI)
