"""kill -9 while retention is at work: what is there is sound, and the next pass goes on."""

import contextlib
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from random import Random

import httpx

from faultline_lite.database import connect
from faultline_lite.database_file import prepare_database
from faultline_lite.timekeys import MINUTE_MS
from faultline_lite.writer import transaction
from tests.servers import ServerProcess, server_process
from tests.soundness import find_unsound
from tests.stores import NOW_MS, make_occurrence, make_payload, record

#: From before anything has gone to after all has, however fast the machine is.
KILLED_AFTER_SECONDS = tuple(0.01 * 1.6**number for number in range(8))
ERRORS = 40
OCCURRENCES = 200
LIMITS = {
    "FAULTLINE_LITE_MAX_OCCURRENCES_PER_ERROR": "20",
    "FAULTLINE_LITE_RETENTION_DAYS": "0",
    "FAULTLINE_LITE_MAX_DB_BYTES": "0",
}


def fill(path: Path) -> None:
    """Store ERRORS errors of OCCURRENCES each, half of them in a project that is deleted."""
    prepare_database(path)
    source = Random(5)  # noqa: S311 - it only has to vary
    with closing(connect(path)) as connection, transaction(connection):
        for number in range(ERRORS):
            record(
                connection,
                *(
                    make_occurrence(
                        f"error {'x' * number}",
                        project="deleted" if number % 2 else "thinned",
                        timestamp_ms=NOW_MS + minute * MINUTE_MS,
                        payload=make_payload(text=source.randbytes(500).hex()),
                    )
                    for minute in range(OCCURRENCES)
                ),
            )


def read_counts(path: Path) -> tuple[list[tuple[int, int]], int]:
    """Return (count, minutes' sum) of the thinned project's errors, and the occurrences left."""
    with closing(sqlite3.connect(path)) as connection:
        assert find_unsound(connection) == []
        counts = connection.execute(
            """
            SELECT error.count, (SELECT sum(count) FROM timeline WHERE error_id = error.id)
            FROM project JOIN error ON error.project_id = project.id WHERE name = 'thinned'
            """
        ).fetchall()
        (left,) = connection.execute("SELECT count(*) FROM occurrence").fetchone()
    return counts, left


def prune_and_kill(server: ServerProcess, delay_seconds: float) -> None:
    def prune() -> None:
        with server.client() as client, contextlib.suppress(httpx.HTTPError):
            client.delete("/v0/projects/deleted")
            client.post("/v0/prune")

    pruning = threading.Thread(target=prune)
    pruning.start()
    pruning.join(delay_seconds)
    server.kill()
    pruning.join()


def test_kill_in_the_middle_leaves_a_sound_database(tmp_path: Path) -> None:
    path = tmp_path / "faultline.db"
    fill(path)
    everything = [(OCCURRENCES, OCCURRENCES)] * (ERRORS // 2)
    lefts = []
    for delay_seconds in KILLED_AFTER_SECONDS:
        with server_process(tmp_path, environment=LIMITS) as server:
            prune_and_kill(server, delay_seconds)
        counts, left = read_counts(path)
        lefts.append(left)

        assert counts == everything
    with server_process(tmp_path, environment=LIMITS) as server, server.client() as client:
        client.post("/v0/prune")
        server.stop()

    assert read_counts(path) == (everything, ERRORS // 2 * 18)
    assert lefts == sorted(lefts, reverse=True)
    # Some were killed in the middle of it.
    assert any(ERRORS // 2 * 18 < left < ERRORS * OCCURRENCES for left in lefts)
