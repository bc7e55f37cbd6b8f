"""What a server takes of a machine: ``python -m tests.bench.footprint [--occurrences 1000000]``.

Mixed reports are those of many errors, a few of which make most of the noise; repeated ones are
those of an application with a few errors that do not stop. Both vary as in production
(``tests.bench.corpus``). They are posted over HTTP, and all of them are kept. The file is measured
once the server has come to rest, its search index merged, and has ended, which empties its log
into it.

Beside the start and the memory stand those of a route that does nothing, beside the bytes in the
file those that were posted.
"""

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import httpx
import msgspec

from tests.bench.corpus import Corpus
from tests.bench.servers import Server, run_null, run_ours
from tests.bench.table import Row, print_comparison

#: Errors of the repeated reports.
FEW_ERRORS = 20
#: Of the mixed reports, every error comes so often on average, as far as there are MANY_ERRORS.
OCCURRENCES_PER_ERROR = 5
MANY_ERRORS = 20_000
BATCH_ENTRIES = 50
CONNECTIONS = 4
STARTS = 5
CAUGHT_UP_SECONDS = 600.0


class Stored(NamedTuple):
    """What so many occurrences came to, each: in the file, and as they were posted."""

    file_bytes: float
    posted_bytes: float
    resident_bytes: int


def store(folder: Path, occurrences: int, errors: int) -> Stored:
    """Post so many occurrences to a server on a new database, and measure both."""
    batches = make_batches(Corpus(errors).entries(occurrences))
    # An error keeps 1,000 occurrences by default: what is let go would not be counted.
    with (
        run_ours(folder, FAULTLINE_LITE_MAX_OCCURRENCES_PER_ERROR="0") as server,
        httpx.Client(base_url=server.url, timeout=60.0) as client,
    ):
        with ThreadPoolExecutor(CONNECTIONS) as threads:
            # The next batches are made while these are under way, and no more of them.
            posted_bytes = sum(
                size
                for chunk in _chunks(batches)
                for size in threads.map(lambda batch: _post(client, *batch), chunk)
            )
        await_index(client)
        resident_bytes = server.resident_bytes()
        server.await_rest()
        # Empty pages go back with the next pass of retention, of which there is one a minute.
        client.post("/v0/prune").raise_for_status()
    file_bytes = (folder / "bench.db").stat().st_size
    return Stored(file_bytes / occurrences, posted_bytes / occurrences, resident_bytes)


def make_batches(reports: Iterable[tuple[str, dict[str, Any]]]) -> Iterator[tuple[str, list[Any]]]:
    """Yield projects with up to BATCH_ENTRIES entries, each of which holds its report's parts."""
    waiting: defaultdict[str, list[Any]] = defaultdict(list)
    for project, report in reports:
        (entry,) = report.pop("errors")
        waiting[project].append({**report, **entry})
        if len(waiting[project]) == BATCH_ENTRIES:
            yield project, waiting.pop(project)
    yield from waiting.items()


def measure_start(server: Server) -> float:
    """Return the seconds from when the process was begun until a report was answered by 201."""
    with httpx.Client(base_url=server.url) as client:
        _post(client, "bench", [{"message": "the first report of a day"}])
        return time.perf_counter() - server.started_at


def _post(client: httpx.Client, project: str, entries: list[Any]) -> int:
    body = msgspec.json.encode({"errors": entries})
    answer = client.post(f"/v0/projects/{project}/errors", content=body)
    answer.raise_for_status()
    return len(body)


def _chunks(batches: Iterator[tuple[str, list[Any]]]) -> Iterator[list[tuple[str, list[Any]]]]:
    while chunk := list(islice(batches, 4 * CONNECTIONS)):
        yield chunk


def await_index(client: httpx.Client) -> None:
    """Return once the search index has seen everything."""
    ends_at = time.monotonic() + CAUGHT_UP_SECONDS
    while time.monotonic() < ends_at:
        lines = client.get("/metrics").text.splitlines()
        name = "faultline_index_waiting_occurrences"
        if float(next(line for line in lines if line.startswith(name)).split()[1]) == 0:
            return
        time.sleep(0.5)
    raise TimeoutError("the search index did not catch up")


def compare_process(folder: Path) -> Iterator[Row]:
    """Yield the rows of a server that has been started on the database in ``folder``."""
    starts = []
    for _ in range(STARTS):
        with run_ours(folder) as ours:
            starts.append(measure_start(ours))
    with run_ours(folder) as ours:
        ours.await_rest()
        idle_bytes = ours.resident_bytes()
    null_starts = []
    for _ in range(STARTS):
        with run_null() as null:
            null_starts.append(measure_start(null))
            null_bytes = null.resident_bytes()
    yield Row("start to first 201", "s", median(starts), median(null_starts), "<= 0.6")
    yield Row("resident, idle", "MB", idle_bytes / 1e6, null_bytes / 1e6, "<= 70")


def compare_stored(mixed: Stored, repeated: Stored, occurrences: int) -> Iterator[Row]:
    """Yield the rows of the file."""
    counted = f"{occurrences:,} occurrences"
    yield Row(
        f"mixed: file, each of {counted}", "bytes", mixed.file_bytes, mixed.posted_bytes, "<= 1,300"
    )
    yield Row(
        f"repeated: file, each of {counted}",
        "bytes",
        repeated.file_bytes,
        repeated.posted_bytes,
        "<= 500",
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--occurrences", type=int, default=100_000, help="Of each kind.")
    options = parser.parse_args()
    occurrences = options.occurrences
    with (
        tempfile.TemporaryDirectory() as mixed_folder,
        tempfile.TemporaryDirectory() as repeated_folder,
    ):
        errors = min(MANY_ERRORS, occurrences // OCCURRENCES_PER_ERROR)
        mixed = store(Path(mixed_folder), occurrences, errors)
        repeated = store(Path(repeated_folder), occurrences, FEW_ERRORS)
        start, idle = compare_process(Path(mixed_folder))
    loaded = Row(
        f"resident after {occurrences:,} occurrences",
        "MB",
        mixed.resident_bytes / 1e6,
        idle.reference,
        "<= 150",
    )
    stored = compare_stored(mixed, repeated, occurrences)
    print_comparison("null route / posted", [start, idle, loaded, *stored])


if __name__ == "__main__":
    main()
