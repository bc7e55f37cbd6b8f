"""What letting go costs a POST that comes in meanwhile: ``python -m tests.bench.retention``.

A database of many occurrences is loaded at half of what the server takes while nothing else
happens, and then while retention thins its errors, while projects are erased, and while the file is
brought to a smaller size and held there. Every measurement has a server and a copy of the database
of its own.
"""

import argparse
import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import httpx
import uvloop

from tests.bench.fill import fill
from tests.bench.ingest import Measured, measure
from tests.bench.servers import run_ours
from tests.bench.table import Row, print_comparison, print_table

CONNECTIONS = 16
#: Nothing goes but for what is measured.
NO_LIMITS = {
    f"FAULTLINE_LITE_{name}": "0"
    for name in (
        "RETENTION_DAYS",
        "MAX_OCCURRENCES_PER_ERROR",
        "MAX_DB_BYTES",
        "MIN_FREE_BYTES",
    )
}


class Scenario(NamedTuple):
    """What happens while reports come in: settings of the server, requests to it."""

    name: str
    settings: dict[str, str]
    act: Callable[[httpx.Client], object]


REST = Scenario("nothing happens", {}, lambda _: 0)


class Outcome(NamedTuple):
    """How reports fared, and what retention let go meanwhile."""

    measured: Measured
    occurrences: float


def run(original: Path, scenario: Scenario, rate: float, seconds: float) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(original, Path(folder) / "bench.db")
        # What the copy has left to be written would be written by the server's first checkpoint.
        os.sync()
        with (
            run_ours(Path(folder), **{**NO_LIMITS, **scenario.settings}) as server,
            httpx.Client(base_url=server.url, timeout=600) as client,
        ):
            acting = threading.Thread(target=scenario.act, args=(client,))
            acting.start()
            measured = measure(server, CONNECTIONS, seconds, rate)
            gone = read_gone(server.url)
            acting.join()
    return Outcome(measured, gone)


def read_gone(url: str) -> float:
    """Return how many occurrences the server has let go."""
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    name = "faultline_retention_occurrences_total"
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def erase_projects(client: httpx.Client) -> None:
    for project in client.get("/v0/projects").json()["data"]["projects"]:
        client.delete(f"/v0/projects/{project['name']}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--occurrences", type=int, default=100_000)
    parser.add_argument("--errors", type=int, default=300)
    parser.add_argument("--rate", type=float, help="Reports a second; half of the maximum.")
    parser.add_argument("--seconds", type=float, default=8.0, help="Of each measurement.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        uvloop.run(fill(Path(folder), options.occurrences, options.errors))
        original = Path(folder) / "bench.db"
        smaller = str(int(original.stat().st_size * 0.8))
        scenarios = (
            Scenario(
                "errors are thinned",
                {"FAULTLINE_LITE_MAX_OCCURRENCES_PER_ERROR": "20"},
                lambda client: client.post("/v0/prune"),
            ),
            Scenario("projects are erased", {}, erase_projects),
            Scenario("the file is shrunk", {"FAULTLINE_LITE_MAX_DB_BYTES": smaller}, lambda _: 0),
        )
        rate = options.rate
        if rate is None:
            rate = run(original, REST, 0.0, options.seconds).measured.requests_per_second / 2
        rows, gone = [], []
        for scenario in scenarios:
            idle = run(original, REST, rate, options.seconds)
            busy = run(original, scenario, rate, options.seconds)
            for name in ("p50_ms", "p99_ms"):
                ours, reference = getattr(busy.measured, name), getattr(idle.measured, name)
                what = f"{name[:3]} of POST while {scenario.name}"
                goal = "ratio <= 2" if name == "p99_ms" else ""
                rows.append(Row(what, "ms", ours, reference, goal))
            gone.append((scenario.name, f"{busy.occurrences:,.0f}"))
    print_comparison(f"at rest, {rate:,.0f} req/s", rows)
    print()
    print_table(("meanwhile", "occurrences let go"), gone)


if __name__ == "__main__":
    main()
