"""A connection of a client: uvicorn's, with bounds on what comes before and around a body.

uvicorn reads a head for as long and as large as it comes, so that a client that sends a byte now
and then ("slow loris"), or header lines without end, costs a connection and memory for ever.
Bodies are bounded where they are read.

It also writes the head of an answer and its body apart: two system calls and two packets, which
cost as much as it takes to decode a report. Here they leave together.
"""

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from faultline_lite.api.answers import render_refusal
from faultline_lite.exceptions import Problem
from faultline_lite.http.body import ARRIVED

#: What httptools can take apart. A message whose URL would be longer has its truncated form.
MAX_URL_BYTES = 65_535
#: Everything of a request but its body: line, headers, chunk sizes, trailers.
MAX_HEAD_BYTES = 256 * 1024

#: What transports take.
Bytes = bytes | bytearray | memoryview


class Outgoing(asyncio.Transport):
    """Sends through ``transport``, two writes at a time where one follows the other at once.

    What is written first waits for the next write, and no longer than for the end of the loop's
    turn: a stream's head does not wait for what it streams.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._held: Bytes | None = None

    def write(self, data: Bytes) -> None:
        """Send, perhaps with what is written next."""
        held = self._held
        if held is None:
            self._held = data
            self._loop.call_soon(self._flush)
        else:
            self._held = None
            self._transport.writelines((held, data))

    def is_closing(self) -> bool:
        """Return whether it is closed, or about to be."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Send what is left, then close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        held = self._held
        if held is not None:
            self._held = None
            self._transport.write(held)


class Connection(HttpToolsProtocol):
    """One connection, closed where its client takes too long or sends too much for a head.

    ``head_seconds`` count from the connection, or from the first byte of a request, to the end of
    its head.
    """

    def __init__(self, head_seconds: float, **options: Any) -> None:
        super().__init__(**options)
        self._head_seconds = head_seconds
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self.url = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self.transport = Outgoing(transport, self.loop)
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_head_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what arrived."""
        super().data_received(data)
        if self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"the head of the request is larger than {MAX_HEAD_BYTES} bytes",
            )
        elif self._head_timer is None and (self.cycle is None or self.cycle.response_complete):
            # Part of a head, or what is left of a body that was answered before its end.
            self._start_head_timer()

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Hand the request over."""
        self._stop_head_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, which has a limit of its own."""
        self._head_bytes -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the request is here whole."""
        # Of the newest message, which is this one also where some are pipelined.
        self.scope[ARRIVED] = True  # type: ignore[literal-required]
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be read; ``msg`` is uvicorn's word for it."""
        if len(self.url) > MAX_URL_BYTES:
            self._refuse(
                HTTPStatus.REQUEST_URI_TOO_LONG,
                f"the URL is longer than {MAX_URL_BYTES} bytes: "
                "a long message is addressed by its truncated form, as the lists show it",
            )
        else:
            # curl sends a path as it is typed: 在庫 in one is what this is about most often.
            problem = "this is not HTTP, or the URL is not percent-encoded"
            self._refuse(HTTPStatus.BAD_REQUEST, problem)

    def shutdown(self) -> None:
        """Finish what was taken; a request that has not arrived whole was not."""
        super().shutdown()
        if self.cycle is not None and self.cycle.more_body:
            self.transport.close()

    def _start_head_timer(self) -> None:
        self._head_timer = self.loop.call_later(self._head_seconds, self._end_waiting)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _end_waiting(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self._refuse(
                HTTPStatus.REQUEST_TIMEOUT,
                f"no request arrived within {self._head_seconds:g} seconds",
            )

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        """Answer in the shape of every refusal, and close: what follows cannot be made sense of."""
        body = render_refusal(Problem(message))
        head = (
            f"HTTP/1.1 {status} {status.phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\naccess-control-allow-origin: *\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
