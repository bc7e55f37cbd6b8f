"""A process of its own for code that makes its own connections, each checked as the guard does.

Libraries that speak to services by themselves know nothing of our guard, take as long as they like,
and read files that a URL names. So they run beside the server, for one errand: what they may
connect to is checked by an audit hook (PEP 578) at the moment of connecting, whatever thread or
protocol it is; they start no programs, write no files, read none but Python's own and the
certificates; time and memory are limited; and the environment, with its proxies and passwords, is
not theirs. What is secret comes through a pipe and is in no list of processes. An audit hook does
not contain hostile code, and need not: the code is trusted, its input is not.
"""

import asyncio
import contextlib
import importlib
import ipaddress
import os
import socket
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from faultline_lite.egress.destinations import Destinations, say_not_allowed
from faultline_lite.exceptions import NotifyError
from faultline_lite.sentences import Sentence, say

MAX_PROCESSES = 4
#: Of computing, whatever time its caller leaves it.
MAX_CPU_SECONDS = 10
MAX_MEMORY_BYTES = 2**30

_PASSED_ON = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "SYSTEMROOT")
_CONNECTING = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_FORBIDDEN = (
    "socket.bind",
    "subprocess.",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "os.system",
    "pty.spawn",
    "syslog.",
)
#: Beside Python's own: what time zones, names and certificates are found in.
_READABLE = ("/etc/ssl", "/etc/pki", "/etc/localtime", "/etc/mime.types", "/usr/share/zoneinfo")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Policy(msgspec.Struct, frozen=True):
    """What the process may connect to, as in the configuration."""

    allow_hosts: tuple[str, ...] = ()
    allow_private: bool = False
    allow_http: bool = False


class Errand(msgspec.Struct, frozen=True):
    """What the process is to do: ``main(policy, refusals, content)`` of ``module``.

    It returns bytes. ``refusals`` say why something was refused so far.
    """

    module: str
    policy: Policy
    content: bytes


Work = Callable[[Policy, list[str], bytes], bytes]


class GuardedProcesses:
    """Starts them, a few at a time; for one event loop."""

    def __init__(self, policy: Policy, timeout_seconds: float) -> None:
        self._policy = policy
        self._timeout_seconds = timeout_seconds
        self._places = asyncio.Semaphore(MAX_PROCESSES)

    async def run(self, module: str, content: bytes) -> bytes:
        """Return what the module's ``main`` makes of it. Raises NotifyError, temporary."""
        errand = msgspec.json.encode(Errand(module, self._policy, content))
        try:
            async with self._places, asyncio.timeout(self._timeout_seconds):
                code, output = await _run(errand)
        except TimeoutError as error:
            seconds = f"{self._timeout_seconds:g}"
            raise NotifyError(
                say("not done within {seconds} seconds", seconds=seconds), permanent=False
            ) from error
        if code != 0:
            raise NotifyError(say("the process that delivers failed"), permanent=False)
        return output


def main() -> None:
    """Run the errand that comes from standard input; its result goes to standard output."""
    errand = msgspec.json.decode(sys.stdin.buffer.read(), type=Errand)
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as output:
        # A library may print what it likes: nobody reads it.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        work: Work = importlib.import_module(errand.module).main
        _limit_resources()
        refusals = _watch(errand.policy)
        output.write(work(errand.policy, refusals, errand.content))


async def _run(errand: bytes) -> tuple[int, bytes]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        __name__,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=_make_environment(),
        cwd="/",
    )
    try:
        output, _ = await process.communicate(errand)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return process.returncode or 0, output


def _make_environment() -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    own = {
        "PYTHONPATH": os.pathsep.join(str(Path(part).resolve()) for part in sys.path if part),
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": "/nonexistent",
        "NETRC": os.devnull,
        "TZ": "UTC",
    }
    return passed_on | own


def _limit_resources() -> None:
    # There are no such limits outside POSIX.
    with contextlib.suppress(ImportError):
        resource: Any = importlib.import_module("resource")
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_SECONDS, MAX_CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _watch(policy: Policy) -> list[str]:
    """Refuse, from now on and for ever, what must not be done; return why it was, so far."""
    refusals: list[str] = []
    destinations = Destinations(policy.allow_hosts, allow_private=policy.allow_private)
    excepted = _except_allowed_names(destinations)
    readable = _find_readable()

    def check(event: str, arguments: tuple[Any, ...]) -> None:
        reason: Sentence | None = None
        if event in _CONNECTING:
            reason = _check_address(arguments[1], destinations, excepted)
        elif event == "open":
            reason = _check_file(*arguments[:3], readable=readable)
        elif event.startswith(_FORBIDDEN):
            reason = say("{event} is not allowed", event=event)
        if reason is not None:
            refusals.append(reason)
            raise PermissionError(reason)

    sys.addaudithook(check)
    return refusals


def _except_allowed_names(destinations: Destinations) -> set[str]:
    """Return the addresses of allowed names, a set that grows as these are looked up."""
    excepted: set[str] = set()
    look_up = socket.getaddrinfo

    def look_up_and_note(host: Any, *how: Any, **more: Any) -> Any:
        found = look_up(host, *how, **more)
        if isinstance(host, str) and destinations.is_allowed_name(host):
            excepted.update(str(address[0]) for *_, address in found)
        return found

    # Whoever connects has looked the name up first, and only here is it seen.
    socket.getaddrinfo = look_up_and_note
    return excepted


def _check_address(address: Any, destinations: Destinations, excepted: set[str]) -> Sentence | None:
    """Return why the address must not be connected to; None where it may, or there is none."""
    if address is None:
        # A message on a socket that is connected already.
        return None
    host = address[0] if isinstance(address, tuple) and address else None
    if host in excepted:
        return None
    try:
        checked = ipaddress.ip_address(host or "")
    except ValueError:
        return say("what is connected to is no address")
    if destinations.is_allowed(checked):
        return None
    return say_not_allowed(checked)


def _check_file(path: Any, mode: Any, flags: Any, *, readable: tuple[str, ...]) -> Sentence | None:
    """Return why the file must not be opened; None where it may, or is open already."""
    if isinstance(path, int):
        return None
    full = os.path.realpath(os.fsdecode(path))
    writes = (isinstance(flags, int) and flags & _WRITING) or set(mode or "") & set("wax+")
    if full == os.devnull or (full.startswith(readable) and not writes):
        return None
    return say("files of this machine are not to be read or written")


def _find_readable() -> tuple[str, ...]:
    """Return the beginnings of paths that may be read."""
    certificates = ssl.get_default_verify_paths()
    own = [sys.prefix, sys.base_prefix, os.path.dirname(os.__file__), *_READABLE]  # noqa: PTH120
    own += [part for part in sys.path if part.endswith(("site-packages", "dist-packages"))]
    own += [part for part in (certificates.cafile, certificates.capath) if part]
    own += [os.environ[name] for name in _PASSED_ON if name in os.environ]
    folders = {os.path.realpath(part) for part in own}
    files = {part for part in folders if os.path.isfile(part)}  # noqa: PTH113
    return tuple(sorted(files | {part.rstrip(os.sep) + os.sep for part in folders - files}))


if __name__ == "__main__":
    main()
