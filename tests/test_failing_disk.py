"""A disk that fails in the middle of what is being recorded: refused, forgotten, and taken again.

The writer's cache is made so small that its pages go to the disk while the statements run, as they
do in production where a group is larger than the cache; so every one of them can fail.
"""

import itertools
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from faultline_lite.database import PAGE_BYTES
from tests.disks import failing_writes, fill_disk, small_disk
from tests.fakes import FakeClock
from tests.reports import error_path, errors_path, make_entry
from tests.servers import RunningServer, running_server
from tests.soundness import find_unsound

MESSAGES = [f"error {letter}" for letter in "abcdef"]
ENTRIES = 24
#: Of an entry: some 100 KB together are executed in the event loop, four times as much beside it.
LITTLE_BYTES, MUCH_BYTES = 2_000, 8_000
BEGIN = "BEGIN IMMEDIATE"
sizes = pytest.mark.parametrize("entry_bytes", [LITTLE_BYTES, MUCH_BYTES])
#: Where attempts ended: the thread, and what the statement does.
Ends = set[tuple[str, str]]


class Recording:
    """A server whose writer spills its pages at once, and what it executes."""

    def __init__(self, server: RunningServer, client: httpx.Client) -> None:
        self.database = server.services.database
        self.on_second_attempt: Callable[[], None] = lambda: None
        self._server = server
        self._client = client
        self._source = Random(3)  # noqa: S311 - it only has to be incompressible
        self._statements: list[tuple[str, str]] = []
        self.taken = 0
        server.run(self.database.write(self._watch))

    def post(self, entry_bytes: int) -> httpx.Response:
        """Post a report of all errors, each several times."""
        entries = [
            make_entry(message, text=self._source.randbytes(entry_bytes // 2).hex())
            for message in MESSAGES * (ENTRIES // len(MESSAGES))
        ]
        self._statements.clear()
        answer = self._client.post(errors_path(), json={"errors": entries})
        self.taken += answer.status_code == 201
        return answer

    def find_ends(self) -> Ends:
        """Return where the attempts ended that were made to store the last report."""
        attempts: list[tuple[str, str]] = []
        for thread, statement in self._statements:
            if statement == BEGIN:
                attempts.append((thread, ""))
            elif attempts and not statement.startswith(("ROLLBACK", "PRAGMA")):
                attempts[-1] = (thread, " ".join(statement.split()[:3]))
        return set(attempts)

    def health(self) -> int:
        """Return the status of the health page."""
        return self._client.get("/healthz").status_code

    def check(self) -> None:
        """Hold what the API counts, and what is stored, against what was taken."""
        times = ENTRIES // len(MESSAGES) * self.taken
        shown = [self._client.get(error_path(message)).json()["data"] for message in MESSAGES]
        with closing(sqlite3.connect(self.database.path)) as connection:
            numbered = connection.execute(
                "SELECT error_id, count, ordinal, bucket FROM occurrence ORDER BY error_id, count"
            ).fetchall()
            assert find_unsound(connection) == []

        assert [each["summary"]["count"] for each in shown] == [times] * len(MESSAGES)
        # All of them are of one second, and of one minute.
        numbers = [(number, number, number) for number in range(1, times + 1)]
        assert [row[1:] for row in numbered] == numbers * len(MESSAGES)

    def _watch(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA cache_size = 4")
        connection.set_trace_callback(self._note)

    def _note(self, statement: str) -> None:
        self._statements.append((threading.current_thread().name, statement))
        if [each for _, each in self._statements].count(BEGIN) == 2:
            self.on_second_attempt()

    def empty_log(self) -> None:
        """Have the log begin at its beginning again, without a byte."""
        self._server.run(self.database.truncate_log())


def fail_ever_later(
    recording: Recording, entry_bytes: int, limit_log: Callable[[int], AbstractContextManager[Any]]
) -> Ends:
    """Post while the log has room for ever more pages, until it suffices; return what failed."""
    failures: Ends = set()
    for pages in itertools.count():
        # What is remembered is of the last that was taken.
        assert recording.post(LITTLE_BYTES).status_code == 201
        recording.empty_log()
        with limit_log(pages * PAGE_BYTES):
            answer = recording.post(entry_bytes)
        if answer.status_code == 201:
            break
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        failures |= recording.find_ends()
    assert recording.health() == 200
    recording.check()
    return failures


def expect_failures(entry_bytes: int) -> Ends:
    """What is little begins in the event loop, and is committed in the thread at any rate."""
    statements = {"INSERT INTO occurrence", "UPDATE error SET"}
    expected = {("writer", each) for each in statements | {"COMMIT"}}
    return expected | {("server", each) for each in statements if entry_bytes == LITTLE_BYTES}


@sizes
def test_io_error_at_any_statement_is_as_if_nothing_had_been_posted(
    tmp_path: Path, clock: FakeClock, entry_bytes: int
) -> None:
    with running_server(tmp_path, clock) as server, server.client() as client:
        failures = fail_ever_later(Recording(server, client), entry_bytes, failing_writes)

    assert failures >= expect_failures(entry_bytes)


@sizes
def test_full_disk_at_any_statement_is_as_if_nothing_had_been_posted(
    tmp_path: Path, clock: FakeClock, entry_bytes: int
) -> None:
    with (
        small_disk(tmp_path / "disk", 16 * 2**20) as disk,
        running_server(disk, clock) as server,
        server.client() as client,
    ):

        @contextmanager
        def fill(leave_bytes: int) -> Iterator[None]:
            fill_disk(disk / "filler", leave_bytes)
            yield
            (disk / "filler").unlink()

        failures = fail_ever_later(Recording(server, client), entry_bytes, fill)

    assert failures >= expect_failures(entry_bytes)


def test_what_fails_in_the_event_loop_and_not_in_the_thread_is_counted_once(
    tmp_path: Path, clock: FakeClock
) -> None:
    with running_server(tmp_path, clock) as server, server.client() as client:
        recording = Recording(server, client)
        recording.post(LITTLE_BYTES)
        recording.empty_log()
        with ExitStack() as failing:
            failing.enter_context(failing_writes(4 * PAGE_BYTES))
            recording.on_second_attempt = failing.close
            again = recording.post(LITTLE_BYTES)
            ends = recording.find_ends()
        recording.post(LITTLE_BYTES)

        assert again.status_code == 201
        assert ends == {("server", "INSERT INTO occurrence"), ("writer", "COMMIT")}
        recording.check()


def test_health_does_not_change_with_every_report_that_finds_room_or_none(
    tmp_path: Path, clock: FakeClock
) -> None:
    with running_server(tmp_path, clock) as server, server.client() as client:
        recording = Recording(server, client)
        recording.post(LITTLE_BYTES)
        recording.empty_log()
        before = recording.health()
        posted, seen = [], []
        with failing_writes(60 * PAGE_BYTES):
            for entry_bytes in (4 * MUCH_BYTES, 100, 4 * MUCH_BYTES, 100):
                posted.append(recording.post(entry_bytes).status_code)
                seen.append(recording.health())
                server.run(clock.advance(1))
                seen.append(recording.health())
        server.run(clock.advance(1))
        after = recording.health()

    assert (before, after) == (200, 200)
    assert posted == [503, 201, 503, 201]
    assert set(seen) == {503}


def test_disk_is_tried_once_a_second_however_often_health_is_asked_for(
    tmp_path: Path, clock: FakeClock
) -> None:
    with running_server(tmp_path, clock) as server, server.client() as client:
        recording = Recording(server, client)
        recording.empty_log()
        with failing_writes(0):
            recording.post(LITTLE_BYTES)
            failing = recording.health()
        at_once = recording.health()
        server.run(clock.advance(1))

        assert (failing, at_once, recording.health()) == (503, 503, 200)
