"""The way out that ships, opened to the servers that tests run on loopback."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from faultline_lite.egress.destinations import Destinations
from faultline_lite.egress.guard import Egress

#: Trusts nobody. Reading the authorities takes longer than most tests, and these servers are not
#: encrypted.
NO_TRUST = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@asynccontextmanager
async def open_way_out(timeout_seconds: float = 5.0) -> AsyncIterator[Egress]:
    egress = Egress(
        Destinations(["127.0.0.1"]),
        allow_http=True,
        ssl_context=NO_TRUST,
        timeout_seconds=timeout_seconds,
        process_timeout_seconds=60,
    )
    try:
        yield egress
    finally:
        await egress.close()
