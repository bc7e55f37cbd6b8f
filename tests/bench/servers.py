"""The servers that benchmarks compare, each in a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 20.0
#: How long a server may go on working by itself; it is looked at for so long each time.
REST_SECONDS = 600.0
LOOK_SECONDS = 3.0


@dataclass(frozen=True)
class Server:
    """A running server: where it listens, its process, and when that was begun.

    ``started_at`` is of the performance counter.
    """

    url: str
    process: "subprocess.Popen[str]"
    started_at: float

    def resident_bytes(self) -> int:
        """Return the resident memory of the process (Linux)."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self) -> float:
        """Return the processor time that the process has used (Linux)."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def await_rest(self) -> None:
        """Return once the process has next to nothing to do. Raises TimeoutError."""
        ends_at = time.monotonic() + REST_SECONDS
        while time.monotonic() < ends_at:
            used_seconds = -self.cpu_seconds()
            time.sleep(LOOK_SECONDS)
            used_seconds += self.cpu_seconds()
            if used_seconds < LOOK_SECONDS / 50:
                return
        raise TimeoutError("the server does not come to rest")


@contextmanager
def run_ours(folder: Path, **settings: str) -> Iterator[Server]:
    """Run faultline-lite on ``folder / "bench.db"``, without a limit of its rate."""
    environment = {
        "FAULTLINE_LITE_DB": str(folder / "bench.db"),
        "FAULTLINE_LITE_KEY_FILE": str(folder / "bench.key"),
        "FAULTLINE_LITE_RATE_LIMIT_PER_KEY": "0",
        "FAULTLINE_LITE_RATE_LIMIT_PER_PROJECT": "0",
        "FAULTLINE_LITE_LOG_LEVEL": "warning",
        **settings,
    }
    command = [sys.executable, "-m", "faultline_lite", "serve", "--port", "0"]
    with _run(command, environment) as server:
        yield server


@contextmanager
def run_null() -> Iterator[Server]:
    """Run the reference: a Starlette route that reads the body and answers 201."""
    with _run([sys.executable, "-m", "tests.bench.null"], {}) as server:
        yield server


@contextmanager
def _run(command: list[str], environment: dict[str, str]) -> Iterator[Server]:
    started_at = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if " listens on " in line:
                url = line.split(" listens on ")[1].strip()
                yield Server(url, process, started_at)
                break
        else:
            raise RuntimeError(f"{command} did not start")
    finally:
        process.terminate()
        process.wait(START_SECONDS)
        if process.stdout is not None:
            process.stdout.close()
