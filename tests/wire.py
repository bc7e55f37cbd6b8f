"""HTTP as bytes, for what no client library would send."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.servers import PATIENCE_SECONDS


class Answer(NamedTuple):
    """What came back, until the server closed or the body was whole."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@contextmanager
def connect(url: str) -> Iterator[socket.socket]:
    """Open a connection to the server."""
    target = urlsplit(url)
    with socket.create_connection((target.hostname, target.port), PATIENCE_SECONDS) as connection:
        yield connection


def make_request(method: str, target: str | bytes, body: bytes = b"", **headers: str) -> bytes:
    """Return a request; ``target`` is sent as it is, ``headers`` with _ for -."""
    target = target.encode() if isinstance(target, str) else target
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    head = "".join(f"{line}\r\n" for line in ("Host: localhost", *lines)).encode()
    return method.encode() + b" " + target + b" HTTP/1.1\r\n" + head + b"\r\n" + body


def read_answer(connection: socket.socket) -> Answer:
    """Return the next answer. Raises EOFError where the server closes without one."""
    # Without a buffer, which would take the beginning of the next answer along.
    with connection.makefile("rb", buffering=0) as stream:
        status_line = stream.readline()
        if not status_line:
            raise EOFError("the server closed the connection")
        headers = {}
        while (line := stream.readline().strip()) != b"":
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = b""
        while part := stream.read(int(headers.get("content-length", 0)) - len(body)):
            body += part
        return Answer(int(status_line.split()[1]), headers, body)


def exchange(url: str, sent: bytes) -> Answer:
    """Send the bytes on a connection of their own and return the answer."""
    with connect(url) as connection:
        connection.sendall(sent)
        return read_answer(connection)


def request(
    url: str, method: str, target: str | bytes, body: bytes = b"", **headers: str
) -> Answer:
    """Send a request whose target is not touched by any client's idea of URLs."""
    return exchange(url, make_request(method, target, body, **headers))
