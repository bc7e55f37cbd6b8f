"""How a server behaves as it fills: ``python -m tests.bench.million --occurrences 10000 1000000``.

For each size a database is filled through the program's own ingest (``tests.bench.fill``), with
all defaults, and a server on it is asked what readers ask (``tests.bench.probes``): at rest, and
while reports come in at half the rate that it can take. A table shows milliseconds, with ratios to
the first size; others show the ingest and the bytes of the file by table.
"""

import argparse
import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.probes import PROBES, Reader, draw_from
from tests.bench.servers import Server, run_ours
from tests.bench.table import print_table

#: Requests of one probe.
REQUESTS = 40
LOAD_PATH = "/v0/projects/shop-00/errors"


@dataclass
class Measured:
    """One size: what filling said, and the milliseconds of each probe at rest and under load."""

    occurrences: int
    filling: dict[str, float]
    at_rest: dict[str, list[float]]
    under_load: dict[str, list[float]]
    load_rate: float
    resident_bytes: int
    bytes_by_table: dict[str, int]


def measure(folder: Path, occurrences: int) -> Measured:
    filling = _fill(folder, occurrences)
    sizes = _sizes(folder / "bench.db")
    with run_ours(folder) as server:
        at_rest = _probe(server.url)
        resident_bytes = server.resident_bytes()
        rate = _load(server, seconds=3)["requests_per_second"] / 2
        with _loading(server, rate):
            under_load = _probe(server.url)
    return Measured(occurrences, filling, at_rest, under_load, rate, resident_bytes, sizes)


def _fill(folder: Path, occurrences: int) -> dict[str, float]:
    if (folder / "filling.json").exists():
        known: dict[str, float] = json.loads((folder / "filling.json").read_text())
        return known
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.bench.fill", str(folder)]
    command += ["--occurrences", str(occurrences)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    (folder / "filling.json").write_text(output)
    filling: dict[str, float] = json.loads(output)
    return filling


def _probe(url: str) -> dict[str, list[float]]:
    """Return sorted milliseconds by probe; the probes take turns, so that all see the same."""
    reader = Reader(url)
    draw = draw_from(reader, 20170701)
    taken_ms: dict[str, list[float]] = {name: [] for name in PROBES}
    for number in range(REQUESTS + 2):
        for name, make_path in PROBES.items():
            path = make_path(draw)
            started = time.perf_counter()
            reader.read(path)
            # The first ones fill caches that a server in use has filled.
            if number >= 2:
                taken_ms[name].append((time.perf_counter() - started) * 1000)
    return {name: sorted(times) for name, times in taken_ms.items()}


def _load_command(server: Server, seconds: float, rate: float) -> list[str]:
    command = [sys.executable, "-m", "tests.bench.load", server.url + LOAD_PATH]
    return [*command, "--connections=16", f"--seconds={seconds:g}", f"--rate={rate:g}"]


def _load(server: Server, seconds: float, rate: float = 0.0) -> dict[str, Any]:
    command = _load_command(server, seconds, rate)
    result: dict[str, Any] = json.loads(subprocess.check_output(command, text=True))
    return result


@contextmanager
def _loading(server: Server, rate: float) -> Iterator[None]:
    """Have reports come in at that rate while the block runs."""
    with subprocess.Popen(_load_command(server, 600, rate), stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def _sizes(path: Path) -> dict[str, int]:
    """Return the bytes of each table with its indexes; empty where SQLite cannot tell."""
    with closing(sqlite3.connect(path)) as connection:
        try:
            rows = connection.execute(
                """
                SELECT coalesce(tbl_name, page.name), sum(pgsize) FROM dbstat AS page
                LEFT JOIN sqlite_master AS entry ON entry.name = page.name
                GROUP BY 1 ORDER BY 2 DESC
                """
            ).fetchall()
        except sqlite3.OperationalError:
            return {}
    return dict(rows)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--occurrences", type=int, nargs="+", default=[10_000])
    parser.add_argument("--folder", type=Path, default=Path("/tmp/faultline-bench"))  # noqa: S108
    parser.add_argument("--keep", action="store_true", help="Keep, and use again, what is filled.")
    options = parser.parse_args()
    results = []
    for occurrences in options.occurrences:
        folder = options.folder / str(occurrences)
        results.append(measure(folder, occurrences))
        if not options.keep:
            shutil.rmtree(folder)
    _print_filling(results)
    _print_sizes(results)
    _print_probes("at rest", results, [each.at_rest for each in results])
    _print_probes("while reports come in", results, [each.under_load for each in results])


def _print_filling(results: list[Measured]) -> None:
    print_table(
        ("filling", *(f"{each.occurrences:,}" for each in results)),
        [
            *(
                (name.replace("_", " "), *(f"{each.filling[name]:,.1f}" for each in results))
                for name in results[0].filling
            ),
            ("resident MB", *(f"{each.resident_bytes / 1e6:,.0f}" for each in results)),
            ("reports/s beside reads", *(f"{each.load_rate:,.0f}" for each in results)),
        ],
    )
    print()


def _print_sizes(results: list[Measured]) -> None:
    """Print bytes an occurrence, as filled."""
    names = list(dict.fromkeys(name for each in results for name in each.bytes_by_table))
    rows = [
        (name, *(f"{each.bytes_by_table.get(name, 0) / each.occurrences:,.1f}" for each in results))
        for name in names
    ]
    total = [sum(each.bytes_by_table.values()) / each.occurrences for each in results]
    headings = ("bytes an occurrence", *(f"{each.occurrences:,}" for each in results))
    print_table(headings, [*rows, ("all", *(f"{each:,.1f}" for each in total))])
    print()


def _print_probes(when: str, results: list[Measured], times: list[dict[str, list[float]]]) -> None:
    headings = [f"ms {when}"]
    for each in results:
        headings += [f"{each.occurrences:,}: p50", "p95"]
    headings += [f"p95 ratio to {results[0].occurrences:,}"] * (len(results) > 1)
    rows = []
    for name in PROBES:
        quantiles = [
            (own[name][len(own[name]) // 2], own[name][len(own[name]) * 95 // 100]) for own in times
        ]
        row = [name, *(f"{value:.1f}" for pair in quantiles for value in pair)]
        row += [f"{quantiles[-1][1] / quantiles[0][1]:.1f}"] * (len(results) > 1)
        rows.append(row)
    print_table(headings, rows)
    print()


if __name__ == "__main__":
    main()
