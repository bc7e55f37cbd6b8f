"""What is never connected to, and what may be."""

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from faultline_lite.egress.destinations import Destinations
from faultline_lite.egress.guard import Egress, SystemResolver
from tests.fakes import Answer, FakeNames, FakeServer
from tests.outgoing import LOOPBACK, fetch, refusal_of, serve

PUBLIC = "1.1.1.1"
NOT_PUBLIC = "is no public address: the server's allow_hosts can permit it"
PRIVATE = "is in a private network: the server's allow_private or allow_hosts can permit it"


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
        (
            "https://169.254.169.254/latest/meta-data/",
            f"169.254.169.254, where the host is, {NOT_PUBLIC}",
        ),
        (
            "https://2852039166/latest/meta-data/",
            f"169.254.169.254, where the host is, {NOT_PUBLIC}",
        ),
        ("https://[::ffff:a9fe:a9fe]/", "::ffff:"),
        ("https://[fd00:ec2::254]/", f"fd00:ec2::254, where the host is, {NOT_PUBLIC}"),
        ("https://100.100.100.200/", f"100.100.100.200, where the host is, {NOT_PUBLIC}"),
        ("https://10.0.0.1/", f"10.0.0.1, where the host is, {PRIVATE}"),
        ("https://192.168.0.1/", "192.168.0.1, where the host is"),
        ("https://100.64.0.1/", "100.64.0.1, where the host is"),
        ("https://224.0.0.1/", "224.0.0.1, where the host is"),
        ("https://255.255.255.255/", "255.255.255.255, where the host is"),
        ("http://1.1.1.1/", "http is not encrypted: the server's allow_http can permit it"),
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
