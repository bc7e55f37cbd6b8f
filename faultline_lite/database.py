"""The boundary between asyncio and SQLite: one writer, and readers on threads of their own.

Coroutines cross it with ``read``, ``maintain``, ``write`` and ``write_grouped`` only. It knows
nothing of what is stored: the queries are in ``store``.
"""

import asyncio
import contextlib
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, Generic, Literal, NamedTuple, ParamSpec, TypeVar

from faultline_lite.exceptions import DatabaseUnavailableError
from faultline_lite.metrics import Metrics
from faultline_lite.sentences import Sentence
from faultline_lite.writer import Handler, Writer

P = ParamSpec("P")
T = TypeVar("T")
Item = TypeVar("Item")
Durability = Literal["full", "normal"]

#: Pages of 8 KB: as quick as 4 and 16 KB, half the write amplification of 16, and compressed
#: payloads of up to 2 KB need no overflow page.
PAGE_BYTES = 8192
#: Compiled statements that a connection keeps: those over many rows come in some forty sizes each.
STATEMENT_CACHE = 256
#: Past this the writer itself empties the log; below it the background checkpoint suffices. It is
#: looked at often enough for the log not to come to LOG_FILE_BYTES under load: a log that is cut
#: down, and then grows again, takes the next commit tens of milliseconds.
MAX_WAL_BYTES = 16 * 2**20
LOG_FILE_BYTES = 64 * 2**20
CHECKPOINT_SECONDS = 0.25
READER_THREADS = 4
#: A shutdown waits for as long.
MOST_PAUSE_SECONDS = 5.0
CACHE_KIB = 4096
WRITER_CACHE_KIB = 16_384
#: What tells of rows whose they are is 6 MB of pages at a million occurrences: with 4 MB, a search
#: for common words read them anew for each word, and took twice as long.
READER_CACHE_KIB = 8192
#: So few that what is tried to be written reaches the disk before it is taken back.
TRIAL_CACHE_PAGES = 8

_logger = logging.getLogger(__name__)


class _Single(NamedTuple, Generic[T]):
    """A handler that is called once."""

    run: Callable[[sqlite3.Connection], T]

    def execute(self, connection: sqlite3.Connection, _: Sequence[None]) -> list[T]:
        return [self.run(connection)]

    def forget(self) -> None:
        """Do nothing: it remembers nothing."""


class Database:
    """An open database file with its writer thread and reader threads.

    ``path`` is a file that ``prepare_database`` has prepared.
    """

    def __init__(self, path: Path, durability: Durability, metrics: Metrics) -> None:
        self.path = path
        self._durability = durability
        self._refusal: Sentence | None = None
        self._loop = asyncio.get_running_loop()
        self._readers = ThreadPoolExecutor(READER_THREADS, thread_name_prefix="reader")
        self._maintenance = ThreadPoolExecutor(1, thread_name_prefix="maintenance")
        # Of its own: behind other long work the log would grow meanwhile.
        self._checkpoints = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        # Closed after every connection: closing any other would drop SQLite's locks on the file
        # (sqlite.org/howtocorrupt.html, "Posix advisory locks canceled").
        self._file = os.open(path, os.O_RDWR)
        self._writer_connection = self._connect_writer()
        self._writer = Writer(self._writer_connection, metrics)
        self._closed = False

    async def read(
        self,
        function: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run ``function(connection, ...)`` on a reader thread and return what it returns."""

        def run() -> T:
            return function(self._reader_connection(READER_CACHE_KIB), *args, **kwargs)

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

        def run(connection: sqlite3.Connection) -> T:
            return function(connection, *args, **kwargs)

        return await self._writer.submit(_Single(run), None, 0, grouped=False)  # type: ignore[no-any-return]

    async def write_grouped(self, handler: Handler[Item, T], item: Item, size_bytes: int) -> T:
        """Have the handler store the item, together with others that wait for the same one.

        ``size_bytes`` is what the item holds in memory. Returns the item's result once it is
        durable. Raises DatabaseUnavailableError when the write could not be taken.
        """
        if self._refusal is not None:
            raise DatabaseUnavailableError(self._refusal)
        return await self._writer.submit(handler, item, size_bytes, grouped=True)  # type: ignore[no-any-return]

    def refuse(self, reason: Sentence | None) -> None:
        """Refuse what is written in groups, for that reason, until it is called with None."""
        if reason is not None and self._refusal is None:
            _logger.error("%s: reports are refused until there is room", reason)
        elif reason is None and self._refusal is not None:
            _logger.info("there is room again: reports are taken")
        self._refusal = reason

    @property
    def refusal(self) -> Sentence | None:
        """Why reports are refused, None while they are taken."""
        return self._refusal

    @property
    def failure(self) -> Sentence | None:
        """Why the last write could not be taken, None where it was."""
        return self._writer.failure

    @property
    def failures(self) -> int:
        """How many writes could not be taken since the start."""
        return self._writer.failures

    @property
    def last_failure(self) -> Sentence | None:
        """Why the last of the failures was, however long ago."""
        return self._writer.last_failure

    @property
    def is_damaged(self) -> bool:
        """Whether a write has come upon damage since the start."""
        return self._writer.is_damaged

    @property
    def files(self) -> dict[str, Path]:
        """The files that the database consists of, by what they are."""
        return {"database": self.path, "log": self.path.with_name(f"{self.path.name}-wal")}

    @property
    def queued_bytes(self) -> int:
        """Bytes of the items that are not durable yet."""
        return self._writer.queued_bytes

    async def try_to_write(self, size_bytes: int) -> None:
        """Find out whether so much can be written now, and leave nothing of it.

        Raises DatabaseUnavailableError where it cannot.
        """
        await self.write(_try_to_write, size_bytes)

    async def give_way(self, seconds: float) -> None:
        """Pause for so long while reports wait for the writer, MOST_PAUSE_SECONDS at the most.

        A step of background work takes long on a disk that stands still, and need not be followed
        by a pause of many times its length.
        """
        if self.queued_bytes:
            await asyncio.sleep(min(seconds, MOST_PAUSE_SECONDS))

    async def checkpoint(self) -> None:
        """Copy the log into the database file beside the writer; empty it once it has grown.

        A passive checkpoint blocks nobody but may never reach the end of the log under constant
        load (sqlite.org/wal.html, "Avoiding Excessively Large WAL Files"), so that past
        MAX_WAL_BYTES the writer does the small rest between two groups. On a full disk the log
        stays as it is.
        """
        try:
            is_large = await self._loop.run_in_executor(self._checkpoints, self._copy_log)
        except sqlite3.OperationalError as error:
            if isinstance(self._writer.translate(error), DatabaseUnavailableError):
                return
            raise
        if is_large:
            await self.write(_empty_log)

    async def truncate_log(self) -> bool:
        """Empty the log and give its space back; return False where a reader still needs it."""
        return await self.write(_truncate_log)

    async def close(self) -> None:
        """Commit what waits, empty the log and close every connection."""
        if self._closed:
            return
        self._closed = True
        await self._writer.close()
        self._checkpoints.shutdown(wait=True)
        await self._loop.run_in_executor(self._maintenance, self._end_log)
        self._readers.shutdown(wait=True)
        self._maintenance.shutdown(wait=True)
        for connection in self._connections:
            connection.close()
        os.close(self._file)

    def _connect_writer(self) -> sqlite3.Connection:
        connection = connect(self.path, WRITER_CACHE_KIB)
        connection.execute(f"PRAGMA synchronous = {self._durability.upper()}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute(f"PRAGMA journal_size_limit = {LOG_FILE_BYTES}")
        # Some builds overwrite what is deleted, which writes every page of it once more; its pages
        # are given back to the file system soon.
        connection.execute("PRAGMA secure_delete = FAST")
        # A statement over many rows can be undone by itself: what that takes stays in memory.
        connection.execute("PRAGMA temp_store = MEMORY")
        return connection

    def _reader_connection(self, cache_kib: int = CACHE_KIB) -> sqlite3.Connection:
        """Return this thread's own connection, opened at its first use."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = connect(self.path, cache_kib)
            connection.execute("PRAGMA query_only = ON")
            self._connections.append(connection)
        return connection

    def _copy_log(self) -> bool:
        """Copy the log as far as nobody has to wait for it; return whether it is to be emptied.

        What is left to the writer then is only what was written meanwhile: it would stand still for
        tens of milliseconds to copy more, or to synchronise what a checkpoint that did not reach
        the log's end has copied. Hence once more, which takes a fraction of the time.
        """
        for _ in range(2):
            _, log_pages, _ = _checkpoint(self._reader_connection(), "PASSIVE")
            if log_pages * PAGE_BYTES <= MAX_WAL_BYTES:
                return False
            # Where that fails, the writer comes upon it as well, and says so.
            with contextlib.suppress(OSError):
                os.fsync(self._file)
        return True

    def _end_log(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            _checkpoint(self._writer_connection, "TRUNCATE")
        self._writer_connection.close()


def connect(path: Path, cache_kib: int = CACHE_KIB) -> sqlite3.Connection:
    """Open a connection in autocommit mode, usable from any one thread at a time."""
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=STATEMENT_CACHE
    )
    connection.execute("PRAGMA busy_timeout = 5000")
    connection.execute(f"PRAGMA cache_size = -{cache_kib}")
    return connection


def _try_to_write(connection: sqlite3.Connection, size_bytes: int) -> None:
    """Write to the log and take it back, then a page that changes nothing for anybody.

    That is the user version, which we do not use: a commit is tried as well.
    """
    connection.execute(f"PRAGMA cache_size = {TRIAL_CACHE_PAGES}")
    try:
        connection.execute("SAVEPOINT trial")
        connection.execute("CREATE TABLE trial (content BLOB)")
        connection.execute("INSERT INTO trial VALUES (zeroblob(?))", (size_bytes,))
        connection.execute("ROLLBACK TO trial")
        connection.execute("RELEASE trial")
        connection.execute("PRAGMA user_version = 1")
    finally:
        connection.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB}")


def _checkpoint(connection: sqlite3.Connection, mode: str) -> tuple[int, int, int]:
    busy, log_pages, moved_pages = connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
    return busy, log_pages, moved_pages


def _empty_log(connection: sqlite3.Connection) -> bool:
    return _end_log_at_once(connection, "RESTART")


def _truncate_log(connection: sqlite3.Connection) -> bool:
    return _end_log_at_once(connection, "TRUNCATE")


def _end_log_at_once(connection: sqlite3.Connection, mode: str) -> bool:
    """Have the log begin anew; return False where a reader still needs it.

    Nobody waits for a slow reader: no write could be made meanwhile.
    """
    connection.execute("COMMIT")
    (timeout_ms,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        return not _checkpoint(connection, mode)[0]
    finally:
        connection.execute(f"PRAGMA busy_timeout = {timeout_ms:d}")
