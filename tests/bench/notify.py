"""What notifications cost a POST, and what a channel that hangs costs one that works.

``python -m tests.bench.notify`` prints two tables. Where the machine has other things to do,
processor time tells more than the rest.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import httpx

from faultline_lite.sealedbox import KeyStore
from tests.bench.servers import Server, run_ours
from tests.bench.table import print_table

PATH = "/v0/projects/bench/errors"
SECONDS = 4
CONNECTIONS = 16
ROUNDS = 2
HANGING_CHANNELS = 20
DELIVERIES = 6
SETTINGS = {
    "FAULTLINE_LITE_ALLOW_HOSTS": "127.0.0.1",
    "FAULTLINE_LITE_ALLOW_HTTP": "true",
    "FAULTLINE_LITE_BATCH_SECONDS": "1",
    "FAULTLINE_LITE_MAX_PER_HOUR": "600",
    "FAULTLINE_LITE_LOG_LEVEL": "error",
}


class Hook(ThreadingHTTPServer):
    """A web hook: ``/works`` answers and notes the time, ``/hangs...`` never answers."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.arrived: SimpleQueue[float] = SimpleQueue()
        self.ended = threading.Event()

    def config(self, name: str) -> dict[str, Any]:
        return {"type": "webhook", "endpoint": f"http://127.0.0.1:{self.server_port}/{name}"}


class _Handler(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/hangs"):
            self.server.ended.wait()
            return
        self.server.arrived.put(time.perf_counter())
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def run_hook() -> Iterator[Hook]:
    hook = Hook()
    thread = threading.Thread(target=hook.serve_forever, daemon=True)
    thread.start()
    yield hook
    hook.ended.set()
    hook.shutdown()


def load(server: Server, configs: Sequence[Any], rate: float = 0.0) -> dict[str, Any]:
    command = [
        *(sys.executable, "-m", "tests.bench.load", server.url + PATH),
        *(f"--connections={CONNECTIONS}", f"--seconds={SECONDS}", f"--rate={rate:g}"),
        f"--notifications={json.dumps(configs) if configs else ''}",
    ]
    before = server.cpu_seconds()
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result: dict[str, Any] = json.loads(output)
    assert result["refused"] == 0
    used = server.cpu_seconds() - before
    return {**result, "cpu_us": used / result["answered"] * 1e6}


def report(client: httpx.Client, message: str, configs: Sequence[Any]) -> None:
    body = {"errors": [{"message": message}], "notifications": list(configs)}
    client.post(PATH, json=body).raise_for_status()


def time_deliveries(server: Server, hook: Hook, beside: Sequence[Any]) -> list[float]:
    """Return how many seconds notifications take from the POST until they arrive.

    Meanwhile the channels ``beside`` are being sent to.
    """
    seconds = []
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        if beside:
            report(client, "hang", beside)
        for number in range(DELIVERIES):
            started = time.perf_counter()
            # A channel of its own for each: no batch delays it.
            report(client, f"deliver {number}", [hook.config(f"works/{len(beside)}/{number}")])
            seconds.append(hook.arrived.get(timeout=10) - started)
    return sorted(seconds)


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        run_ours(Path(folder), **SETTINGS) as server,
        run_hook() as hook,
    ):
        store = KeyStore(Path(folder) / "bench.key")
        works = hook.config("works")
        held = {**works, "threshold": 1_000_000}
        hanging = [hook.config(f"hangs/{number}") for number in range(HANGING_CHANNELS)]
        cases: dict[str, list[Any]] = {
            "no channel": [],
            "one that is held back": [held],
            "one that is told of each": [works],
            "the same, sealed": [store.seal(json.dumps(works).encode())],
            "two that are told": [works, hook.config("works/too")],
            "one that is told, one that hangs": [works, hanging[0]],
        }
        load(server, [])
        rate = load(server, [])["requests_per_second"] / 3
        best: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            for name, configs in cases.items():
                full = load(server, configs)
                paced = load(server, configs, rate)
                values = [full["cpu_us"], 1e6 / full["requests_per_second"], paced["p99_ms"]]
                best[name] = list(map(min, values, best.get(name, values)))
        base = best["no channel"]
        print_table(
            (
                *("reports that name", "CPU us each", "of none", "req/s", "of none"),
                *(f"p99 ms at {rate:.0f}/s", "of none"),
            ),
            [_row(name, values, base) for name, values in best.items()],
        )
        print()
        rows = []
        time.sleep(2)
        while not hook.arrived.empty():
            hook.arrived.get()
        for name, beside in (("alone", []), (f"beside {HANGING_CHANNELS} that hang", hanging)):
            seconds = time_deliveries(server, hook, beside)
            median, worst = seconds[len(seconds) // 2], seconds[-1]
            rows.append((name, f"{median * 1000:.0f}", f"{worst * 1000:.0f}"))
        print_table(("a channel that works", "median ms to deliver", "worst"), rows)


def _row(name: str, values: Sequence[float], base: Sequence[float]) -> tuple[str, ...]:
    cpu_us, interval_us, p99_ms = values
    return (
        name,
        *(f"{cpu_us:.0f}", f"{cpu_us / base[0]:.2f}"),
        *(f"{1e6 / interval_us:,.0f}", f"{base[1] / interval_us:.2f}"),
        *(f"{p99_ms:.1f}", f"{p99_ms / base[2]:.2f}"),
    )


if __name__ == "__main__":
    main()
