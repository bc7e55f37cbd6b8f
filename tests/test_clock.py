import asyncio
import time

from faultline_lite.clock import SystemClock


def test_system_clock_tells_the_machines_time() -> None:
    clock = SystemClock()

    before_ms, before = time.time_ns() // 1_000_000, time.monotonic()
    now_ms, now = clock.now_ms(), clock.monotonic()

    assert before_ms <= now_ms <= time.time_ns() // 1_000_000
    assert before <= now <= time.monotonic()


def test_sleeping_no_time_returns() -> None:
    asyncio.run(SystemClock().sleep(0))
