"""What tests have a guarded process do; each is Python's own and knows nothing of a guard."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from faultline_lite.egress.guarded_process import Policy


def main(policy: Policy, refusals: list[str], content: bytes) -> bytes:
    """Do the named thing with its arguments; return the result, or the exception's name."""
    name, *arguments = msgspec.json.decode(content)
    try:
        result = _DEEDS[name](*arguments)
    except Exception as error:  # noqa: BLE001 - which one it is, is what is asked
        result = type(error).__name__
    return msgspec.json.encode({"result": result, "refusals": refusals})


def _fetch(host: str, port: int) -> str:
    with socket.create_connection((host, port), timeout=5) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        return connection.recv(1000).decode().partition("\r\n")[0]


def _fetch_in_thread(host: str, port: int) -> list[str]:
    seen: list[str] = []

    def work() -> None:
        try:
            seen.append(_fetch(host, port))
        except OSError as error:
            seen.append(type(error).__name__)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return seen


def _connect_without_looking_up(host: str, port: int) -> None:
    with socket.socket() as connection:
        connection.connect((host, port))


def _send_datagram(host: str, port: int) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        return sender.sendto(b"x", (host, port))


def _connect_locally(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)


def _listen() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))


def _read(path: str) -> int:
    return len(Path(path).read_bytes())


def _read_own() -> bool:
    return Path(msgspec.__file__).read_bytes() != b""


def _write(path: str) -> int:
    return Path(path).write_bytes(b"x")


def _start_program() -> int:
    return subprocess.run([sys.executable, "-c", ""], check=False).returncode


def _fork() -> int:
    return os.fork()


def _hang() -> None:
    threading.Event().wait()


def _die() -> None:
    os._exit(3)


def _fill_memory() -> int:
    return len(bytearray(2**31))


def _print() -> str:
    sys.stdout.write("noise")
    sys.stdout.flush()
    return "said"


def _environment() -> dict[str, str]:
    return dict(os.environ)


def _arguments() -> list[str]:
    return sys.orig_argv


_DEEDS: dict[str, Callable[..., Any]] = {
    "fetch": _fetch,
    "fetch in thread": _fetch_in_thread,
    "connect without looking up": _connect_without_looking_up,
    "send datagram": _send_datagram,
    "connect locally": _connect_locally,
    "listen": _listen,
    "read": _read,
    "read own": _read_own,
    "write": _write,
    "start program": _start_program,
    "fork": _fork,
    "hang": _hang,
    "die": _die,
    "fill memory": _fill_memory,
    "print": _print,
    "environment": _environment,
    "arguments": _arguments,
}
