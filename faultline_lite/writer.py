"""The owner of the only connection that writes: what is to be written waits here for its turn.

Writes are committed in groups: while one group is made durable, what comes in waits, and goes
together into the next (SQLite's WAL mode, ``synchronous=FULL``: a commit returns when the log is on
disk). Little is executed in the event loop and only committed in the thread, which so works on the
disk without the interpreter's lock; much, and everything that is no group, is executed in the
thread as well. Executing all of it there was measured beside it: every statement lets go of the
lock, and beside a busy event loop takes milliseconds to get it back.
"""

import asyncio
import contextlib
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from queue import SimpleQueue
from typing import Any, NamedTuple, Protocol, TypeVar

from faultline_lite.exceptions import DatabaseUnavailableError
from faultline_lite.metrics import Metrics
from faultline_lite.sentences import Sentence, say

Item_contra = TypeVar("Item_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)

#: Items of one commit. More would only make the first of them wait longer.
MAX_GROUP_ITEMS = 256
#: A group of up to so many bytes is executed in the event loop: a millisecond or two.
MAX_LITTLE_BYTES = 128 * 1024
#: What may wait before a write is refused; keeps memory bounded on a stalled disk.
MAX_QUEUED_BYTES = 64 * 2**20
#: How long the thread waits for a foreign tool that holds the lock. The event loop never does.
BUSY_TIMEOUT_MS = 5000

#: The disk is full or broken, the file was made read-only, or a foreign tool holds the lock.
_UNAVAILABLE_CODES = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_BUSY,
}
#: A page of the file is not what it must be: that other writes succeed does not mend it.
_DAMAGED_CODES = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_logger = logging.getLogger(__name__)


class Handler(Protocol[Item_contra, Result_co]):
    """What writes items of one kind."""

    def execute(
        self, connection: sqlite3.Connection, items: Sequence[Item_contra]
    ) -> Sequence[Result_co]:
        """Write the items in the order of their submission; return a result for each."""

    def forget(self) -> None:
        """Forget what is remembered of the database.

        Called before ``execute`` where others have written since, or what was written is undone.
        """


class _Job(NamedTuple):
    handler: Handler[Any, Any]
    item: Any
    size_bytes: int
    future: "asyncio.Future[Any]"
    grouped: bool


class _Group(NamedTuple):
    """Jobs of one handler, to be committed together."""

    jobs: list[_Job]
    size_bytes: int

    @property
    def is_little(self) -> bool:
        """Whether executing it holds up the event loop less than handing it over."""
        return self.jobs[0].grouped and self.size_bytes <= MAX_LITTLE_BYTES

    @property
    def handler(self) -> Handler[Any, Any]:
        """What writes the items of all the jobs."""
        return self.jobs[0].handler


#: A job with its result, or with the exception that it ended in.
_Outcome = tuple[_Job, Any, Exception | None]


class Writer:
    """Writes with ``connection``, which nobody else uses from here on, until ``close``."""

    def __init__(self, connection: sqlite3.Connection, metrics: Metrics) -> None:
        self._connection = connection
        self._connection.execute("PRAGMA busy_timeout = 0")
        self._metrics = metrics
        self._waiting: deque[_Job] = deque()
        self._queued_bytes = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False
        self._failure: Sentence | None = None
        #: Writes that could not be taken, and why the last of them.
        self.failures = 0
        self.last_failure: Sentence | None = None
        #: Whether a write has come upon damage, for good.
        self.is_damaged = False
        self._last_handler: Handler[Any, Any] | None = None
        self._last_version = 0
        self._loop = asyncio.get_running_loop()
        self._work: SimpleQueue[Callable[[], list[_Outcome]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    @property
    def failure(self) -> Sentence | None:
        """Why the last write could not be taken, None where it was."""
        return self._failure

    @property
    def queued_bytes(self) -> int:
        """Bytes of the items that are not durable yet."""
        return self._queued_bytes

    async def submit(
        self, handler: Handler[Any, Any], item: Any, size_bytes: int, *, grouped: bool
    ) -> Any:
        """Have the handler write the item; return its result once durable.

        Where ``grouped``, other items that wait for the same handler may be with it. Raises what
        the handler raises, and DatabaseUnavailableError when the write could not be taken.
        """
        if self._closing:
            raise DatabaseUnavailableError(say("the server is shutting down"))
        if self._queued_bytes + size_bytes > MAX_QUEUED_BYTES:
            raise DatabaseUnavailableError(say("the disk is too slow for the load"), 1)
        future: asyncio.Future[Any] = self._loop.create_future()
        self._queued_bytes += size_bytes
        try:
            self._waiting.append(_Job(handler, item, size_bytes, future, grouped))
            if self._idle.is_set():
                self._idle.clear()
                # Not at once: other requests of this turn of the loop join the group.
                self._loop.call_soon(self._begin_next)
            return await future
        finally:
            self._queued_bytes -= size_bytes

    async def close(self) -> None:
        """Commit what waits, and end the thread; the connection is the caller's again."""
        self._closing = True
        # The last group's end begins the next, until nothing waits.
        await self._idle.wait()
        self._work.put(None)
        await self._loop.run_in_executor(None, self._thread.join)

    def translate(self, error: sqlite3.DatabaseError) -> Exception:
        """Return what callers see of a failed write: whether the store cannot be written now."""
        # What Python itself raises has no code.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code not in _UNAVAILABLE_CODES | _DAMAGED_CODES:
            return error
        self.is_damaged = self.is_damaged or code in _DAMAGED_CODES
        reason = say("the database cannot be written: {detail}", detail=error)
        # Said once, not for each of the thousands of reports that may be refused.
        if self._failure is None:
            _logger.error("%s; reports are refused until it can", reason)
        self._failure = self.last_failure = reason
        self.failures += 1
        return DatabaseUnavailableError(reason)

    def _begin_next(self) -> None:
        """Begin to write what waits, as the next group."""
        group = self._take_group()
        if group is None:
            self._idle.set()
        else:
            self._work.put(self._execute_here(group) or partial(self._write, group))

    def _take_group(self) -> _Group | None:
        """Return the first jobs that can be committed together, as many as make a group."""
        waiting = self._waiting
        if not waiting:
            return None
        jobs = [waiting.popleft()]
        size_bytes = jobs[0].size_bytes
        handler = jobs[0].handler
        while waiting and jobs[0].grouped and len(jobs) < MAX_GROUP_ITEMS:
            job = waiting[0]
            larger_bytes = size_bytes + job.size_bytes
            if job.handler is not handler or size_bytes <= MAX_LITTLE_BYTES < larger_bytes:
                break
            jobs.append(waiting.popleft())
            size_bytes = larger_bytes
        return _Group(jobs, size_bytes)

    def _execute_here(self, group: _Group) -> Callable[[], list[_Outcome]] | None:
        """Execute a little group; return what is left for the thread, None where that is all."""
        if not group.is_little:
            return None
        started = time.perf_counter()
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            results = self._execute(group)
        except Exception:  # noqa: BLE001 - whatever it is, the thread comes upon it again
            self._roll_back()
            return None
        return partial(self._commit, group, results, started)

    def _execute(self, group: _Group) -> Sequence[Any]:
        """Return a result for each of the jobs; the transaction stays open."""
        handler = group.handler
        # It changes when another connection writes (sqlite.org/pragma.html#pragma_data_version).
        # None should, but what is mended by hand must not be overruled by what is remembered.
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if handler is not self._last_handler or version != self._last_version:
            handler.forget()
        self._last_handler, self._last_version = handler, version
        return handler.execute(self._connection, [job.item for job in group.jobs])

    def _roll_back(self) -> None:
        self._last_handler = None
        _roll_back(self._connection)

    def _take_back(self, outcomes: list[_Outcome]) -> None:
        """Tell the callers what became of their jobs; then the next group has its turn."""
        for job, result, error in outcomes:
            if job.future.done():
                continue
            if error is None:
                job.future.set_result(result)
            else:
                job.future.set_exception(error)
        self._loop.call_soon(self._begin_next)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            outcomes = work()
            self._loop.call_soon_threadsafe(self._take_back, outcomes)

    def _commit(self, group: _Group, results: Sequence[Any], started: float) -> list[_Outcome]:
        """Commit what has been executed; write it anew where that fails."""
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            self._roll_back()
            return self._write(group)
        return self._note(group, results, started)

    def _write(self, group: _Group) -> list[_Outcome]:
        started = time.perf_counter()
        try:
            with self._transaction():
                results = self._execute(group)
        except Exception as error:  # noqa: BLE001 - it belongs to the caller, not to this thread
            if isinstance(error, sqlite3.DatabaseError):
                translated = self.translate(error)
                if translated is not error or isinstance(error, sqlite3.OperationalError):
                    return [(job, None, translated) for job in group.jobs]
            if len(group.jobs) == 1:
                return [(group.jobs[0], None, error)]
            # One item that cannot be stored must not take its neighbours along.
            alone = [_Group([job], job.size_bytes) for job in group.jobs]
            return [outcome for each in alone for outcome in self._write(each)]
        return self._note(group, results, started)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """Run the block in a transaction, waiting for whoever holds the lock of the file."""
        self._connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        try:
            with transaction(self._connection):
                yield
        except BaseException:
            self._last_handler = None
            raise
        finally:
            self._connection.execute("PRAGMA busy_timeout = 0")

    def _note(self, group: _Group, results: Sequence[Any], started: float) -> list[_Outcome]:
        self._metrics.commit_seconds.observe(time.perf_counter() - started)
        self._metrics.commit_items.observe(len(group.jobs))
        if self._failure is not None and not self.is_damaged:
            self._failure = None
            _logger.info("the database can be written again")
        return [(job, result, None) for job, result in zip(group.jobs, results, strict=True)]


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run the block in an IMMEDIATE transaction: committed at its end, rolled back if it raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        # A handler may have ended it, as a checkpoint must.
        if connection.in_transaction:
            connection.execute("COMMIT")
    except BaseException:
        _roll_back(connection)
        raise


def _roll_back(connection: sqlite3.Connection) -> None:
    # SQLite has rolled back by itself after some errors (sqlite.org/lang_transaction.html).
    if connection.in_transaction:
        connection.execute("ROLLBACK")
