"""The URLs in configs. Pure: whether a host may be connected to is for the egress guard to say."""

from collections.abc import Iterator
from urllib.parse import quote, urlsplit

from faultline_lite.exceptions import Problem
from faultline_lite.notifications.channels import wrong_field
from faultline_lite.sentences import say


def find_url_problems(name: str, url: str) -> Iterator[Problem]:
    """Yield what makes the URL in the field ``name`` useless; never the URL itself."""
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0 and parts.username is None
        # urlsplit leaves out line breaks without a word.
        usable = usable and url.isprintable() and " " not in url
    except ValueError:
        usable, parts = False, urlsplit("")
    if not usable or parts.scheme not in {"https", "http"}:
        yield wrong_field(
            say("expected a URL such as https://hooks.example.com/..., without user and password"),
            name,
        )


def host_of(url: str) -> str:
    """Return the host of a URL that was checked."""
    return urlsplit(url).hostname or ""


def url_secrets(url: str) -> tuple[str, str]:
    """Return what is secret of a web hook's URL: itself, and what follows its host."""
    return url, url.partition("://")[2].partition("/")[2]


def join_url(base: str, *segments: str | int) -> str:
    """Return the URL of a resource below ``base``, each segment percent-encoded whole."""
    return "/".join([base.rstrip("/"), *[quote(str(segment), safe="") for segment in segments]])
