"""Who may do what: the master key everything, a client key only report.

Without any key configured every request is allowed, and the server listens on loopback only. Then
the browser of its user is the way in for strangers: so a page from elsewhere (Origin), or a name
that was made to lead here (Host, "DNS rebinding"), may report and nothing else.
"""

import hmac
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from faultline_lite.config import Config
from faultline_lite.exceptions import ForbiddenError

Need = Literal["none", "client", "master"]


class KeyRing:
    """The keys of the configuration."""

    def __init__(self, config: Config) -> None:
        self._master = _to_bytes(config.master_api_key)
        self._clients = tuple(_to_bytes(key) for key in config.client_api_keys)

    @property
    def is_open(self) -> bool:
        """Whether no key is configured."""
        return not self._master and not self._clients

    def check(self, headers: Headers, need: Need) -> str:
        """Return what the request is counted under for its rate: its key, or nothing.

        Raises ForbiddenError where the key does not allow what is needed.
        """
        if need == "none":
            return ""
        if self.is_open:
            if need == "master" and not _comes_from_this_machine(headers):
                raise ForbiddenError
            return ""
        given = headers.get("x-api-key", "")
        # Every key is compared, so that the time taken tells nothing of which one came close.
        offered = _to_bytes(given)
        is_master = self._is_master_key(offered)
        matches = [hmac.compare_digest(offered, key) for key in self._clients]
        is_client = any(matches)
        if is_master or (is_client and need == "client"):
            return given
        raise ForbiddenError

    def is_master(self, headers: Headers) -> bool:
        """Return whether the request may do everything."""
        if self.is_open:
            return _comes_from_this_machine(headers)
        return self._is_master_key(_to_bytes(headers.get("x-api-key", "")))

    def is_master_key(self, given: str) -> bool:
        """Return whether this is the master key; never where none is configured."""
        return self._is_master_key(_to_bytes(given))

    def _is_master_key(self, offered: bytes) -> bool:
        return bool(self._master) and hmac.compare_digest(offered, self._master)


def _to_bytes(key: str | None) -> bytes:
    # Headers arrive as latin-1; a key in a configuration file may hold anything.
    return (key or "").encode("utf-8", "surrogateescape")


def _comes_from_this_machine(headers: Headers) -> bool:
    named = [f"//{headers.get('host', '')}"]
    if "origin" in headers:
        named.append(headers["origin"])
    return all(_is_loopback(_host_of(url)) for url in named)


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        # Brackets with no IPv6 address in them.
        return None


def _is_loopback(host: str | None) -> bool:
    if host is None or host == "localhost" or host.endswith(".localhost"):
        return host is not None
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
