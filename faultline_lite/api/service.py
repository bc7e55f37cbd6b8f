"""What is asked about the server itself."""

import shutil
import sqlite3

from starlette.requests import Request
from starlette.responses import Response

from faultline_lite import __version__
from faultline_lite.api.answers import JsonAnswer
from faultline_lite.api.openapi import OPENAPI
from faultline_lite.exceptions import DatabaseUnavailableError
from faultline_lite.http.services import services_of
from faultline_lite.sentences import Sentence
from faultline_lite.store.search_index import get_lag

#: With less than this on the disk the next commit is likely to fail.
FULL_DISK_BYTES = 2**20


async def get_info(request: Request) -> Response:
    """Say which version this is, and the key that anyone may seal notification configs to."""
    told = {"version": __version__}
    pairs = services_of(request).key_store.pairs
    if pairs:
        told |= {"publicKey": pairs[0].public_key, "keyId": pairs[0].key_id}
    return JsonAnswer({"data": told})


async def get_health(request: Request) -> Response:
    """Answer 200 while a report could be stored, 503 otherwise."""
    database = services_of(request).database
    if shutil.disk_usage(database.path.parent).free < FULL_DISK_BYTES:
        raise DatabaseUnavailableError(Sentence("the disk is full"))
    if database.refusal is not None:
        raise DatabaseUnavailableError(database.refusal)
    if database.failure is not None:
        # Only a write can tell whether it is over; while all is well, none is spent on it.
        await database.write(_write_header)
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


def _write_header(connection: sqlite3.Connection) -> None:
    """Write a page that changes nothing for anybody: the user version, which we do not use."""
    connection.execute("PRAGMA user_version = 1")
