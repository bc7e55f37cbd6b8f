"""What may come over a connection that is not a well-formed, timely request."""

import asyncio
import json
import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import httpx
import pytest

from faultline_lite.connection import MAX_HEAD_BYTES, Outgoing
from tests.fakes import FakeClock
from tests.reports import errors_path, make_report
from tests.servers import RunningServer, running_server, wait_until
from tests.wire import connect, exchange, make_request, read_answer, request

LIMIT_SECONDS = 1
ERRORS_ROUTE = "/v0/projects/{project}/errors"


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that waits a second for a request."""
    folder = tmp_path_factory.mktemp("impatient")
    with running_server(folder, FakeClock(), max_request_seconds=LIMIT_SECONDS) as server:
        yield server


def test_head_that_does_not_end_is_given_up(impatient: RunningServer) -> None:
    beginnings = [
        b"",
        b"\r\n",
        b"POST /v0/projects/sample/errors HTTP/1.1\r\n",
        b"POST /v0/projects/sample/errors HTTP/1.1\r\nHost: localhost\r\nX-Slow: a",
    ]
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(impatient.url)) for _ in beginnings]
        for connection, beginning in zip(connections, beginnings, strict=True):
            connection.sendall(beginning)
        answers = [read_answer(connection) for connection in connections]

    assert [answer.status for answer in answers] == [408] * len(beginnings)
    assert {answer.json()["message"] for answer in answers} == {
        "no request arrived within 1 seconds"
    }


def test_second_head_that_does_not_end_is_given_up(impatient: RunningServer) -> None:
    with connect(impatient.url) as connection:
        connection.sendall(make_request("GET", "/healthz"))
        answer = read_answer(connection)
        connection.sendall(b"GET /hea")
        late = read_answer(connection)

    assert (answer.status, late.status) == (200, 408)


def test_head_that_comes_byte_by_byte_is_given_up(impatient: RunningServer) -> None:
    with connect(impatient.url) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        answer = _drip(connection)

    assert answer.startswith(b"HTTP/1.1 408 ")


def test_body_that_comes_byte_by_byte_is_given_up(impatient: RunningServer) -> None:
    head = make_request("POST", errors_path(), b"x" * 1000)[:-1000]
    with connect(impatient.url) as connection:
        connection.sendall(head)
        answer = _drip(connection)

    assert answer.startswith(b"HTTP/1.1 408 ")


def test_rest_of_a_refused_body_is_not_awaited_for_ever(impatient: RunningServer) -> None:
    with connect(impatient.url) as connection:
        connection.sendall(make_request("POST", "/nowhere", b"x" * 1000)[:-1000])
        answer = read_answer(connection)
        connection.sendall(b"x")
        late = read_answer(connection)

    assert (answer.status, late.status) == (404, 408)


def test_many_slow_clients_keep_nobody_out(impatient: RunningServer) -> None:
    report = json.dumps(make_report()).encode()
    slow = [socket.create_connection(("127.0.0.1", _port(impatient))) for _ in range(300)]
    for number, connection in enumerate(slow):
        whole = make_request("POST", errors_path(), report)
        connection.sendall(whole[: 20 if number % 2 else -10])
    answer = request(impatient.url, "POST", errors_path(), report)
    ends = [connection.recv(12) for connection in slow]
    for connection in slow:
        connection.close()

    assert answer.status == 201
    assert set(ends) == {b"HTTP/1.1 408"}


def test_head_without_end_is_refused(server: RunningServer) -> None:
    with connect(server.url) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX-Long: ")
        with pytest.raises(ConnectionError):
            connection.sendall(b"x" * 100 * MAX_HEAD_BYTES)


def test_large_head_is_refused_with_its_status(server: RunningServer) -> None:
    answer = exchange(server.url, b"GET /healthz HTTP/1.1\r\nX: " + b"x" * (MAX_HEAD_BYTES + 1))

    assert answer.status == 431
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.json()["errors"] == [
        {"message": f"the head of the request is larger than {MAX_HEAD_BYTES} bytes"}
    ]


def test_trailers_without_end_are_refused(server: RunningServer) -> None:
    head = b"POST /v0/projects/sample/errors HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connect(server.url) as connection:
        connection.sendall(head + b"2\r\n{}\r\n0\r\nX: ")
        with pytest.raises(ConnectionError):
            connection.sendall(b"x" * 100 * MAX_HEAD_BYTES)


def test_body_in_chunks_counts_as_a_body(server: RunningServer) -> None:
    body = json.dumps(make_report(params={"filler": "x" * (MAX_HEAD_BYTES + 1)})).encode()
    chunks = [body[start : start + 4096] for start in range(0, len(body), 4096)]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    head = f"POST {errors_path()} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    answer = exchange(server.url, head + framed + b"0\r\n\r\n")

    assert answer.status == 201


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"]
)
def test_what_is_not_http_is_refused_in_silence(
    server: RunningServer, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = exchange(server.url, sent + b"\r\n\r\n")

    assert answer.status == 400
    assert answer.json() == {
        "errors": [{"message": "this is not HTTP, or the URL is not percent-encoded"}],
        "error": "this is not HTTP, or the URL is not percent-encoded",
        "message": "this is not HTTP, or the URL is not percent-encoded",
    }
    assert caplog.records == []


def test_client_that_leaves_in_the_middle_of_a_body_is_no_failure(
    server: RunningServer, client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), connect(server.url) as connection:
        connection.sendall(make_request("POST", errors_path(), b"x" * 1000)[:-1])
        connection.shutdown(socket.SHUT_RDWR)
        counted = f'route="{ERRORS_ROUTE}",status="400"'
        wait_until(lambda: counted in client.get("/metrics").text)

    assert caplog.records == []


def test_path_that_is_not_encoded_is_refused_and_says_so(server: RunningServer) -> None:
    answer = request(server.url, "GET", "/v0/projects/テスト/errors")

    assert answer.status == 400
    assert answer.json()["message"] == "this is not HTTP, or the URL is not percent-encoded"


def test_requests_in_one_go_are_answered_in_their_order(server: RunningServer) -> None:
    report = json.dumps(make_report("pipelined")).encode()
    post = make_request("POST", errors_path(), report)
    get = make_request("GET", f"{errors_path()}/pipelined")
    with connect(server.url) as connection:
        connection.sendall(post + get + post)
        statuses = [read_answer(connection).status for _ in range(3)]

    assert statuses == [201, 200, 201]


def test_answer_arrives_in_one_piece(impatient: RunningServer) -> None:
    with connect(impatient.url) as connection:
        connection.sendall(make_request("POST", errors_path(), json.dumps(make_report()).encode()))
        piece = connection.recv(65_536)

    head, _, body = piece.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 201 ")
    assert json.loads(body)["data"] == {"errors": {"postCount": 1}}


@pytest.mark.anyio
async def test_what_is_written_alone_leaves_at_the_end_of_the_turn() -> None:
    loop = asyncio.get_running_loop()
    near, far = socket.socketpair()
    far.setblocking(False)
    with far:
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=near)
        outgoing = Outgoing(transport, loop)
        outgoing.write(b"head of a stream")
        piece = await loop.sock_recv(far, 100)
        outgoing.write(b"last words")
        outgoing.close()
        end = await loop.sock_recv(far, 100)

    assert (piece, end) == (b"head of a stream", b"last words")
    assert outgoing.is_closing()


def _drip(connection: socket.socket) -> bytes:
    """Send a byte now and then until there is an answer, and return that."""
    connection.settimeout(0.05)
    while True:
        connection.send(b"X")
        with suppress(TimeoutError):
            return connection.recv(4096)


def _port(server: RunningServer) -> int:
    return int(server.url.rsplit(":", 1)[1])
