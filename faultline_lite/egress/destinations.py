"""Which addresses may be connected to. Pure: it looks no name up and connects to nothing.

The tables follow IANA's registries of special-purpose addresses. They are written out because what
``ipaddress`` calls private or global has changed between releases of Python.
"""

import contextlib
import re
from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from faultline_lite.sentences import Sentence, say

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: Networks of one's own: RFC 1918, RFC 6598 (shared by a carrier's customers), RFC 4193.
_PRIVATE = tuple(
    map(
        ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"),
    )
)
#: Where clouds give credentials to whoever asks from inside, beside the link-local addresses: Azure
#: (a public address), Alibaba Cloud, Oracle Cloud, AWS and Google Cloud by IPv6.
_METADATA = frozenset(
    map(
        ip_address,
        (
            "169.254.169.254",
            "168.63.129.16",
            "100.100.100.200",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd20:ce::254",
        ),
    )
)
#: Not public, and nobody's private network either.
_SPECIAL_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network, RFC 791; Linux takes 0.0.0.0 for itself
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # link-local
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # 6to4 relays, RFC 7526
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)
#: The only IPv6 addresses that are given out to the public internet, RFC 4291.
_GLOBAL_V6 = IPv6Network("2000::/3")
_SPECIAL_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments, Teredo (RFC 4380) among them
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4 (RFC 3056): an IPv4 address in it may be anything
            "3fff::/20",  # documentation
        ),
    )
)
#: Prefixes whose last 32 bits are the IPv4 address that is reached: mapped (RFC 4291) and
#: translated (RFC 6052), the latter being what a name server in an IPv6-only network answers.
#: IPv4-compatible ones are long gone and stay outside the global addresses.
_EMBEDDING = tuple(map(IPv6Network, ("::ffff:0:0/96", "64:ff9b::/96")))
#: The lower half of an ISATAP address (RFC 5214), but for the IPv4 address in it and its u bit.
_ISATAP = 0x00005EFE
_ISATAP_MASK = 0xFDFFFFFF

_NAME = re.compile(r"(?=.{1,253}\Z)[\w-]{1,63}(\.[\w-]{1,63})*", re.ASCII)


class Destinations:
    """Public addresses, and what ``allow_hosts`` and ``allow_private`` except.

    ``allow_private`` lets private networks in, but neither loopback nor link-local nor metadata
    addresses: these only ``allow_hosts`` does.
    """

    def __init__(self, allow_hosts: Iterable[str] = (), *, allow_private: bool = False) -> None:
        self.allow_hosts = tuple(allow_hosts)
        self.allow_private = allow_private
        allowed = [parse_host(host) for host in self.allow_hosts]
        self._names = frozenset(each for each in allowed if isinstance(each, str))
        self._networks = tuple(each for each in allowed if not isinstance(each, str))

    def is_allowed_name(self, host: str) -> bool:
        """Return whether the host may be wherever it likes."""
        return _fold(host) in self._names

    def is_allowed(self, address: Address) -> bool:
        """Return whether any host at that address may be connected to."""
        target = _target(address)
        if any(each in network for each in (address, target) for network in self._networks):
            return True
        return self.allow_private if _is_private(target) else _is_public(target)


def parse_host(text: str) -> str | Network:
    """Return an entry of ``allow_hosts``: an address or a network, otherwise a name to compare.

    Raises ValueError where it is none of them.
    """
    try:
        return ip_network(text.strip("[]"))
    except ValueError:
        if not _NAME.fullmatch(_fold(text)):
            raise ValueError("expected names, addresses and networks such as 10.0.0.0/8") from None
    return _fold(text)


def _fold(host: str) -> str:
    """Return the name as it is looked up; one that IDNA cannot encode is no name and stays."""
    with contextlib.suppress(UnicodeError):
        host = host.encode("idna").decode("ascii")
    return host.lower().removesuffix(".")


def _plain(address: Address) -> Address:
    """Return the address without the interface that it is meant on (``fe80::1%eth0``)."""
    return IPv6Address(int(address)) if isinstance(address, IPv6Address) else address


def _target(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for; any other is itself."""
    if isinstance(address, IPv6Address):
        lower = int(address) & 0xFFFF_FFFF
        is_isatap = (int(address) >> 32) & _ISATAP_MASK == _ISATAP
        if is_isatap or any(address in network for network in _EMBEDDING):
            return IPv4Address(lower)
    return address


def _is_public(address: Address) -> bool:
    if _plain(address) in _METADATA:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SPECIAL_V4)
    return address in _GLOBAL_V6 and not any(address in network for network in _SPECIAL_V6)


def _is_private(target: Address) -> bool:
    """Return whether ``allow_private`` lets it in; no cloud's metadata address is."""
    return _plain(target) not in _METADATA and any(target in network for network in _PRIVATE)


def say_not_allowed(address: Address) -> Sentence:
    """Return why an address that is not allowed is not, and which settings would change that."""
    if _is_private(_target(address)):
        return say(
            "{address}, where the host is, is in a private network:"
            " the server's allow_private or allow_hosts can permit it",
            address=address,
        )
    return say(
        "{address}, where the host is, is no public address:"
        " the server's allow_hosts can permit it",
        address=address,
    )
