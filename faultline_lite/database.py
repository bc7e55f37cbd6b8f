"""The boundary between asyncio and SQLite: one writer thread, readers on threads of their own.

Coroutines cross it with ``read``, ``write`` and ``write_grouped`` only. It knows nothing of what
is stored: the queries are in ``store``.

Writes are committed in groups. The writer thread takes all that waits, hands consecutive items of
one kind to their handler in one call, and commits once (SQLite's WAL mode, ``synchronous=FULL``:
a commit returns when the log is on disk). Executing in the event loop and committing in a thread
was measured beside it: no faster once a group takes a handful of statements, and a slow disk then
holds up every request.
"""

import asyncio
import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Concatenate, Literal, NamedTuple, ParamSpec, TypeVar

from faultline_lite.exceptions import DatabaseUnavailableError
from faultline_lite.metrics import Metrics

P = ParamSpec("P")
T = TypeVar("T")
Item = TypeVar("Item")
Durability = Literal["full", "normal"]

#: Pages of 8 KB: as quick as 4 and 16 KB, half the write amplification of 16, and compressed
#: payloads of up to 2 KB need no overflow page.
PAGE_BYTES = 8192
#: Items of one commit. More would only make the first of them wait longer.
MAX_GROUP_ITEMS = 256
#: What may wait for the writer before a write is refused; keeps memory bounded on a stalled disk.
MAX_QUEUED_BYTES = 64 * 2**20
#: Past this the writer itself empties the log; below it the background checkpoint suffices.
MAX_WAL_BYTES = 64 * 2**20
READER_THREADS = 4

#: The disk is full or broken, the file was made read-only, or a foreign tool holds the lock.
_UNAVAILABLE_CODES = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_BUSY,
}
_logger = logging.getLogger(__name__)


class _Job(NamedTuple):
    handler: Callable[[sqlite3.Connection, Sequence[Any]], Sequence[Any]]
    item: Any
    size_bytes: int
    future: "asyncio.Future[Any]"
    grouped: bool


class Database:
    """An open database file with its writer thread and reader threads.

    ``path`` is a file that ``open_database`` has prepared.
    """

    def __init__(self, path: Path, durability: Durability, metrics: Metrics) -> None:
        self.path = path
        self._durability = durability
        self._metrics = metrics
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._queued_bytes = 0
        self._closing = False
        self._failure: str | None = None
        self._loop = asyncio.get_running_loop()
        self._readers = ThreadPoolExecutor(READER_THREADS, thread_name_prefix="reader")
        self._maintenance = ThreadPoolExecutor(1, thread_name_prefix="maintenance")
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._writer_connection = self._connect_writer()
        self._writer = threading.Thread(target=self._run_writer, name="writer", daemon=True)
        self._writer.start()

    async def read(
        self,
        function: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run ``function(connection, ...)`` on a reader thread and return what it returns."""

        def run() -> T:
            return function(self._reader_connection(), *args, **kwargs)

        return await self._loop.run_in_executor(self._readers, run)

    async def maintain(
        self,
        function: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Like ``read``, on the thread for long work such as backups, so that pages never wait."""

        def run() -> T:
            return function(self._reader_connection(), *args, **kwargs)

        return await self._loop.run_in_executor(self._maintenance, run)

    async def write(
        self,
        function: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run ``function(connection, ...)`` in a transaction of its own; return once committed.

        Raises what the function raises, with nothing written, and DatabaseUnavailableError when
        the write could not be taken.
        """

        def handler(connection: sqlite3.Connection, _: Sequence[None]) -> list[T]:
            return [function(connection, *args, **kwargs)]

        return await self._submit(handler, None, 0, grouped=False)  # type: ignore[no-any-return]

    async def write_grouped(
        self,
        handler: Callable[[sqlite3.Connection, Sequence[Item]], Sequence[T]],
        item: Item,
        size_bytes: int,
    ) -> T:
        """Have ``handler(connection, items)`` store the item together with others that wait.

        ``handler`` gets items in the order of submission and returns one result for each;
        ``size_bytes`` is what the item holds in memory. Returns the item's result once it is
        durable. Raises DatabaseUnavailableError when the write could not be taken.
        """
        return await self._submit(handler, item, size_bytes, grouped=True)  # type: ignore[no-any-return]

    @property
    def failure(self) -> str | None:
        """Why the last write could not be taken, None where it was."""
        return self._failure

    @property
    def files(self) -> dict[str, Path]:
        """The files that the database consists of, by what they are."""
        return {"database": self.path, "log": self.path.with_name(f"{self.path.name}-wal")}

    @property
    def queued_bytes(self) -> int:
        """Bytes of the items that wait for the writer."""
        return self._queued_bytes

    async def checkpoint(self) -> None:
        """Copy the log into the database file beside the writer; empty it once it has grown.

        A passive checkpoint blocks nobody but may never reach the end of the log under constant
        load (sqlite.org/wal.html, "Avoiding Excessively Large WAL Files"), so that past
        MAX_WAL_BYTES the writer does the small rest between two groups.
        """
        _, log_pages, _ = await self._loop.run_in_executor(
            self._maintenance, lambda: _checkpoint(self._reader_connection(), "PASSIVE")
        )
        if log_pages * PAGE_BYTES > MAX_WAL_BYTES:
            await self._submit(_empty_log, None, 0, grouped=False)

    async def close(self) -> None:
        """Commit what waits, empty the log and close every connection."""
        if self._closing:
            return
        self._closing = True
        self._queue.put(None)
        await self._loop.run_in_executor(None, self._writer.join)
        self._readers.shutdown(wait=True)
        self._maintenance.shutdown(wait=True)
        for connection in self._connections:
            connection.close()

    async def _submit(
        self,
        handler: Callable[[sqlite3.Connection, Sequence[Any]], Sequence[Any]],
        item: Any,
        size_bytes: int,
        *,
        grouped: bool,
    ) -> Any:
        if self._closing:
            raise DatabaseUnavailableError("the server is shutting down")
        if self._queued_bytes + size_bytes > MAX_QUEUED_BYTES:
            raise DatabaseUnavailableError("the disk is too slow for the load", 1)
        future: asyncio.Future[Any] = self._loop.create_future()
        self._queued_bytes += size_bytes
        try:
            self._queue.put(_Job(handler, item, size_bytes, future, grouped))
            return await future
        finally:
            self._queued_bytes -= size_bytes

    def _connect_writer(self) -> sqlite3.Connection:
        connection = connect(self.path)
        connection.execute(f"PRAGMA synchronous = {self._durability.upper()}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA journal_size_limit = 0")
        connection.execute("PRAGMA cache_size = -16384")
        return connection

    def _reader_connection(self) -> sqlite3.Connection:
        """Return this thread's own connection, opened at its first use."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = connect(self.path)
            connection.execute("PRAGMA query_only = ON")
            self._connections.append(connection)
        return connection

    def _run_writer(self) -> None:
        connection = self._writer_connection
        while jobs := self._take():
            for (handler, grouped), run in groupby(jobs, key=attrgetter("handler", "grouped")):
                if grouped:
                    self._commit(connection, handler, list(run))
                else:
                    for job in run:
                        self._commit(connection, handler, [job])
        with contextlib.suppress(sqlite3.Error):
            _checkpoint(connection, "TRUNCATE")
        connection.close()

    def _take(self) -> list[_Job]:
        """Wait for a job and return it with all that came meanwhile; empty at the end."""
        job = self._queue.get()
        jobs: list[_Job] = []
        with contextlib.suppress(Empty):
            while job is not None:
                jobs.append(job)
                if len(jobs) == MAX_GROUP_ITEMS:
                    return jobs
                job = self._queue.get_nowait()
        if job is None and jobs:
            self._queue.put(None)
        return jobs

    def _commit(
        self,
        connection: sqlite3.Connection,
        handler: Callable[[sqlite3.Connection, Sequence[Any]], Sequence[Any]],
        jobs: list[_Job],
    ) -> None:
        started = time.perf_counter()
        try:
            with transaction(connection):
                results = handler(connection, [job.item for job in jobs])
        except sqlite3.OperationalError as error:
            self._reject(jobs, self._translate(error))
        except Exception as error:  # noqa: BLE001 - it belongs to the caller, not to this thread
            if len(jobs) == 1:
                self._reject(jobs, error)
                return
            # One item that cannot be stored must not take its neighbours along.
            for job in jobs:
                self._commit(connection, handler, [job])
        else:
            self._metrics.commit_seconds.observe(time.perf_counter() - started)
            self._metrics.commit_items.observe(len(jobs))
            if self._failure is not None:
                self._failure = None
                _logger.info("the database can be written again")
            self._loop.call_soon_threadsafe(_resolve, jobs, results)

    def _translate(self, error: sqlite3.OperationalError) -> Exception:
        if error.sqlite_errorcode & 0xFF not in _UNAVAILABLE_CODES:
            return error
        reason = f"the database cannot be written: {error}"
        # Said once, not for each of the thousands of reports that may be refused.
        if self._failure is None:
            _logger.error("%s; reports are refused until it can", reason)
        self._failure = reason
        return DatabaseUnavailableError(reason)

    def _reject(self, jobs: list[_Job], error: Exception) -> None:
        self._loop.call_soon_threadsafe(_fail, jobs, error)


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection in autocommit mode, usable from any one thread at a time."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA busy_timeout = 5000")
    connection.execute("PRAGMA cache_size = -4096")
    return connection


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
        # SQLite has rolled back by itself after some errors (sqlite.org/lang_transaction.html).
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _checkpoint(connection: sqlite3.Connection, mode: str) -> tuple[int, int, int]:
    busy, log_pages, moved_pages = connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
    return busy, log_pages, moved_pages


def _empty_log(connection: sqlite3.Connection, _: Sequence[None]) -> list[None]:
    connection.execute("COMMIT")
    _checkpoint(connection, "RESTART")
    return [None]


def _resolve(jobs: list[_Job], results: Sequence[Any]) -> None:
    for job, result in zip(jobs, results, strict=True):
        if not job.future.done():
            job.future.set_result(result)


def _fail(jobs: list[_Job], error: Exception) -> None:
    for job in jobs:
        if not job.future.done():
            job.future.set_exception(error)
