"""The URLs in configs. Pure: whether a host may be connected to is for the egress guard to say."""

from urllib.parse import quote, urlsplit

from faultline_lite.sentences import Sentence, say


def check_url(url: str) -> Sentence | None:
    """Return what a URL that is useless should be; never the URL itself."""
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0 and parts.username is None
        # urlsplit leaves out line breaks without a word.
        usable = usable and url.isprintable() and " " not in url
    except ValueError:
        usable, parts = False, urlsplit("")
    if usable and parts.scheme in {"https", "http"}:
        return None
    return say("expected a URL such as https://hooks.example.com/..., without user and password")


def host_of(url: str) -> str:
    """Return the host of a URL that was checked."""
    return urlsplit(url).hostname or ""


def url_secrets(url: str) -> tuple[str, str]:
    """Return what is secret of a web hook's URL: itself, and what follows its host."""
    return url, url.partition("://")[2].partition("/")[2]


def join_url(base: str, *segments: str | int) -> str:
    """Return the URL of a resource below ``base``, each segment percent-encoded whole."""
    return "/".join([base.rstrip("/"), *[quote(str(segment), safe="") for segment in segments]])
