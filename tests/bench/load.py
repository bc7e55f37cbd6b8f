"""A load generator for one server on loopback, over plain sockets, bounded in time.

Run as a module in a process of its own, so that its work is not the server's:
``python -m tests.bench.load URL --connections 16 --seconds 5 [--rate 1000] [--entries 1]
[--notifications '[...]']``. Prints one JSON object.

uvloop's own clock counts whole milliseconds, so latencies are taken from the performance counter.
"""

import argparse
import asyncio
import json
import time
from itertools import cycle
from typing import cast
from urllib.parse import urlsplit

import uvloop

from tests.bench.corpus import make_bodies

WARM_UP_SECONDS = 1.0


class Run:
    """One measurement: its clock, its requests, what came back."""

    def __init__(self, requests: list[bytes], rate: float, connections: int) -> None:
        self.requests = cycle(requests)
        self.interval_seconds = connections / rate if rate else 0.0
        self.latencies: list[float] = []
        self.refused = 0
        self.answered = 0
        self.measuring = False
        self.stopped = False


class Client(asyncio.Protocol):
    """One connection: at full speed one request after the other, else one at each tick.

    A latency counts from when the request was due where the connection was still busy then, so
    that a stalled server is not measured by the few requests that it let through.
    """

    def __init__(self, run: Run, offset_seconds: float) -> None:
        self._run = run
        self._offset_seconds = offset_seconds
        self._buffer = b""
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of no class of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._due = time.perf_counter() + self._offset_seconds
        self._loop.call_later(self._due - time.perf_counter(), self._send)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = self._buffer[:head_end].lower()
        _, _, rest = head.partition(b"content-length:")
        if len(self._buffer) < head_end + 4 + int(rest.split(b"\r", 1)[0]):
            return
        run = self._run
        run.answered += 1
        if run.measuring:
            run.latencies.append(time.perf_counter() - self._started)
            run.refused += not head.startswith(b"http/1.1 201")
        self._buffer = b""
        if not run.interval_seconds:
            self._send()
            return
        self._due += run.interval_seconds
        if self._due <= time.perf_counter():
            self._send(self._due)
        else:
            self._loop.call_later(self._due - time.perf_counter(), self._send)

    def _send(self, due: float | None = None) -> None:
        if self._run.stopped:
            self._transport.close()
            return
        self._started = due or time.perf_counter()
        self._transport.write(next(self._run.requests))


async def measure(
    url: str, connections: int, seconds: float, rate: float, entries: int, notifications: bytes
) -> Run:
    target = urlsplit(url)
    assert target.hostname is not None
    assert target.port is not None
    requests = [
        f"POST {target.path} HTTP/1.1\r\nHost: {target.netloc}\r\nUser-Agent: load\r\n"
        f"X-Api-Key: {'0' * 32}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
        for body in _name_channels(make_bodies(max(20, 2000 // entries), entries), notifications)
    ]
    run = Run(requests, rate, connections)
    loop = asyncio.get_running_loop()
    for number in range(connections):
        offset_seconds = number / rate if rate else 0.0
        await loop.create_connection(
            lambda offset_seconds=offset_seconds: Client(run, offset_seconds),  # type: ignore[misc]
            target.hostname,
            target.port,
        )
    await asyncio.sleep(WARM_UP_SECONDS)
    run.measuring = True
    await asyncio.sleep(seconds)
    run.measuring = False
    run.stopped = True
    await asyncio.sleep(0.2)
    return run


def _name_channels(bodies: list[bytes], notifications: bytes) -> list[bytes]:
    """Return the bodies with these configs, a JSON array, where there are any."""
    if not notifications:
        return bodies
    return [body[:-1] + b',"notifications":' + notifications + b"}" for body in bodies]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--entries", type=int, default=1)
    parser.add_argument("--notifications", default="", help="a JSON array of configs")
    options = parser.parse_args()
    assert urlsplit(options.url).hostname in {"127.0.0.1", "localhost", "::1"}
    run = uvloop.run(
        measure(
            options.url,
            options.connections,
            options.seconds,
            options.rate,
            options.entries,
            options.notifications.encode(),
        )
    )
    latencies = sorted(run.latencies)
    result = {
        "requests_per_second": len(latencies) / options.seconds,
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[len(latencies) * 99 // 100] * 1000,
        "refused": run.refused,
        "answered": run.answered,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
