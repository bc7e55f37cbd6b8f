"""A web server on loopback that answers as it is told to, misbehaviour included."""

import asyncio
import contextlib
import gzip
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import h11
import msgspec

HUGE_BYTES = 100 * 2**20
BOMB = gzip.compress(b"\0" * 2**26)
_CHUNK = b"x" * 2**16


@dataclass(frozen=True)
class Request:
    """What was asked: ``headers`` by their names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path, still encoded."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@dataclass(frozen=True)
class Answer:
    """What is answered; anything but bytes is sent as JSON."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else msgspec.json.encode(self.body)


class Fault(Enum):
    """What is done instead of an answer."""

    HANG = auto()
    """Nothing is said."""
    DRIP = auto()
    """An answer that begins at once and never ends, a byte at a time."""
    RESET = auto()
    """The connection is reset."""
    CUT = auto()
    """The connection ends in the middle of the answer."""
    GARBAGE = auto()
    """What comes is no HTTP."""
    HUGE = auto()
    """200, and a body of HUGE_BYTES."""
    BOMB = auto()
    """200, and a small body that says of itself that it is a large one, compressed."""


Reply = Answer | Fault
Handler = Callable[[Request], Reply]


class FakeServer:
    """Answers each request with what ``handler`` returns, or with the next of ``replies``."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.replies: deque[Reply] = deque()
        self.requests: list[Request] = []
        self.connections = 0
        self.sent_bytes = 0
        self.url = ""
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def run(
        self, *, host: str = "127.0.0.1", ssl_context: ssl.SSLContext | None = None
    ) -> AsyncIterator["FakeServer"]:
        """Listen on a free port while the context is open."""
        server = await asyncio.start_server(self._accept, host, 0, ssl=ssl_context)
        self.port = server.sockets[0].getsockname()[1]
        scheme = "https" if ssl_context else "http"
        self.url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        # The other side goes when it likes: that is what some of the tests are about. A task of
        # asyncio's server that ends cancelled is logged as a failure.
        expected = (ConnectionError, h11.RemoteProtocolError, ssl.SSLError, asyncio.CancelledError)
        with contextlib.suppress(*expected):
            try:
                await self._serve(_Conversation(reader, writer))
            finally:
                self._tasks.discard(task)
                writer.close()
                await writer.wait_closed()

    async def _serve(self, conversation: "_Conversation") -> None:
        while (request := await conversation.read()) is not None:
            self.requests.append(request)
            reply = self.replies.popleft() if self.replies else self.handler(request)
            if isinstance(reply, Fault):
                await self._misbehave(reply, conversation)
                return
            conversation.answer(reply)
            await conversation.writer.drain()

    async def _misbehave(self, fault: Fault, conversation: "_Conversation") -> None:
        writer = conversation.writer
        if fault is Fault.HANG:
            await conversation.reader.read()
        elif fault is Fault.RESET:
            # Lingering for no time is what makes it a reset instead of an end.
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        elif fault is Fault.GARBAGE:
            writer.write(b"220 mail.example.com ESMTP\r\n\0\xff\r\n\r\n")
        elif fault is Fault.CUT:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok")
        elif fault is Fault.BOMB:
            conversation.answer(Answer(200, BOMB, {"Content-Encoding": "gzip"}))
        elif fault is Fault.HUGE:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % HUGE_BYTES)
            while self.sent_bytes < HUGE_BYTES:
                writer.write(_CHUNK)
                await writer.drain()
                self.sent_bytes += len(_CHUNK)
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while True:
                writer.write(b".")
                await writer.drain()
                await asyncio.sleep(0.005)


@contextmanager
def far_side(server: FakeServer) -> Iterator[None]:
    """Run a server of the outside world in a thread of its own, beside tests that block."""
    started, ended = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with server.run():
            started.set()
            await ended.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert started.wait(10)
        yield
    finally:
        loops[0].call_soon_threadsafe(ended.set)
        thread.join()


class _Conversation:
    """One connection, as h11 understands it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._connection = h11.Connection(h11.SERVER)

    async def read(self) -> Request | None:
        """Return the next request, None where there comes no more."""
        if self._connection.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
            self._connection.start_next_cycle()
        begin: h11.Request | None = None
        body = b""
        while True:
            event = self._connection.next_event()
            if event is h11.NEED_DATA:
                self._connection.receive_data(await self.reader.read(2**16))
            elif isinstance(event, h11.Request):
                begin = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage) and begin is not None:
                headers = {name.decode(): value.decode() for name, value in begin.headers}
                return Request(begin.method.decode(), begin.target.decode(), headers, body)
            else:
                return None

    def answer(self, answer: Answer) -> None:
        content = answer.content
        headers = {"Content-Length": str(len(content)), **answer.headers}
        for event in (
            h11.Response(status_code=answer.status, headers=list(headers.items())),
            h11.Data(content),
            h11.EndOfMessage(),
        ):
            sent = self._connection.send(event)
            assert sent is not None
            self.writer.write(sent)
