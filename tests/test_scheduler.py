import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from faultline_lite.scheduler import Scheduler
from tests.fakes import FakeClock

Scenario = Callable[[FakeClock, Scheduler], Awaitable[None]]


def play(scenario: Scenario) -> None:
    async def run() -> None:
        clock = FakeClock()
        scheduler = Scheduler(clock)
        await scenario(clock, scheduler)
        await scheduler.stop(0)
        leftover = asyncio.all_tasks() - {asyncio.current_task()}

        assert leftover == set()

    asyncio.run(run())


class Recorder:
    """A job that notes when it ran, and waits for ``release`` where it is told to hang."""

    def __init__(self, clock: FakeClock, *, hangs: bool = False) -> None:
        self.clock = clock
        self.began: list[float] = []
        self.ended: list[float] = []
        self.release = asyncio.Event()
        if not hangs:
            self.release.set()

    async def run(self) -> None:
        self.began.append(self.clock.monotonic())
        await self.release.wait()
        self.ended.append(self.clock.monotonic())


def test_job_runs_periodically_and_each_at_its_own_pace() -> None:
    async def scenario(clock: FakeClock, scheduler: Scheduler) -> None:
        slow, fast = Recorder(clock), Recorder(clock)
        scheduler.add("slow", 10, slow.run)
        scheduler.add("fast", 4, fast.run, first_after_seconds=0)
        scheduler.start()
        await clock.advance(20)

        assert slow.began == [10, 20]
        assert fast.began == [0, 4, 8, 12, 16, 20]

    play(scenario)


def test_woken_job_runs_at_once_and_then_after_its_period() -> None:
    async def scenario(clock: FakeClock, scheduler: Scheduler) -> None:
        job = Recorder(clock)
        scheduler.add("job", 10, job.run)
        scheduler.start()
        await clock.advance(3)
        scheduler.wake("job")
        await clock.advance(10)

        assert job.began == [3, 13]

    play(scenario)


def test_long_run_neither_overlaps_itself_nor_makes_up_for_missed_ticks() -> None:
    async def scenario(clock: FakeClock, scheduler: Scheduler) -> None:
        job, other = Recorder(clock, hangs=True), Recorder(clock)
        scheduler.add("job", 10, job.run)
        scheduler.add("other", 10, other.run)
        scheduler.start()
        await clock.advance(45)
        job.release.set()
        await clock.advance(10)

        assert job.began == [10, 55]
        assert other.began == [10, 20, 30, 40, 50]

    play(scenario)


def test_wake_during_a_run_leads_to_exactly_one_more() -> None:
    async def scenario(clock: FakeClock, scheduler: Scheduler) -> None:
        job = Recorder(clock, hangs=True)
        scheduler.add("job", 10, job.run)
        scheduler.start()
        await clock.advance(12)
        scheduler.wake("job")
        scheduler.wake("job")
        job.release.set()
        await clock.advance(5)

        assert job.began == [10, 12]

    play(scenario)


def test_failing_job_is_logged_with_its_traceback_and_stops_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario(clock: FakeClock, scheduler: Scheduler) -> None:
        runs: list[float] = []

        async def fail() -> None:
            runs.append(clock.monotonic())
            raise RuntimeError("disk on fire")

        other = Recorder(clock)
        scheduler.add("fragile", 10, fail)
        scheduler.add("other", 10, other.run)
        scheduler.start()
        await clock.advance(20)

        assert runs == other.began == [10, 20]

    play(scenario)

    assert [(each.levelno, "fragile" in each.message) for each in caplog.records] == [
        (logging.ERROR, True)
    ]
    assert "disk on fire" in caplog.text


def test_failure_is_logged_again_where_it_is_another_or_a_run_was_well_between(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ends = iter(["fire", "fire", "flood", None, "flood"])

    async def scenario(clock: FakeClock, scheduler: Scheduler) -> None:
        async def run() -> None:
            if (end := next(ends)) is not None:
                raise RuntimeError(end)

        scheduler.add("fragile", 10, run)
        scheduler.start()
        await clock.advance(50)

    play(scenario)

    causes = [each.exc_info[1] for each in caplog.records if each.exc_info is not None]
    assert list(map(str, causes)) == ["fire", "flood", "flood"]


def test_failure_that_is_known_is_told_and_not_logged_and_the_job_runs_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failed: list[str] = []

    async def run() -> list[float]:
        clock = FakeClock()
        scheduler = Scheduler(clock, known=(LookupError,), on_failure=failed.append)
        job = Recorder(clock)

        async def fail() -> None:
            await job.run()
            raise KeyError

        scheduler.add("fragile", 10, fail)
        scheduler.start()
        await clock.advance(20)
        await scheduler.stop(0)
        return job.ended

    assert asyncio.run(run()) == [10, 20]
    assert failed == ["fragile", "fragile"]
    assert caplog.records == []


def test_stop_lets_a_running_job_finish_and_starts_no_other() -> None:
    async def scenario(clock: FakeClock, scheduler: Scheduler) -> None:
        job, idle = Recorder(clock, hangs=True), Recorder(clock)
        scheduler.add("job", 10, job.run)
        scheduler.add("idle", 100, idle.run)
        scheduler.start()
        await clock.advance(10)
        stopping = asyncio.ensure_future(scheduler.stop(60))
        await clock.settle()
        job.release.set()
        await stopping

        assert (job.began, job.ended, idle.began) == ([10], [10], [])

    play(scenario)


def test_stop_cuts_off_a_job_that_outlasts_its_grace() -> None:
    async def scenario(clock: FakeClock, scheduler: Scheduler) -> None:
        job = Recorder(clock, hangs=True)
        scheduler.add("job", 10, job.run)
        scheduler.start()
        await clock.advance(10)
        await scheduler.stop(0)

        assert (job.began, job.ended) == ([10], [])

    play(scenario)


def test_waking_an_unknown_job_is_an_error() -> None:
    async def scenario(_clock: FakeClock, scheduler: Scheduler) -> None:
        with pytest.raises(KeyError, match="unknown"):
            scheduler.wake("unknown")

    play(scenario)
