"""How fast reports come in, beside a route that does nothing: ``python -m tests.bench.ingest``.

Both servers are measured one after the other at each step, so that what else the machine does is
much the same for both. CPU is that of the server's process, all that it does beside taking the
reports included; it varies less than rates do where the machine is busy.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.bench.load import WARM_UP_SECONDS
from tests.bench.servers import Server, run_null, run_ours
from tests.bench.table import Row, print_comparison

PATH = "/v0/projects/bench/errors"
#: Reports until the first dictionaries of the payloads have been trained, as in any server in use.
LEARNING_SECONDS = 8.0
BATCH_ENTRIES = 50


class Measured(NamedTuple):
    """What a load came to; CPU includes that of the load's warm-up, as do its requests."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


def measure(
    server: Server, connections: int, seconds: float, rate: float = 0.0, entries: int = 1
) -> Measured:
    """Load the server; ``rate`` of 0 is as fast as it answers. Fails where it refuses any."""
    command = [sys.executable, "-m", "tests.bench.load", server.url + PATH]
    command += [f"--connections={connections}", f"--seconds={seconds:g}"]
    command += [f"--rate={rate:g}", f"--entries={entries}"]
    cpu_seconds = -server.cpu_seconds()
    result = json.loads(subprocess.check_output(command, text=True))
    cpu_seconds += server.cpu_seconds()
    if result["refused"]:
        raise RuntimeError(f"{result['refused']} reports were refused")
    requests = result["requests_per_second"] * (seconds + WARM_UP_SECONDS)
    return Measured(
        result["requests_per_second"],
        result["p50_ms"],
        result["p99_ms"],
        cpu_seconds * 1e6 / requests / entries,
    )


def compare_single(ours: Server, null: Server, connections: int, seconds: float) -> Iterator[Row]:
    """Yield the rows of reports of one entry: at full speed, and at half of it."""
    where = f"{connections} connections"
    full, full_null = (measure(each, connections, seconds) for each in (ours, null))
    yield Row(
        f"POST of 4 KB, {where}",
        "req/s",
        full.requests_per_second,
        full_null.requests_per_second,
        "ratio >= 0.6",
    )
    yield Row(f"CPU of one, {where}", "us", full.cpu_us, full_null.cpu_us, "")
    rate = full.requests_per_second / 2
    half, half_null = (measure(each, connections, seconds, rate) for each in (ours, null))
    at_rate = f"at {rate:,.0f} req/s, {where}"
    yield Row(f"p50 {at_rate}", "ms", half.p50_ms, half_null.p50_ms, "")
    yield Row(f"p99 {at_rate}", "ms", half.p99_ms, half_null.p99_ms, "ratio <= 3")


def compare_batches(ours: Server, null: Server, seconds: float) -> Iterator[Row]:
    """Yield the rows of reports of many entries."""
    batches, null_batches = (
        measure(each, 4, seconds, entries=BATCH_ENTRIES) for each in (ours, null)
    )
    yield Row(
        f"POST of {BATCH_ENTRIES} entries, 4 connections",
        "occurrences/s",
        batches.requests_per_second * BATCH_ENTRIES,
        null_batches.requests_per_second * BATCH_ENTRIES,
        ">= 20,000",
    )
    yield Row("CPU of one of them", "us", batches.cpu_us, null_batches.cpu_us, "")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5.0, help="Of each measurement.")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        run_null() as null,
        run_ours(Path(folder)) as ours,
    ):
        measure(ours, 16, LEARNING_SECONDS)
        rows = [
            *compare_single(ours, null, 16, options.seconds),
            *compare_single(ours, null, 64, options.seconds),
            *compare_batches(ours, null, options.seconds),
        ]
    print_comparison("null route", rows)


if __name__ == "__main__":
    main()
