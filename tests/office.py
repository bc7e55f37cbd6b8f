"""Everything between a report and its delivery, in the loop of the test and on its clock."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faultline_lite.app import start_services
from faultline_lite.database_file import prepare_database
from faultline_lite.http.services import Services
from faultline_lite.ingest import CLIENT, Taken
from faultline_lite.metrics import Metrics
from faultline_lite.models import Sender
from faultline_lite.protocols.faultline import decode_report
from faultline_lite.sealedbox import create_key_file
from faultline_lite.store.delivery_history import (
    Delivery,
    WaitingChannel,
    list_deliveries,
    list_waiting,
)
from tests.fakes import FakeClock
from tests.fakes.receiver import PATIENCE_SECONDS
from tests.reports import PROJECT
from tests.servers import make_config

#: What the tasks of couriers are called.
COURIER = "channel "


@dataclass(frozen=True)
class Office:
    """The parts of a server, its outbox at work, its periodic jobs not."""

    services: Services
    clock: FakeClock

    async def report(
        self,
        *messages: str,
        to: list[Any],
        project: str = PROJECT,
        sender: Sender = CLIENT,
        **fields: Any,
    ) -> Taken:
        """Take a report of errors with these messages; ``to`` are its configs."""
        entries = [{"type": "notice", "message": message, **fields} for message in messages]
        report = decode_report(
            json.dumps({"errors": entries, "notifications": to}).encode(),
            project=project,
            event={},
            received_ms=self.clock.now_ms(),
            max_entries=len(messages),
        )
        return await self.services.ingest.take(report, sender)

    async def rest(self, hanging: int = 0) -> None:
        """Return once every courier is asleep or gone, but for so many that hang."""

        def count() -> int:
            tasks = [each for each in asyncio.all_tasks() if each.get_name().startswith(COURIER)]
            for task in tasks:
                task.remove_done_callback(self._stir)
                task.add_done_callback(self._stir)
            return len(tasks) - hanging

        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.clock.until_asleep(count)

    def _stir(self, _: object) -> None:
        self.clock.wake_watchers()

    async def pass_time(self, seconds: float, hanging: int = 0) -> None:
        """Let so many seconds pass once the couriers are at rest, and let them come to rest."""
        await self.rest(hanging)
        await self.clock.advance(seconds)
        await self.rest(hanging)

    async def deliveries(self) -> list[Delivery]:
        """Return all deliveries, the one that changed last first."""
        page = await self.services.database.read(
            list_deliveries, project=None, state=None, limit=1000, after=None
        )
        return page.deliveries

    async def waiting(self) -> list[WaitingChannel]:
        """Return what waits in the outbox."""
        return await self.services.database.read(list_waiting, None)


@asynccontextmanager
async def open_office(folder: Path, clock: FakeClock, **settings: Any) -> AsyncIterator[Office]:
    """Open an office on the files in ``folder``, which may be those of an earlier one."""
    values = {"allow_hosts": ("127.0.0.1",), "allow_http": True, **settings}
    config = make_config(folder, **values)
    prepare_database(config.db)
    if not config.key_file.exists():
        create_key_file(config.key_file, clock.now_ms())
    services = await start_services(config, clock, Metrics())
    await services.outbox.start()
    try:
        yield Office(services, clock)
    finally:
        await services.outbox.stop(0)
        await services.egress.close()
        await services.database.close()
