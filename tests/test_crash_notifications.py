"""`kill -9` anywhere between decision, claim, send and record: told once, or twice, never not."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.fakes import Answer, FakeServer, Request
from tests.reports import errors_path, make_report
from tests.servers import ServerProcess, server_process

pytestmark = pytest.mark.anyio

ENVIRONMENT = {
    "FAULTLINE_LITE_ALLOW_HOSTS": "127.0.0.1",
    "FAULTLINE_LITE_ALLOW_HTTP": "true",
    "FAULTLINE_LITE_BATCH_SECONDS": "0",
    "FAULTLINE_LITE_MAX_PER_HOUR": "600",
}
PATIENCE_SECONDS = 20.0
#: Reports of one round; each is an error of its own, and the channel of each round a fresh one.
REPORTS = 3


class Ledger(FakeServer):
    """A web hook that writes down what it was told; ``on_request`` runs before it answers."""

    def __init__(self) -> None:
        super().__init__(self._take)
        self.times_told: Counter[str] = Counter()
        self.deliveries: Counter[tuple[int, str]] = Counter()
        self.on_request: Callable[[], object] = lambda: None
        self._changed = asyncio.Event()

    def _take(self, request: Request) -> Answer:
        message = request.json
        for error in message["errors"]:
            assert error["occurrences"] == 1
            self.times_told[error["message"]] += 1
            self.deliveries[message["deliveryId"], error["message"]] += 1
        self._changed.set()
        self.on_request()
        return Answer(200)

    async def until_told(self, names: set[str]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while names - self.times_told.keys():
                self._changed.clear()
                await self._changed.wait()


async def post(process: ServerProcess, ledger: Ledger, number: int) -> set[str]:
    """Report errors until the process is gone; return the names of those that it acknowledged."""
    acknowledged = set()
    config = {"type": "webhook", "endpoint": f"{ledger.url}/{number}"}
    async with httpx.AsyncClient(base_url=process.url, trust_env=False) as client:
        for report in range(REPORTS):
            name = f"round {chr(97 + number)} report {chr(97 + report)}"
            try:
                answer = await client.post(
                    errors_path(), json=make_report(name, notifications=[config])
                )
            except httpx.TransportError:
                break
            assert answer.status_code == 201
            acknowledged.add(name)
    return acknowledged


def choose_moment(
    moment: float | None, kill: Callable[[], None], loop: asyncio.AbstractEventLoop
) -> Callable[[], object]:
    """Return what the ledger does when a message has arrived: kill before it answers, or after."""
    if moment is None:
        return lambda: None
    if moment == 0:
        return kill
    return lambda: loop.call_later(moment, kill)


async def test_killed_anywhere_every_acknowledged_notification_arrives(tmp_path: Path) -> None:
    ledger = Ledger()
    acknowledged: set[str] = set()
    loop = asyncio.get_running_loop()
    # None: as soon as the reports are acknowledged. Else so long after a message has arrived,
    # with 0 before it is answered.
    moments = [0.0, None, 0.0, 0.001, 0.002, 0.004, None]
    async with ledger.run():
        for number, moment in enumerate(moments):
            with server_process(tmp_path, environment=ENVIRONMENT) as process:
                killed = asyncio.Event()

                def kill(process: ServerProcess = process, killed: asyncio.Event = killed) -> None:
                    process.process.kill()
                    killed.set()

                ledger.on_request = choose_moment(moment, kill, loop)
                acknowledged |= await post(process, ledger, number)
                if moment is None:
                    kill()
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await killed.wait()
        ledger.on_request = lambda: None
        with server_process(tmp_path, environment=ENVIRONMENT):
            await ledger.until_told(acknowledged)

    assert len(acknowledged) > len(moments)
    # Told again is the same message again, and no more often than the process died.
    again = [count - 1 for count in ledger.deliveries.values()]
    assert len(ledger.deliveries) == len(ledger.times_told)
    assert 0 < sum(again) <= len(moments) * REPORTS
