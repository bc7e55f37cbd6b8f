"""The server under test: in a thread of this process, or as the program itself.

Both listen on a free port of loopback, over a database file of their own.
"""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec

import faultline_lite
from faultline_lite.app import create_app
from faultline_lite.clock import Clock
from faultline_lite.config import Config
from faultline_lite.database_file import lock_database, prepare_database
from faultline_lite.http.services import Services
from faultline_lite.server import Server, base_url, listen

T = TypeVar("T")

#: A server that takes longer to start or to stop hangs.
PATIENCE_SECONDS = 20.0
#: The program under test is the one that was imported, in surroundings without settings.
PROGRAM_ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("FAULTLINE")},
    "PYTHONPATH": str(Path(faultline_lite.__file__).parent.parent),
}


def _make_client(url: str, key: str | None, **options: Any) -> httpx.Client:
    headers = {} if key is None else {"X-Api-Key": key}
    return httpx.Client(
        base_url=url, headers=headers, timeout=PATIENCE_SECONDS, trust_env=False, **options
    )


def wait_until(condition: Callable[[], bool]) -> None:
    """Return once the condition holds; it is asked again and again, for PATIENCE_SECONDS."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"


def make_config(folder: Path, **settings: Any) -> Config:
    """Return the configuration of a server whose files are in ``folder``."""
    values = {
        "port": 0,
        "db": folder / "faultline.db",
        "key_file": folder / "faultline.key",
        "min_free_bytes": 0,
        **settings,
    }
    return msgspec.convert(values, Config)


@dataclass(frozen=True)
class RunningServer:
    """A server in a thread of this process."""

    url: str
    config: Config
    services: Services
    loop: asyncio.AbstractEventLoop

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the server's loop and return what it returns."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE_SECONDS)

    def client(self, key: str | None = None, **options: Any) -> httpx.Client:
        """Return an HTTP client of it, which the caller closes."""
        return _make_client(self.url, key, **options)


@contextmanager
def running_server(
    folder: Path, clock: Clock | None = None, **settings: Any
) -> Iterator[RunningServer]:
    """Run a server in a thread, with the files of its database in ``folder``.

    ``settings`` are keys of the configuration as Python values.
    """
    config = make_config(folder, **settings)
    app = create_app(config, clock)
    started = threading.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    def on_ready() -> None:
        loops.append(asyncio.get_running_loop())
        started.set()

    def run() -> None:
        try:
            server.run(sockets=[listener])
        finally:
            started.set()

    with lock_database(config.db), listen(config) as listener:
        prepare_database(config.db)
        server = Server(config, app, on_ready)
        thread = threading.Thread(target=run, name="server")
        thread.start()
        try:
            assert started.wait(PATIENCE_SECONDS)
            assert loops, "the server did not start"
            services = app.app.state.services
            yield RunningServer(base_url(listener), config, services, loops[0])
        finally:
            server.should_exit = True
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive(), "the server did not stop"


@dataclass(frozen=True)
class ServerProcess:
    """The program itself, serving; ``log`` is the file of what it writes to stderr."""

    url: str
    process: "subprocess.Popen[str]"
    log: Path

    def kill(self) -> None:
        """End it without a chance to do anything, as a crash would."""
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)

    def stop(
        self,
        sent: signal.Signals = signal.SIGTERM,
        timeout_seconds: float = PATIENCE_SECONDS,
    ) -> int:
        """Ask it to end and return its exit code. Raises TimeoutExpired."""
        self.process.send_signal(sent)
        return self.process.wait(timeout_seconds)

    def resident_bytes(self) -> int:
        """Return the resident memory (Linux)."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def peak_bytes(self) -> int:
        """Return the most resident memory that it has ever had (Linux)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024

    def client(self, key: str | None = None, **options: Any) -> httpx.Client:
        """Return an HTTP client of it, which the caller closes."""
        return _make_client(self.url, key, **options)


@contextmanager
def server_process(
    folder: Path, *, environment: Mapping[str, str] | None = None, log: Path | None = None
) -> Iterator[ServerProcess]:
    """Run ``faultline-lite serve`` with its files in ``folder``; it is terminated at the end.

    ``environment`` are variables on top; ``log`` is ``folder / "faultline.log"`` by default.
    """
    variables = {
        **PROGRAM_ENVIRONMENT,
        "FAULTLINE_LITE_DB": str(folder / "faultline.db"),
        "FAULTLINE_LITE_KEY_FILE": str(folder / "faultline.key"),
        "FAULTLINE_LITE_MIN_FREE_BYTES": "0",
        **(environment or {}),
    }
    command = [sys.executable, "-m", "faultline_lite", "serve", "--port", "0"]
    log = log or folder / "faultline.log"
    with (
        log.open("a") as stderr,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=variables, cwd=folder
        ) as process,
    ):
        assert process.stdout is not None
        try:
            greeting = process.stdout.readline()
            assert " listens on " in greeting, log.read_text()
            yield ServerProcess(greeting.split(" listens on ")[1].strip(), process, log)
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(PATIENCE_SECONDS)
