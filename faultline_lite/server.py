"""Run the server in the foreground until a signal ends it."""

import contextlib
import ctypes
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial

import uvicorn

from faultline_lite.app import SHUTDOWN_SECONDS, create_app, end_streams, start_failure
from faultline_lite.config import Config
from faultline_lite.connection import Connection
from faultline_lite.database_file import lock_database, prepare_database
from faultline_lite.exceptions import ConfigError
from faultline_lite.http.routing import Edge

try:
    import resource
except ImportError:  # Windows has none
    resource = None  # type: ignore[assignment]

BACKLOG = 2048
#: Objects between two collections. A report makes hundreds, none of them in a cycle, so that
#: Python's 700 spent a tenth of the time on looking.
COLLECT_AFTER_OBJECTS = 20_000
#: How long a thread keeps Python's lock while another wants it. With Python's 5 ms a report that
#: needs it a few times takes tens of them beside a thread that indexes texts.
SWITCH_SECONDS = 0.001
#: Heaps that all threads share. glibc would give each its own, which gives nothing back: a server
#: held 171 MB after 60,000 occurrences, and 134 MB with two.
MAX_HEAPS = 2
#: Its parameter M_ARENA_MAX of mallopt(3), from malloc.h.
_ARENA_MAX = -8

_logger = logging.getLogger(__name__)


def serve(config: Config, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP; then finish what was taken and return.

    ``on_ready`` is called with the base URL once the socket listens and the database is open.
    Raises ConfigError when the address cannot be had, and DatabaseError when the file cannot.
    """
    _allow_many_files()
    _share_heaps()
    with lock_database(config.db), listen(config) as listener:
        copy = prepare_database(config.db, config.min_free_bytes)
        if copy is not None:
            _logger.info("the database was upgraded; a copy from before is at %s", copy)
        app = create_app(config)
        server = Server(config, app, lambda: on_ready(base_url(listener)))
        try:
            server.run(sockets=[listener])
        except SystemExit:
            # uvicorn's end of a start that failed.
            unknown = ConfigError("the server could not start; the log says why")
            raise start_failure(app) or unknown from None
    _logger.info("stopped; everything that was taken is stored")


class Server(uvicorn.Server):
    """uvicorn's server for ``app``, which ends with the process's own exit code.

    uvicorn raises the signal that stopped it once more, so that a supervisor sees a killed process
    where everything went well. ``on_ready`` is called once it answers.
    """

    def __init__(self, config: Config, app: Edge, on_ready: Callable[[], None]) -> None:
        connect = partial(Connection, head_seconds=config.max_request_seconds)
        settings = uvicorn.Config(
            app,
            access_log=False,
            http=connect,  # type: ignore[arg-type] # it is called like the class
            ws="none",
            log_config=None,
            lifespan="on",
            server_header=False,
            timeout_graceful_shutdown=int(SHUTDOWN_SECONDS),
        )
        super().__init__(settings)
        self._app = app
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        if self.started:
            # What is here now stays: no collection has to look at it again.
            gc.collect()
            gc.freeze()
            gc.set_threshold(COLLECT_AFTER_OBJECTS, *gc.get_threshold()[1:])
            sys.setswitchinterval(SWITCH_SECONDS)
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End open streams, then finish what is under way."""
        end_streams(self._app)
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at the first signal that asks for it, at once at the second SIGINT."""
        if threading.current_thread() is not threading.main_thread():
            # Signals are the main thread's; whoever runs a server in another sets should_exit.
            yield
            return
        signals = _stopping_signals()
        before = [signal.signal(each, self.handle_exit) for each in signals]
        try:
            yield
        finally:
            for each, handler in zip(signals, before, strict=True):
                signal.signal(each, handler)


def _stopping_signals() -> list[signal.Signals]:
    """Return the signals to stop at: what a terminal sends as it is closed among them.

    Not under nohup, which has it ignored.
    """
    stopping = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        stopping.append(signal.SIGHUP)
    return stopping


def listen(config: Config) -> socket.socket:
    """Return a socket that listens on the configured address. Raises ConfigError."""
    try:
        family, *_, address = socket.getaddrinfo(
            config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        # A name that is not found has a negative number, and no text but its own.
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else error.strerror or str(error)
        raise ConfigError(f"cannot listen on {config.host}:{config.port}: {reason}") from error


def _allow_many_files() -> None:
    """Raise the limit of open files to what the system allows: every connection is one."""
    if resource is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _share_heaps() -> None:
    """Limit the heaps of the C library, where it is glibc."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError, OSError):
            ctypes.CDLL(None).mallopt(_ARENA_MAX, MAX_HEAPS)


def base_url(listener: socket.socket) -> str:
    """Return the URL of what listens there, without a path."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
