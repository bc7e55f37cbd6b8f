"""Put together what the pages of a server share."""

import secrets

from faultline_lite.http.ratelimit import RateLimiter
from faultline_lite.http.services import Services
from faultline_lite.store.ended_sessions import list_ended_sessions
from faultline_lite.web.assets import Assets
from faultline_lite.web.login import LOGIN_ATTEMPTS_PER_MINUTE
from faultline_lite.web.rendering import Renderer
from faultline_lite.web.sessions import MAX_REVOKED, Sessions
from faultline_lite.web.visits import Pages


async def make_pages(services: Services) -> Pages:
    """Return what the pages share, for a server of these services."""
    assets = Assets()
    ended = await services.database.read(list_ended_sessions, services.clock.now_ms(), MAX_REVOKED)
    return Pages(
        assets=assets,
        renderer=Renderer(assets),
        sessions=Sessions(_make_signing_key(services), ended),
        login_limiter=RateLimiter(LOGIN_ATTEMPTS_PER_MINUTE, services.clock.monotonic),
    )


def _make_signing_key(services: Services) -> bytes:
    master_key = services.config.master_api_key
    if master_key is None or not services.key_store.pairs:
        # Without a key file nothing secret outlives a restart, and without a key nobody logs in.
        return secrets.token_bytes(32)
    return services.key_store.identify(b"sessions of " + master_key.encode())
