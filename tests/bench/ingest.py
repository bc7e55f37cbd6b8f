"""How fast reports come in, beside a route that does nothing: ``python -m tests.bench.ingest``."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.servers import Server, run_null, run_ours
from tests.bench.table import print_table

PATH = "/v0/projects/bench/errors"
SECONDS = 5


def load(server: Server, **options: float) -> dict[str, Any]:
    flags = [f"--{name}={value:g}" for name, value in options.items()]
    command = [sys.executable, "-m", "tests.bench.load", server.url + PATH, *flags]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    print(command[3:], output, file=sys.stderr)
    result: dict[str, Any] = json.loads(output)
    return result


def main() -> None:
    rows = []
    with (
        tempfile.TemporaryDirectory() as folder,
        run_null() as null,
        run_ours(Path(folder)) as ours,
    ):
        load(ours, connections=16, seconds=3)
        for connections in (16, 64):
            nulls = load(null, connections=connections, seconds=SECONDS)
            oures = load(ours, connections=connections, seconds=SECONDS)
            rows.append(
                _row(
                    f"POST of 4 KB, {connections} connections",
                    "req/s",
                    oures["requests_per_second"],
                    nulls["requests_per_second"],
                )
            )
            rate = oures["requests_per_second"] / 2
            nulls = load(null, connections=connections, seconds=SECONDS, rate=rate)
            oures = load(ours, connections=connections, seconds=SECONDS, rate=rate)
            rows.append(
                _row(
                    f"p99 at {rate:.0f} req/s, {connections} connections",
                    "ms",
                    oures["p99_ms"],
                    nulls["p99_ms"],
                )
            )
            rows.append(
                _row(
                    f"p50 at {rate:.0f} req/s, {connections} connections",
                    "ms",
                    oures["p50_ms"],
                    nulls["p50_ms"],
                )
            )
            assert oures["refused"] == 0
        nulls = load(null, connections=4, seconds=SECONDS, entries=50)
        oures = load(ours, connections=4, seconds=SECONDS, entries=50)
        rows.append(
            _row(
                "POST of 50 entries, 4 connections",
                "occurrences/s",
                oures["requests_per_second"] * 50,
                nulls["requests_per_second"] * 50,
            )
        )
    print_table(("what", "unit", "ours", "null route", "ours / null"), rows)


def _row(what: str, unit: str, ours: float, null: float) -> tuple[str, ...]:
    digits = 0 if ours > 100 else 2
    return what, unit, f"{ours:,.{digits}f}", f"{null:,.{digits}f}", f"{ours / null:.2f}"


if __name__ == "__main__":
    main()
