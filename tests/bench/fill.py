"""Fill a database as a server would, without HTTP: ``python -m tests.bench.fill FOLDER``.

Retention and all jobs run with their defaults. Prints one JSON object: how fast reports came in,
and how far the search index was behind at the end.
"""

import argparse
import asyncio
import json
import time
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import msgspec
import uvloop

from faultline_lite.app import start_services
from faultline_lite.clock import SystemClock
from faultline_lite.config import Config
from faultline_lite.database_file import prepare_database
from faultline_lite.http.services import Services
from faultline_lite.metrics import Metrics
from faultline_lite.protocols.faultline import decode_report
from faultline_lite.store.search_index import get_lag
from tests.bench.corpus import Corpus

#: Reports that are under way at once.
CONCURRENT = 256
#: Reports that are made ahead, so that making them does not count.
AHEAD = 8192
DAYS = 30
DAY_MS = 86_400_000


class _PastClock(SystemClock):
    """A clock that shows when the occurrence that comes in would have come in."""

    def __init__(self) -> None:
        super().__init__()
        self.shown_ms = super().now_ms() - DAYS * DAY_MS

    def now_ms(self) -> int:
        return self.shown_ms


@dataclass
class Filling:
    """What the filling of a database has come to."""

    taken: int = 0
    seconds: float = 0.0
    waiting: int = 0
    catch_up_seconds: float = 0.0
    rates: list[float] = field(default_factory=list)


async def fill(folder: Path, occurrences: int, errors: int, *, indexed: bool = True) -> Filling:
    """Fill ``folder / "bench.db"``, as if the occurrences had come in over the last DAYS days."""
    config = Config(db=folder / "bench.db", key_file=folder / "bench.key")
    prepare_database(config.db)
    clock = _PastClock()
    services = await start_services(config, clock, Metrics())
    if indexed:
        services.scheduler.start()
    filling = Filling()
    reports = Corpus(errors).entries(occurrences)
    try:
        while bodies := [
            (project, msgspec.json.encode(report)) for project, report in islice(reports, AHEAD)
        ]:
            started = time.perf_counter()
            await _take(services, clock, bodies, DAYS * DAY_MS / occurrences)
            seconds = time.perf_counter() - started
            filling.taken += len(bodies)
            filling.seconds += seconds
            filling.rates.append(len(bodies) / seconds)
        if indexed:
            await _catch_up(services, filling)
    finally:
        await services.scheduler.stop(10.0)
        await services.database.close()
        services.large_work.close()
        await services.egress.close()
    return filling


async def _take(
    services: Services, clock: _PastClock, bodies: list[tuple[str, bytes]], step_ms: float
) -> None:
    start_ms = clock.now_ms()
    waiting = iter(enumerate(bodies, 1))

    async def take_some() -> None:
        for number, (project, body) in waiting:
            clock.shown_ms = start_ms + int(number * step_ms)
            report = decode_report(
                body,
                project=project,
                event={"method": "POST", "path": f"/v0/projects/{project}/errors"},
                received_ms=clock.now_ms(),
                max_entries=1000,
            )
            await services.ingest.take(report)

    await asyncio.gather(*(take_some() for _ in range(CONCURRENT)))


async def _catch_up(services: Services, filling: Filling) -> None:
    """Wait until the index has caught up, and is merged."""
    started = time.perf_counter()
    filling.waiting, _ = await services.database.read(get_lag, 0)
    while (await services.database.read(get_lag, 0))[0]:  # noqa: ASYNC110 - it is in the store
        await asyncio.sleep(0.05)
    filling.catch_up_seconds = time.perf_counter() - started
    # It is to be merged before anything is measured.
    await services.indexing.catch_up()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--occurrences", type=int, default=10_000)
    parser.add_argument("--errors", type=int, default=20_000)
    parser.add_argument("--without-index", action="store_true")
    options = parser.parse_args()
    filling = uvloop.run(
        fill(options.folder, options.occurrences, options.errors, indexed=not options.without_index)
    )
    rates = filling.rates
    print(
        json.dumps(
            {
                "occurrences_per_second": filling.taken / filling.seconds,
                "first_rate": rates[0],
                "last_rate": rates[-1],
                "index_waiting": filling.waiting,
                "catch_up_seconds": filling.catch_up_seconds,
            }
        )
    )


if __name__ == "__main__":
    main()
