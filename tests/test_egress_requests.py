"""How a request goes out, and what is read of the answer."""

import asyncio
import socket
import ssl
import threading
from ipaddress import IPv4Address
from typing import Any

import pytest
import trustme

from faultline_lite.egress.destinations import Destinations
from faultline_lite.egress.guard import MAX_KNOWN_NAMES, MAX_LOOK_UPS, Egress, SystemResolver
from faultline_lite.exceptions import NotifyError
from tests.fakes import Answer, FakeNames, FakeServer, Fault
from tests.fakes.http import BOMB, HUGE_BYTES
from tests.outgoing import LOOPBACK, fetch, refusal_of, say_ok, serve


def test_cookie_of_one_answer_is_not_in_the_next_request() -> None:
    async def scenario(server: FakeServer) -> None:
        egress = Egress(LOOPBACK, allow_http=True)
        for _ in range(2):
            await egress.request("GET", server.url, headers={})
        await egress.close()

    server = serve(scenario, Answer(200, headers={"Set-Cookie": "a=b"}))

    assert [request.headers.get("cookie") for request in server.requests] == [None, None]


def test_request_is_sent_as_it_is() -> None:
    async def scenario(server: FakeServer) -> None:
        egress = Egress(LOOPBACK, allow_http=True)
        await egress.request(
            "POST", f"{server.url}/a%2Fb?c=%20d#e", headers={"X-One": "1"}, content=b"\0body"
        )
        await egress.close()

    (request,) = serve(scenario).requests

    host = request.headers["host"]
    agent = request.headers["user-agent"]
    assert (request.method, request.target, request.body) == ("POST", "/a%2Fb?c=%20d", b"\0body")
    assert request.headers == {
        "host": host,
        "user-agent": agent,
        "accept-encoding": "identity",
        "x-one": "1",
        "content-length": "5",
    }
    assert (host.startswith("127.0.0.1:"), agent.startswith("faultline-lite/")) == (True, True)


@pytest.mark.parametrize("value", ["a\r\nX-Two: 2", "a\0b", "a\nb", "tokén"])
def test_header_that_would_be_several_is_refused_without_being_quoted(value: str) -> None:
    async def run() -> NotifyError:
        with pytest.raises(NotifyError) as caught:
            await Egress(LOOPBACK).request("GET", "https://1.1.1.1/", headers={"X-One": value})
        return caught.value

    refusal = asyncio.run(run())

    assert (refusal.permanent, refusal.reason) == (
        True,
        "a credential holds characters that no header can carry",
    )


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.HANG, "no complete answer within 0.3 seconds"),
        (Fault.DRIP, "no complete answer within 0.3 seconds"),
        (Fault.RESET, "the connection was lost"),
        (Fault.CUT, "the answer is no HTTP, or ended too early"),
        (Fault.GARBAGE, "the answer is no HTTP, or ended too early"),
    ],
)
def test_failure_on_the_way_may_be_tried_again(fault: Fault, reason: str) -> None:
    async def scenario(server: FakeServer) -> None:
        egress = Egress(LOOPBACK, allow_http=True, timeout_seconds=0.3)
        failure = await refusal_of(egress, f"{server.url}/secret")

        assert (failure.permanent, failure.reason) == (False, reason)

    serve(scenario, fault)


def test_name_server_that_hangs_is_part_of_the_time_limit() -> None:
    async def never(host: str) -> list[IPv4Address]:
        await asyncio.Event().wait()
        return []

    egress = Egress(Destinations(), resolve=never, timeout_seconds=0.05)

    failure = asyncio.run(refusal_of(egress, "https://slow.example/"))

    assert (failure.permanent, failure.reason) == (False, "no complete answer within 0.05 seconds")


def test_unknown_name_and_closed_port_may_be_tried_again() -> None:
    async def run() -> list[tuple[bool, str]]:
        server = FakeServer(say_ok)
        async with server.run():
            closed = server.url
        egress = Egress(LOOPBACK, allow_http=True, resolve=FakeNames({"empty.example": [[]]}))
        urls = ("https://unknown.example/", "https://empty.example/", closed)
        failures = [await refusal_of(egress, url) for url in urls]
        return [(failure.permanent, failure.reason) for failure in failures]

    assert asyncio.run(run()) == [
        (False, "the name of the host cannot be resolved"),
        (False, "the host has no address"),
        (False, "the host cannot be connected to"),
    ]


def test_address_that_refuses_leaves_its_turn_to_the_next() -> None:
    async def scenario(server: FakeServer) -> None:
        names = FakeNames({"hooks.internal": [["::1", "127.0.0.2", "127.0.0.1"]]})
        egress = Egress(LOOPBACK, allow_http=True, resolve=names)

        assert (await fetch(egress, f"http://hooks.internal:{server.port}/")).body == b"ok"

    serve(scenario)


def test_large_answer_is_read_to_the_limit_only() -> None:
    async def scenario(server: FakeServer) -> None:
        egress = Egress(LOOPBACK, allow_http=True)
        answer = await fetch(egress, server.url, max_bytes=100_000)

        assert (answer.status, answer.body) == (200, b"x" * 100_000)

    server = serve(scenario, Fault.HUGE)

    assert server.sent_bytes < HUGE_BYTES / 5


def test_compressed_answer_stays_compressed() -> None:
    async def scenario(server: FakeServer) -> None:
        answer = await fetch(Egress(LOOPBACK, allow_http=True), server.url)

        assert answer.body == BOMB

    serve(scenario, Fault.BOMB)


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def presenting(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.mark.parametrize(
    ("named", "host", "outcome"),
    [
        ("hooks.internal", "hooks.internal", "ok"),
        ("127.0.0.1", "127.0.0.1", "ok"),
        ("127.0.0.1", "hooks.internal", "the certificate is not accepted: Hostname mismatch"),
        ("other.internal", "hooks.internal", "the certificate is not accepted: Hostname mismatch"),
        ("hooks.internal", "127.0.0.1", "the certificate is not accepted: IP address mismatch"),
    ],
)
def test_certificate_must_be_the_names_although_an_address_is_connected_to(
    named: str, host: str, outcome: str
) -> None:
    authority = trustme.CA()

    async def scenario(server: FakeServer) -> None:
        names = FakeNames({"hooks.internal": [["127.0.0.1"]]})
        egress = Egress(LOOPBACK, resolve=names, ssl_context=trusting(authority))
        try:
            seen = (await fetch(egress, f"https://{host}:{server.port}/")).body.decode()
        except NotifyError as error:
            seen = error.reason

        assert seen.startswith(outcome)

    serve(scenario, ssl_context=presenting(authority.issue_cert(named)))


def test_authority_that_nobody_knows_is_not_trusted() -> None:
    async def scenario(server: FakeServer) -> None:
        failure = await refusal_of(Egress(LOOPBACK), server.url)

        assert failure.reason.startswith("the certificate is not accepted: ")

    serve(scenario, ssl_context=presenting(trustme.CA().issue_cert("127.0.0.1")))


def test_server_without_encryption_is_not_spoken_to_in_the_clear() -> None:
    async def scenario(server: FakeServer) -> None:
        failure = await refusal_of(Egress(LOOPBACK), f"https://127.0.0.1:{server.port}/secret")

        assert failure.reason == "no encrypted connection could be agreed on"

    assert serve(scenario).requests == []


def test_system_resolver_finds_addresses_and_says_when_there_are_none() -> None:
    async def run() -> list[object]:
        resolver = SystemResolver()
        found = await asyncio.gather(*[resolver("127.0.0.1") for _ in range(5)])
        with pytest.raises(OSError, match=r"\w"):
            await resolver("a" * 64 + ".example")
        return [set(each) for each in found]

    assert asyncio.run(run()) == [{IPv4Address("127.0.0.1")}] * 5


def test_name_that_takes_long_holds_one_thread_and_no_other_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    answered = threading.Event()
    look_up = socket.getaddrinfo

    def answer_late(host: str, *how: Any, **more: Any) -> Any:
        asked.append(host)
        if host.startswith("slow"):
            answered.wait()
            raise socket.gaierror("no such name")
        return look_up(host, *how, **more)

    monkeypatch.setattr(socket, "getaddrinfo", answer_late)

    async def run() -> None:
        resolver = SystemResolver()
        waiting = [asyncio.create_task(resolver("slow.example")) for _ in range(5)]
        other = await resolver("127.0.0.1")
        waiting += [asyncio.create_task(resolver(f"slow{n}.example")) for n in range(MAX_LOOK_UPS)]
        # One of them is more than are looked up at once.
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        # It was found before.
        known = await resolver("127.0.0.1")
        answered.set()
        await asyncio.gather(*waiting, return_exceptions=True)

        assert other == known == [IPv4Address("127.0.0.1")]
        assert [str(task.exception()) for task in done] == ["too many names are being looked up"]

    asyncio.run(run())

    assert (asked.count("slow.example"), len(asked)) == (1, MAX_LOOK_UPS + 2)


def test_names_that_are_known_are_bounded_and_forgotten_once_they_are_not_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone: set[str] = set()
    answered = threading.Event()

    def answer(host: str, *how: Any, **more: Any) -> Any:
        if host.startswith("slow"):
            answered.wait()
        if host in gone:
            raise socket.gaierror("no such name")
        return [(0, 0, 0, "", ("127.0.0.1", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)

    async def run() -> list[str]:
        resolver = SystemResolver()
        for number in range(MAX_KNOWN_NAMES + 1):
            await resolver(f"name{number}.example")
        gone.add("name1.example")
        await asyncio.gather(resolver("name1.example"), return_exceptions=True)
        slow = [asyncio.create_task(resolver(f"slow{n}.example")) for n in range(MAX_LOOK_UPS)]
        await asyncio.sleep(0)
        asked = [f"name{number}.example" for number in (0, 1, 2, MAX_KNOWN_NAMES)]
        found = await asyncio.gather(*map(resolver, asked), return_exceptions=True)
        answered.set()
        await asyncio.gather(*slow)
        return [str(each) for each in found]

    too_many = "too many names are being looked up"
    address = str([IPv4Address("127.0.0.1")])
    assert asyncio.run(run()) == [too_many, too_many, address, address]
