"""What a running server consists of, handed to every request handler."""

from dataclasses import dataclass

from starlette.requests import Request

from faultline_lite.clock import Clock
from faultline_lite.config import Config
from faultline_lite.database import Database
from faultline_lite.egress.guard import Egress
from faultline_lite.health import Health
from faultline_lite.http.body import ByteBudget
from faultline_lite.http.keys import KeyRing
from faultline_lite.http.ratelimit import RateLimiter
from faultline_lite.ingest import Ingest
from faultline_lite.large_work import LargeWork
from faultline_lite.live import LiveTail
from faultline_lite.metrics import Metrics
from faultline_lite.notifications.outbox import Outbox
from faultline_lite.notifications.unsealing import Unsealer
from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.regroup.job import Regrouping
from faultline_lite.retention.passes import Retention
from faultline_lite.scheduler import Scheduler
from faultline_lite.sealedbox import KeyStore
from faultline_lite.search.indexing import Indexing
from faultline_lite.store.facets import FacetReader


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one server, wired by ``app``."""

    config: Config
    clock: Clock
    database: Database
    codec: PayloadCodec
    facets: FacetReader
    live: LiveTail
    ingest: Ingest
    health: Health
    large_work: LargeWork
    arriving: ByteBudget
    unsealer: Unsealer
    outbox: Outbox
    egress: Egress
    indexing: Indexing
    regrouping: Regrouping
    retention: Retention
    scheduler: Scheduler
    metrics: Metrics
    keys: KeyRing
    key_store: KeyStore
    key_limiter: RateLimiter
    project_limiter: RateLimiter


def services_of(request: Request) -> Services:
    """Return the services of the server that the request came to."""
    services: Services = request.app.state.services
    return services
