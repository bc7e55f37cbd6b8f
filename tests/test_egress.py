"""What is never connected to, and what is read of those who may be."""

import asyncio
import socket
import ssl
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from ipaddress import IPv4Address
from typing import Any

import pytest
import trustme

from faultline_lite.egress.destinations import Destinations
from faultline_lite.egress.guard import MAX_LOOK_UPS, Egress, HttpResponse, SystemResolver
from faultline_lite.exceptions import NotifyError
from tests.fakes import Answer, FakeNames, FakeServer, Fault, Request
from tests.fakes.http import BOMB, HUGE_BYTES

LOOPBACK = Destinations(["127.0.0.0/8", "::1"])
PUBLIC = "1.1.1.1"


class _Connections:
    """Notes every address that a socket of this process is connected to while it is watching."""

    def __init__(self) -> None:
        self.watching = False
        self.addresses: list[str] = []
        # It cannot be removed again.
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.watching and event == "socket.connect":
            self.addresses.append(str(arguments[1][0]))


_connections = _Connections()


@pytest.fixture
def connected() -> Iterator[list[str]]:
    _connections.addresses = []
    _connections.watching = True
    yield _connections.addresses
    _connections.watching = False


def say_ok(request: Request) -> Answer:
    return Answer(200, b"ok")


def serve(
    scenario: Callable[[FakeServer], Awaitable[None]],
    *replies: Answer | Fault,
    ssl_context: ssl.SSLContext | None = None,
) -> FakeServer:
    """Run the scenario beside a server that gives these replies first, ``ok`` afterwards."""

    async def run() -> FakeServer:
        server = FakeServer(say_ok)
        server.replies.extend(replies)
        async with server.run(ssl_context=ssl_context):
            await scenario(server)
        return server

    return asyncio.run(run())


async def fetch(egress: Egress, url: str, **more: Any) -> HttpResponse:
    try:
        return await egress.request("GET", url, headers={}, **more)
    finally:
        await egress.close()


async def refusal_of(egress: Egress, url: str) -> NotifyError:
    with pytest.raises(NotifyError) as caught:
        await fetch(egress, url)
    return caught.value


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "localhost.",
        # What inet_aton takes for an address, and the system's resolver with it.
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "127.1",
        "127.0.1",
        "0",
        "0.0.0.0",  # noqa: S104 - what is refused here
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::127.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        # Digits and dots that IDNA maps to ASCII.
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "ⓛocalhost",
    ],
)
def test_loopback_is_not_connected_to_however_it_is_written(
    host: str, connected: list[str]
) -> None:
    async def scenario(server: FakeServer) -> None:
        egress = Egress(Destinations(allow_private=True), allow_http=True)
        await refusal_of(egress, f"http://{host}:{server.port}/")

    server = serve(scenario)

    assert (server.connections, connected) == (0, [])


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://169.254.169.254/latest/meta-data/", "169.254.169.254, where the host is"),
        ("https://2852039166/latest/meta-data/", "169.254.169.254, where the host is"),
        ("https://[::ffff:a9fe:a9fe]/", "::ffff:"),
        ("https://[fd00:ec2::254]/", "fd00:ec2::254, where the host is"),
        ("https://100.100.100.200/", "100.100.100.200, where the host is"),
        ("https://10.0.0.1/", "10.0.0.1, where the host is"),
        ("https://192.168.0.1/", "192.168.0.1, where the host is"),
        ("https://100.64.0.1/", "100.64.0.1, where the host is"),
        ("https://224.0.0.1/", "224.0.0.1, where the host is"),
        ("https://255.255.255.255/", "255.255.255.255, where the host is"),
        ("http://1.1.1.1/", "the scheme of the URL is not allowed, only https"),
        ("ftp://1.1.1.1/", "the scheme of the URL is not allowed, only https"),
        ("file:///etc/passwd", "the scheme of the URL is not allowed, only https"),
        ("gopher://1.1.1.1:6379/_FLUSHALL", "the scheme of the URL is not allowed, only https"),
        ("/etc/passwd", "the scheme of the URL is not allowed, only https"),
        ("https://1.1.1.1@127.0.0.1/", "the URL must have a host, and no user and password"),
        ("https://user:word@1.1.1.1/", "the URL must have a host, and no user and password"),
        (r"https://1.1.1.1\@127.0.0.1/", "the URL must have a host, and no user and password"),
        ("https://1.1.1.1%2f@127.0.0.1/", "the URL must have a host, and no user and password"),
        ("https:///etc/passwd", "the URL must have a host, and no user and password"),
        ("https://1.1.1.1:port/", "the URL is malformed"),
        ("https://[fe80::1%25eth0]/", "fe80::1%25eth0, where the host is"),
        ("https://[::1/", "the URL is malformed"),
        ("https://1.1.1.1/\r\nX: y", "the URL is malformed"),
        ("https://" + "a" * 70_000, "the URL is malformed"),
    ],
)
def test_destination_is_refused_for_good_before_any_connection(
    url: str, reason: str, connected: list[str]
) -> None:
    refusal = asyncio.run(refusal_of(Egress(Destinations()), url))

    assert refusal.permanent
    assert refusal.reason.startswith(reason)
    assert connected == []


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        [PUBLIC, "127.0.0.1"],
        ["127.0.0.1", PUBLIC],
        [*[PUBLIC] * 20, "169.254.169.254"],
    ],
)
def test_name_is_refused_for_any_address_that_it_must_not_have(
    addresses: list[str], connected: list[str]
) -> None:
    names = FakeNames({"rebind.example": [addresses]})
    egress = Egress(Destinations(), resolve=names)

    refusal = asyncio.run(refusal_of(egress, "https://rebind.example/"))

    assert (refusal.permanent, connected) == (True, [])


def test_name_that_answers_something_else_the_next_time_is_asked_once(
    connected: list[str],
) -> None:
    async def scenario(server: FakeServer) -> None:
        names = FakeNames({"rebind.example": [["127.0.0.1"], ["127.0.0.2"], ["127.0.0.3"]]})
        egress = Egress(Destinations(["127.0.0.1"]), allow_http=True, resolve=names)
        url = f"http://rebind.example:{server.port}/"
        first = await egress.request("GET", url, headers={})
        # The second goes through the connection to the address that was checked.
        second = await egress.request("GET", url, headers={})
        await egress.close()
        third = await refusal_of(egress, url)

        assert (first.body, second.body, third.permanent) == (b"ok", b"ok", True)
        assert names.asked == ["rebind.example", "rebind.example"]

    server = serve(scenario)

    assert (server.connections, connected) == (1, ["127.0.0.1"])


@pytest.mark.parametrize(
    ("allow_hosts", "url_host"),
    [
        (["127.0.0.1"], "127.0.0.1"),
        (["127.0.0.0/8"], "2130706433"),
        (["127.0.0.0/8"], "hooks.internal"),
        (["hooks.internal"], "hooks.internal"),
        (["hooks.internal"], "HOOKS.internal."),
        (["bücher.internal"], "bücher.internal"),
        (["xn--bcher-kva.internal"], "bücher.internal"),
    ],
)
def test_host_in_allow_hosts_is_connected_to(allow_hosts: list[str], url_host: str) -> None:
    async def scenario(server: FakeServer) -> None:
        known = ("hooks.internal", "hooks.internal.", "xn--bcher-kva.internal")
        names = FakeNames({name: [["127.0.0.1"]] for name in known})
        resolve = SystemResolver() if url_host.isdigit() else names
        egress = Egress(Destinations(allow_hosts), allow_http=True, resolve=resolve)

        assert (await fetch(egress, f"http://{url_host}:{server.port}/")).body == b"ok"

    serve(scenario)


def test_redirect_is_an_answer_like_any_other(connected: list[str]) -> None:
    location = {"Location": "http://169.254.169.254/latest/meta-data/"}

    async def scenario(server: FakeServer) -> None:
        egress = Egress(LOOPBACK, allow_http=True)
        answer = await fetch(egress, server.url)

        assert (answer.status, answer.headers["location"]) == (302, location["Location"])

    serve(scenario, Answer(302, headers=location))

    assert connected == ["127.0.0.1"]


def test_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.upper(), "http://127.0.0.1:9")

    async def scenario(server: FakeServer) -> None:
        assert (await fetch(Egress(LOOPBACK, allow_http=True), server.url)).body == b"ok"

    serve(scenario)


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
        answered.set()
        await asyncio.gather(*waiting, return_exceptions=True)

        assert (other, [str(task.exception()) for task in done]) == (
            [IPv4Address("127.0.0.1")],
            ["too many names are being looked up"],
        )

    asyncio.run(run())

    assert (asked.count("slow.example"), len(asked)) == (1, MAX_LOOK_UPS + 1)
