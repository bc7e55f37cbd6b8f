"""Bodies: decoded as their Content-Encoding says, and bounded in every way."""

import asyncio
import gzip
import json
import select
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import brotli
import httpx
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from faultline_lite.http.body import MAX_ARRIVING_BYTES, ByteBudget, read_body
from faultline_lite.http.encodings import MAX_MEMBERS, MAX_ZSTD_WINDOW_BYTES
from faultline_lite.large_work import LargeWork
from tests.fakes import FakeClock
from tests.reports import error_path, errors_path, make_report
from tests.servers import RunningServer, running_server, server_process, wait_until
from tests.wire import connect, make_request, read_answer

MAX_BODY_BYTES = 2**20
MAX_DECOMPRESSED_BYTES = 8 * 2**20
TOO_LARGE = f"the body is larger than {MAX_DECOMPRESSED_BYTES} bytes decompressed"
BROKEN = "the body is not what its Content-Encoding says, or cut off"


def deflate_bare(body: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(body) + compressor.flush()


def compress_br(body: bytes) -> bytes:
    return brotli.compress(body, quality=1)  # type: ignore[no-any-return]


def zstd_without_size(body: bytes) -> bytes:
    compressor = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    return compressor.compress(body) + compressor.flush()


Encode = Callable[[bytes], bytes]
ENCODINGS: dict[str, tuple[str, Encode]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "capitals": ("GZip", gzip.compress),
    "gzip of two members": (
        "gzip",
        lambda body: gzip.compress(body[: len(body) // 2]) + gzip.compress(body[len(body) // 2 :]),
    ),
    "gzip of many members": (
        "gzip",
        lambda body: b"".join(gzip.compress(body[n : n + 16]) for n in range(0, len(body), 16)),
    ),
    "deflate": ("deflate", zlib.compress),
    "bare deflate": ("deflate", deflate_bare),
    "br": ("br", compress_br),
    "zstd": ("zstd", zstandard.ZstdCompressor().compress),
    "zstd of unknown size": ("zstd", zstd_without_size),
    "none": ("identity", bytes),
    "empty": ("", bytes),
    "two": ("gzip, br", lambda body: compress_br(gzip.compress(body))),
}
COMPRESSED = [name for name in ENCODINGS if name not in {"none", "empty"}]


def post(client: httpx.Client, project: str, body: bytes, encoding: str) -> httpx.Response:
    headers = {"Content-Encoding": encoding}
    return client.post(errors_path(project), content=body, headers=headers)


@pytest.mark.parametrize("name", ENCODINGS)
def test_body_is_read_in_every_encoding(
    standing_client: httpx.Client, project: str, name: str
) -> None:
    encoding, encode = ENCODINGS[name]
    report = make_report("encoded", params={"text": "在庫 🍣" * 50})
    answer = post(standing_client, project, encode(json.dumps(report).encode()), encoding)
    shown = standing_client.get(error_path("encoded", project)).json()["data"]["error"]

    assert answer.status_code == 201
    assert shown["params"] == report["params"]


@pytest.mark.parametrize("name", COMPRESSED)
def test_bomb_is_refused(standing_client: httpx.Client, project: str, name: str) -> None:
    encoding, encode = ENCODINGS[name]
    if name == "gzip of many members":
        bomb = gzip.compress(bytes(2**20)) * 9
    else:
        bomb = encode(bytes(MAX_DECOMPRESSED_BYTES + 1))
    answer = post(standing_client, project, bomb, encoding)

    assert len(bomb) < MAX_BODY_BYTES
    assert (answer.status_code, answer.json()["message"]) == (413, TOO_LARGE)


@pytest.mark.parametrize("name", ["gzip", "deflate", "bare deflate", "br", "zstd"])
def test_largest_body_is_taken(standing_client: httpx.Client, project: str, name: str) -> None:
    encoding, encode = ENCODINGS[name]
    body = b'{"errors": [{"message": "large"}], "params": {"filler": "'
    body += b"x" * (MAX_DECOMPRESSED_BYTES - len(body) - 3) + b'"}}'
    answer = post(standing_client, project, encode(body), encoding)

    assert len(body) == MAX_DECOMPRESSED_BYTES
    assert answer.status_code == 201


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd", "zstd of unknown size", "two"])
def test_body_that_is_cut_off_is_refused(
    standing_client: httpx.Client, project: str, name: str
) -> None:
    encoding, encode = ENCODINGS[name]
    whole = encode(json.dumps(make_report()).encode())
    for length in (0, 1, len(whole) // 2, len(whole) - 1):
        answer = post(standing_client, project, whole[:length], encoding)

        assert (answer.status_code, answer.json()["message"]) == (400, BROKEN)


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_body_with_something_behind_its_end_is_refused(
    standing_client: httpx.Client, project: str, name: str
) -> None:
    encoding, encode = ENCODINGS[name]
    whole = encode(json.dumps(make_report()).encode())
    answer = post(standing_client, project, whole + b"garbage", encoding)

    assert (answer.status_code, answer.json()["message"]) == (400, BROKEN)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
@given(body=st.binary(max_size=200))
def test_what_is_no_compressed_body_is_refused(
    standing_client: httpx.Client, encoding: str, body: bytes
) -> None:
    answer = post(standing_client, "nonsense", body, encoding)

    assert answer.status_code in {400, 413}


@pytest.mark.parametrize(
    "encoding", ["rot13", "compress", "gzip, rot13", "gzip, gzip, gzip", "*", "gzip;q=1", "gz ip"]
)
def test_unknown_encoding_is_refused(
    standing_client: httpx.Client, project: str, encoding: str
) -> None:
    answer = post(standing_client, project, json.dumps(make_report()).encode(), encoding)

    assert answer.status_code == 415
    assert answer.json()["message"] == (
        "Content-Encoding must be one of gzip, x-gzip, deflate, br, zstd"
    )


@pytest.mark.parametrize("is_hidden", [False, True])
def test_body_of_too_many_members_is_refused(
    standing_client: httpx.Client, project: str, is_hidden: bool
) -> None:
    members = gzip.compress(b"") * (MAX_MEMBERS + 1)
    body, encoding = (gzip.compress(members), "gzip, gzip") if is_hidden else (members, "gzip")
    answer = post(standing_client, project, body, encoding)

    assert answer.status_code == 400
    assert answer.json()["message"] == (f"the body is compressed in more than {MAX_MEMBERS} pieces")


def test_what_comes_to_much_is_decompressed_in_its_turn() -> None:
    async def read(body: bytes, large_work: LargeWork) -> bytes:
        async def receive() -> Message:
            return {"type": "http.request", "body": gzip.compress(body)}

        return await read_body(
            receive,
            [(b"content-encoding", b"gzip")],
            ByteBudget(MAX_BODY_BYTES),
            large_work,
            max_body_bytes=MAX_BODY_BYTES,
            max_decompressed_bytes=MAX_DECOMPRESSED_BYTES,
            timeout_seconds=None,
        )

    async def run() -> None:
        large_work, is_free = LargeWork(), threading.Event()
        before = asyncio.create_task(large_work.run(is_free.wait, MAX_BODY_BYTES))
        large = asyncio.create_task(read(b"x" * MAX_DECOMPRESSED_BYTES, large_work))
        little = await read(b"little", large_work)
        for _ in range(5):
            await asyncio.sleep(0)
        was_done = large.done()
        is_free.set()
        await before

        assert (little, was_done) == (b"little", False)
        assert await large == b"x" * MAX_DECOMPRESSED_BYTES
        large_work.close()

    asyncio.run(run())


def test_window_of_a_zstd_frame_is_bounded(standing_client: httpx.Client, project: str) -> None:
    window_log = MAX_ZSTD_WINDOW_BYTES.bit_length()
    parameters = zstandard.ZstdCompressionParameters(window_log=window_log, write_content_size=0)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    body = compressor.compress(json.dumps(make_report()).encode()) + compressor.flush()
    answer = post(standing_client, project, body, "zstd")

    assert answer.status_code == 400


@pytest.mark.parametrize("size_bytes", [MAX_BODY_BYTES + 1, 2 * MAX_BODY_BYTES])
def test_body_that_is_too_large_is_refused(
    standing_client: httpx.Client, project: str, size_bytes: int
) -> None:
    def in_chunks() -> Iterator[bytes]:
        for _ in range(0, size_bytes, 4096):
            yield b" " * 4096

    announced = standing_client.post(errors_path(project), content=b" " * size_bytes)
    chunked = standing_client.post(errors_path(project), content=in_chunks())
    good = standing_client.post(errors_path(project), json=make_report())

    assert (announced.status_code, chunked.status_code, good.status_code) == (413, 413, 201)
    assert announced.json()["message"] == f"the body is larger than {MAX_BODY_BYTES} bytes as sent"


@pytest.fixture(scope="module")
def small_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("small")
    limits = {"max_body_bytes": 1000, "max_decompressed_bytes": 2000, "max_entries": 2}
    with running_server(folder, FakeClock(), **limits) as server:
        yield server


def test_limits_are_those_of_the_configuration(small_server: RunningServer) -> None:
    entry = {"message": "small"}
    with small_server.client() as client:
        answers = [
            client.post(errors_path(), json={"errors": [entry] * 2}),
            client.post(errors_path(), json={"errors": [entry] * 3}),
            client.post(errors_path(), content=b" " * 1001),
            post(client, "small", gzip.compress(b" " * 2001), "gzip"),
        ]

    assert [answer.status_code for answer in answers] == [201, 400, 413, 413]


def test_memory_stays_bounded_whatever_comes(tmp_path: Path) -> None:
    bombs = [
        (encode(bytes(size)), encoding)
        for encoding, encode in (ENCODINGS[name] for name in ("gzip", "br", "zstd", "two"))
        for size in (MAX_DECOMPRESSED_BYTES, 64 * 2**20)
    ]
    entries = json.dumps({"errors": [{"message": "m"}] * 1000, "context": {"a": "x" * 2**20}})
    bodies = [
        *bombs,
        (b"[" * MAX_BODY_BYTES, ""),
        (b"1" * MAX_BODY_BYTES, ""),
        (b" " * 2 * MAX_BODY_BYTES, ""),
        (gzip.compress(b'{"a":' * (MAX_DECOMPRESSED_BYTES // 5)), "gzip"),
        (gzip.compress(b'{"errors":[' + b"{}," * 2_000_000), "gzip"),
        (gzip.compress(b'"' + b"\\ud800" * 1_000_000 + b'"'), "gzip"),
        (gzip.compress(entries.encode()), "gzip"),
    ]
    with server_process(tmp_path) as server, server.client() as client:
        client.post(errors_path(), json=make_report())
        before_bytes = server.resident_bytes()
        with ThreadPoolExecutor(8) as threads:
            sent = [threads.submit(post, client, "bombed", *body) for body in bodies * 2]
        good = client.post(errors_path(), json=make_report())
        peak_bytes = server.peak_bytes()

    assert {answer.result().status_code for answer in sent} <= {400, 413, 503}
    assert good.status_code == 201
    assert peak_bytes - before_bytes < 256 * 2**20


def test_bodies_that_never_end_share_a_bounded_room(tmp_path: Path) -> None:
    head = make_request("POST", errors_path(), b" " * MAX_BODY_BYTES)
    with server_process(tmp_path) as server, ExitStack() as stack:
        slow = [stack.enter_context(connect(server.url)) for _ in range(200)]
        before_bytes = server.resident_bytes()
        for connection in slow:
            connection.sendall(head[:-10])
        # As many as fit stay, the others are told.
        wait_until(lambda: len(_answered(slow)) >= len(slow) - MAX_ARRIVING_BYTES // MAX_BODY_BYTES)
        refused = _answered(slow)
        statuses = {read_answer(connection).status for connection in refused}
        with server.client() as client:
            good = client.post(errors_path(), json=make_report())
        peak_bytes = server.peak_bytes()

    assert statuses == {503}
    assert len(refused) == len(slow) - MAX_ARRIVING_BYTES // MAX_BODY_BYTES
    assert good.status_code == 201
    assert peak_bytes - before_bytes < 256 * 2**20


def _answered(connections: list[socket.socket]) -> list[socket.socket]:
    return select.select(connections, [], [], 0)[0]
