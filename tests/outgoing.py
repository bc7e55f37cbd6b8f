"""The way out that ships, opened to the servers that tests run on loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from faultline_lite.destinations import Destinations
from faultline_lite.egress import Egress

#: Long enough for a loaded machine to answer, short enough to wait for what never does.
TIMEOUT_SECONDS = 0.5


@asynccontextmanager
async def open_way_out(timeout_seconds: float = 5.0) -> AsyncIterator[Egress]:
    egress = Egress(Destinations(["127.0.0.1"]), allow_http=True, timeout_seconds=timeout_seconds)
    try:
        yield egress
    finally:
        await egress.close()
