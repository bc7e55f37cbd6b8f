"""Which addresses are public, which only somebody's, and what is excepted."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultline_lite.egress.destinations import Destinations, parse_host

PUBLIC = [
    "1.1.1.1",
    "140.82.112.5",
    "172.15.255.255",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
    # A translator's address for a public one, as an IPv6-only network's name server answers.
    "64:ff9b::8c52:7005",
    "::ffff:1.1.1.1",
]
PRIVATE = [
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "fd12:3456::1",
    "fc00::1",
    "::ffff:10.0.0.1",
    "64:ff9b::10.0.0.1",
]
NEVER = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104 - what is refused here
    "0.1.2.3",
    "169.254.0.1",
    "169.254.169.254",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
    "fd00:ec2::254",
    "fd00:ec2::254%1",
    "fd20:ce::254",
    "2001:db8::1",
    "3fff::1",
    "100::1",
    # An IPv4 address inside: mapped, compatible, translated, 6to4, Teredo, ISATAP.
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "::127.0.0.1",
    "::10.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::10.0.0.1",
    "2002:7f00:1::1",
    "2002:101:101::1",
    "2001:0:7f00:1::1",
    "2a00:1450::5efe:127.0.0.1",
    "2a00:1450::200:5efe:169.254.169.254",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_address_is_allowed(address: str) -> None:
    assert Destinations().is_allowed(ip_address(address))


@pytest.mark.parametrize("address", PRIVATE)
def test_private_address_is_allowed_on_request(address: str) -> None:
    assert not Destinations().is_allowed(ip_address(address))
    assert Destinations(allow_private=True).is_allowed(ip_address(address))


@pytest.mark.parametrize("address", NEVER)
def test_special_address_is_not_even_a_private_one(address: str) -> None:
    assert not Destinations(allow_private=True).is_allowed(ip_address(address))


@pytest.mark.parametrize(
    ("entry", "allowed", "others"),
    [
        ("127.0.0.1", ["127.0.0.1", "::ffff:127.0.0.1"], ["127.0.0.2", "::1"]),
        ("127.0.0.0/8", ["127.0.0.1", "127.9.9.9"], ["10.0.0.1"]),
        ("10.1.0.0/16", ["10.1.2.3"], ["10.2.0.1"]),
        ("::1", ["::1"], ["127.0.0.1", "::2"]),
        ("[::1]", ["::1"], ["127.0.0.1"]),
        ("fd12::/16", ["fd12::5"], ["fd13::5"]),
        ("169.254.169.254", ["169.254.169.254"], ["169.254.169.253"]),
        ("64:ff9b:1::/48", ["64:ff9b:1::7f00:1"], ["64:ff9b:2::7f00:1"]),
    ],
)
def test_allowed_address_or_network_excepts_just_itself(
    entry: str, allowed: list[str], others: list[str]
) -> None:
    destinations = Destinations([entry])

    seen = {each: destinations.is_allowed(ip_address(each)) for each in [*allowed, *others]}

    assert seen == {**dict.fromkeys(allowed, True), **dict.fromkeys(others, False)}


@pytest.mark.parametrize("host", ["hooks.internal", "HOOKS.internal", "hooks.internal."])
def test_allowed_name_is_compared_without_case_and_last_dot(host: str) -> None:
    destinations = Destinations(["Hooks.Internal."])

    assert destinations.is_allowed_name(host)


@pytest.mark.parametrize("host", ["internal", "xhooks.internal", "a.hooks.internal", "hooks"])
def test_allowed_name_is_no_other_name(host: str) -> None:
    assert not Destinations(["hooks.internal"]).is_allowed_name(host)


def test_allowed_name_allows_no_address_by_itself() -> None:
    assert not Destinations(["hooks.internal"]).is_allowed(ip_address("127.0.0.1"))


@pytest.mark.parametrize("text", ["", "*", "*.example.com", "10.0.0.1/8", "https://a", "a b", "a/"])
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected names, addresses and networks"):
        parse_host(text)


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_nothing_allowed_is_special_to_python_and_embedding_changes_nothing(
    address: IPv4Address,
) -> None:
    destinations = Destinations()
    mapped = IPv6Address(0xFFFF << 32 | int(address))
    translated = IPv6Address(0x64FF9B << 96 | int(address))

    allowed = destinations.is_allowed(address)

    assert address.is_global or not allowed
    assert (destinations.is_allowed(mapped), destinations.is_allowed(translated)) == (
        allowed,
        allowed,
    )


@given(st.integers(0, 2**128 - 1).map(IPv6Address))
def test_nothing_allowed_of_ipv6_is_special_to_python(address: IPv6Address) -> None:
    assert address.is_global or not Destinations().is_allowed(address)
