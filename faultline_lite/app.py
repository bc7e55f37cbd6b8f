"""Put the server together: its parts, routes and periodic jobs, their beginning and end."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from faultline_lite.api.answers import (
    answer_disconnect,
    answer_failure,
    answer_http_exception,
    answer_no_room,
    answer_request_error,
    answer_unavailable,
)
from faultline_lite.api.routes import make_routes as make_api_routes
from faultline_lite.census import Census
from faultline_lite.clock import Clock, SystemClock
from faultline_lite.config import Config
from faultline_lite.database import CHECKPOINT_SECONDS, Database
from faultline_lite.egress.guard import make_egress
from faultline_lite.exceptions import (
    DatabaseUnavailableError,
    DatabaseUnusableError,
    FaultlineError,
    NoRoomError,
    RequestError,
)
from faultline_lite.health import Health
from faultline_lite.http.body import MAX_ARRIVING_BYTES, ByteBudget
from faultline_lite.http.keys import KeyRing
from faultline_lite.http.ratelimit import RateLimiter
from faultline_lite.http.routing import Edge
from faultline_lite.http.services import Services
from faultline_lite.ingest import Ingest
from faultline_lite.large_work import LargeWork
from faultline_lite.live import LiveTail
from faultline_lite.metrics import Metrics
from faultline_lite.notifications.attempt import Tools
from faultline_lite.notifications.delivery_plan import Limits
from faultline_lite.notifications.outbox import LOOK_AROUND_SECONDS, MAX_SENDING, Outbox
from faultline_lite.notifications.unsealing import Unsealer
from faultline_lite.notifiers.turns import Turns
from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.payloads.recompression import Recompression
from faultline_lite.payloads.training import PayloadTraining
from faultline_lite.regroup.job import Regrouping
from faultline_lite.retention.passes import Retention
from faultline_lite.scheduler import Scheduler
from faultline_lite.sealedbox import KeyStore
from faultline_lite.search.indexing import Indexing
from faultline_lite.store.dictionaries import list_dictionaries
from faultline_lite.store.facets import FacetReader
from faultline_lite.web.composition import make_pages
from faultline_lite.web.page import is_for_page, refuse
from faultline_lite.web.routes import make_routes as make_page_routes

#: What is under way may take so long at a shutdown before it is cut off; containers are killed
#: after ten seconds.
SHUTDOWN_SECONDS = 5.0


def create_app(config: Config, clock: Clock | None = None) -> Edge:
    """Return the ASGI application on a database file that ``prepare_database`` has prepared."""
    metrics = Metrics()
    clock = clock or SystemClock()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        try:
            services = await start_services(config, clock, metrics)
            app.state.services = services
            app.state.pages = await make_pages(services)
        except sqlite3.DatabaseError as error:
            hint = "`faultline-lite check` looks further"
            app.state.failure = DatabaseUnusableError(
                f"{config.db} cannot be used: {error}; {hint}"
            )
            raise app.state.failure from error
        services.scheduler.start()
        await services.outbox.start()
        try:
            yield
        finally:
            await services.scheduler.stop(SHUTDOWN_SECONDS)
            await services.outbox.stop(SHUTDOWN_SECONDS)
            await services.egress.close()
            services.large_work.close()
            await services.database.close()

    api_routes = make_api_routes()
    app = Starlette(
        routes=[*api_routes, *make_page_routes()],
        lifespan=lifespan,
        exception_handlers={
            RequestError: answer_request_error,
            DatabaseUnavailableError: answer_unavailable,
            NoRoomError: answer_no_room,
            ClientDisconnect: answer_disconnect,
            HTTPException: _answer_http_exception,
            Exception: _answer_failure,
        },
    )
    # A redirect would lose the body, and would be made from a path that is still encoded.
    app.router.redirect_slashes = False
    # Reports come by the first.
    return Edge(app, metrics, shortest=api_routes[0])


def end_streams(app: Edge) -> None:
    """End what would never end by itself, when a shutdown begins."""
    services: Services = app.app.state.services
    services.live.close()


def start_failure(app: Edge) -> FaultlineError | None:
    """Return what kept the application from starting, where a user can mend it."""
    failure: FaultlineError | None = getattr(app.app.state, "failure", None)
    return failure


async def start_services(config: Config, clock: Clock, metrics: Metrics) -> Services:
    """Open the database and return the parts of a server around it, its jobs not yet started."""
    database = Database(config.db, config.durability, metrics)
    codec = PayloadCodec()
    for dictionary_id, content in await database.read(list_dictionaries):
        codec.add_dictionary(dictionary_id, content)
    key_store = KeyStore(config.key_file)
    unsealer = Unsealer(key_store, config.plain_configs)
    egress = make_egress(config)
    outbox = Outbox(
        Tools(
            clock=clock,
            database=database,
            codec=codec,
            unsealer=unsealer,
            http=egress,
            turns=Turns(),
            places=asyncio.Semaphore(MAX_SENDING),
            limits=Limits(config.batch_seconds, config.max_per_hour),
            public_url=config.public_url,
            metrics=metrics,
        )
    )
    live = LiveTail()
    large_work = LargeWork()
    ingest = Ingest(
        config, database, codec, metrics, unsealer.name_channels, outbox.wake, live, large_work
    )
    # The writer says once that nothing can be written, and not each second each job.
    scheduler = Scheduler(
        clock,
        known=(DatabaseUnavailableError,),
        on_failure=lambda job: metrics.job_failures.labels(job).inc(),
    )
    recompression = Recompression(database, codec, lambda: scheduler.wake("recompress"))
    training = PayloadTraining(database, codec, clock, recompression.begin)
    indexing = Indexing(database, codec, clock, lambda: scheduler.wake("index"))
    census = Census(database, codec, lambda: scheduler.wake("census"))
    retention = Retention(config, database, clock, metrics, census)

    def index_moved() -> None:
        indexing.upkeep.look_soon()
        scheduler.wake("index")

    regrouping = Regrouping(
        config, database, codec, clock, lambda: scheduler.wake("regroup"), index_moved
    )
    scheduler.add("checkpoint", CHECKPOINT_SECONDS, database.checkpoint)
    scheduler.add("index", 1.0, indexing.run)
    scheduler.add("census", 2.0, census.run)
    scheduler.add("train", 1.0, training.run)
    scheduler.add("recompress", 60.0, recompression.run)
    scheduler.add("retention", 60.0, retention.run)
    scheduler.add("erase", 3600.0, retention.erase_deleted)
    scheduler.add("regroup", 60.0, regrouping.run, first_after_seconds=1.0)
    scheduler.add("outbox", LOOK_AROUND_SECONDS, outbox.look_around)
    if config.max_db_bytes > 0 or config.min_free_bytes > 0:
        scheduler.add("size", 1.0, retention.hold_size)
    return Services(
        config=config,
        clock=clock,
        database=database,
        codec=codec,
        facets=FacetReader(codec),
        live=live,
        ingest=ingest,
        health=Health(database, clock),
        large_work=large_work,
        arriving=ByteBudget(MAX_ARRIVING_BYTES),
        unsealer=unsealer,
        outbox=outbox,
        egress=egress,
        indexing=indexing,
        regrouping=regrouping,
        retention=retention,
        scheduler=scheduler,
        metrics=metrics,
        keys=KeyRing(config),
        key_store=key_store,
        key_limiter=RateLimiter(config.rate_limit_per_key, clock.monotonic),
        project_limiter=RateLimiter(config.rate_limit_per_project, clock.monotonic),
    )


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    answer = refuse if is_for_page(request) else answer_http_exception
    return await answer(request, error)


async def _answer_failure(request: Request, error: Exception) -> Response:
    answer = refuse if is_for_page(request) else answer_failure
    return await answer(request, error)
