"""What looks like a secret in a text, and what to hide of it."""

import binascii
import re
from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

import re2

from faultline_lite.scrubbing.card_numbers import DIGITS, hide_cards
from faultline_lite.scrubbing.searches import SCRUBBED, options
from faultline_lite.scrubbing.secret_keys import SecretKeys

#: Tokens that are told by their shape: private keys (RFC 7468), and those to which Slack, GitHub,
#: GitLab, AWS, Stripe and Google give a prefix. As in all rules, what begins like a match must end
#: within what cannot begin another, or matching a hostile text takes time by its square.
_SHAPES = (
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\w+/=\s\\]*(?:-----END [A-Z ]*PRIVATE KEY-----)?",
    r"\bxox[a-z]-[\w-]{8,}",
    r"\bgh[pousr]_\w{16,}",
    r"\bgithub_pat_\w{16,}",
    r"\bglpat-[\w-]{16,}",
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    r"\b[rs]k_(?:live|test)_\w{10,}",
    r"\bAIza[\w-]{35,}",
)
_WEBHOOK = (
    r"\bhooks\.slack\.com/(?:services|workflows|triggers)/[\w/-]+"
    r"|\bdiscord(?:app)?\.com/api/webhooks/[\w/-]+"
)
#: A JSON web token (RFC 7519) is two JSON objects in Base64 and a signature.
_JWT = r"\beyJ[\w-]+(?:\.[\w-]*)*"
#: RFC 6750 and RFC 7617.
_CREDENTIALS = r"(?i:\b(?:bearer|basic)) +[\w.~+/=-]+"
_USERINFO = r"://[^\s/?#\"@:]*:[^\s/\"@]+@"
#: The same in the raw bytes of JSON, where a slash may stand behind a backslash, and where no word
#: boundary can be told on the left: in ``\nBearer`` the ``n`` is none of the word.
VALUE_SIGNS = (
    rf"(?:^|[^\w.]|\\[bfnrt]|\\u[0-9a-f]{{4}}){DIGITS}",
    r"(?:bearer|basic) +[\w.~+/=-]",
    r":\\?/\\?/[^\s/?#\"@:]*:[^\s/\"@]+@",
    r"hooks\.slack\.com\\?/|discord(?:app)?\.com\\?/api\\?/webhooks",
    r"eyJ[\w-]+\.eyJ|PRIVATE KEY-----|xox[a-z]-[\w-]{8}|gh[pousr]_\w{16}|github_pat_|glpat-",
    r"(?:AKIA|ASIA)[A-Z0-9]{16}|[rs]k_(?:live|test)_|AIza[\w-]{35}",
)
_SPACE = re.compile(rb"\s")
_QUERY_VALUE = re.compile(rb"[^&;#\s\"'<>]*")
#: What follows "bearer" in a sentence about a token that is wrong or missing.
_NO_TOKEN = frozenset(
    (
        *("and", "for", "in", "is", "not", "of", "or", "the", "to", "was", "with"),
        *("auth", "authentication", "authorization", "authorisation", "credentials", "error"),
        *("expired", "format", "header", "invalid", "missing", "prefix", "realm", "required"),
        *("scheme", "token", "tokens"),
    )
)
#: Suspicious places in one text. Real ones hold a handful; what is made to hold millions is hidden
#: from there on, so that a report costs no minutes.
_MOST_CANDIDATES = 1000
_HIDDEN = SCRUBBED.encode()
_DIGITS_RULE = rf"\b{DIGITS}"


class SecretTexts:
    """Hides what looks like a secret in texts; ``keys`` are those of a URL's or a form's pairs."""

    def __init__(self, keys: SecretKeys) -> None:
        self._keys = keys
        rules = (
            keys.pair,
            _DIGITS_RULE,
            _CREDENTIALS,
            _USERINFO,
            _WEBHOOK,
            _JWT,
            "|".join(_SHAPES),
        )
        pattern = "|".join(f"({rule})" for rule in rules)
        self._values = re2.compile(pattern.encode(), options(case_sensitive=True))
        # In the order of the rules, each of which is one group.
        self._hide: tuple[_Hide, ...] = (
            self._hide_pair,
            _hide_digits,
            _hide_credentials,
            _hide_userinfo,
            _hide_webhook,
            _hide_jwt,
            _hide_token,
        )

    def hide(self, text: str, *, is_source: bool) -> str:
        """Return the text with what looks like a secret replaced.

        In a line of source code ``;token=`` is an assignment and no part of a URL.
        """
        encoded = text.encode("utf-8", "surrogatepass")
        hidden = encoded
        # A form's body and a query are pairs from their beginning, and hold no space; neither does
        # what has lost its last one with a card number.
        if is_source or _SPACE.search(hidden):
            hidden = self._hide_values(hidden, is_source=is_source)
        if not is_source and not _SPACE.search(hidden):
            hidden = self._hide_values(b"?" + hidden, is_source=False)[1:]
        return text if hidden == encoded else hidden.decode("utf-8", "surrogatepass")

    def _hide_values(self, text: bytes, *, is_source: bool) -> bytes:
        pieces: list[bytes] = []
        end = position = count = 0
        while found := self._values.search(text, position):
            count += 1
            if count > _MOST_CANDIDATES:
                # Behind a space, so that it is no part of a value that was hidden before.
                return b"".join((*pieces, text[end : found.start()], b" ", _HIDDEN))
            candidate = _Candidate(text, found.start(), found.end(), is_source)
            hidden = self._hide[found.lastindex - 1](candidate)
            if hidden is None:
                # Another rule may match within: ?max_tokens=Bearer abc
                position = candidate.start + 1
            else:
                pieces += (text[end : candidate.start], hidden)
                end = position = candidate.stop
        return b"".join((*pieces, text[end:])) if pieces else text

    def _hide_pair(self, candidate: "_Candidate") -> bytes | None:
        name = candidate.match
        if candidate.is_source and name.startswith(b";"):
            return None
        if not self._keys.match(unquote_to_bytes(name[1:-1]).decode("utf-8", "replace")):
            return None
        value = _QUERY_VALUE.match(candidate.text, candidate.stop)
        if not value or not value[0]:
            return None
        candidate.stop = value.end()
        return name + _HIDDEN


class _Candidate:
    """A place in a text that one of the rules matched.

    What hides it returns what takes its place, or None where another rule may match within.
    """

    __slots__ = ("is_source", "match", "start", "stop", "text")

    def __init__(self, text: bytes, start: int, stop: int, is_source: bool) -> None:
        self.text = text
        self.start = start
        self.stop = stop
        self.is_source = is_source
        self.match = text[start:stop]


_Hide: TypeAlias = Callable[[_Candidate], bytes | None]


def _hide_digits(candidate: _Candidate) -> bytes:
    text, start, stop = candidate.text, candidate.start, candidate.stop
    # The digits of a fraction, or a part of an id.
    if text[start - 1 : start] == b"." or re.match(rb"\w|\.\d", text[stop : stop + 2]):
        return candidate.match
    return hide_cards(candidate.match.decode()).encode()


def _hide_credentials(candidate: _Candidate) -> bytes | None:
    scheme, _, token = candidate.match.rpartition(b" ")
    if scheme[:6].lower() == b"bearer":
        is_secret = token.strip(b".").decode().lower() not in _NO_TOKEN
    else:
        try:
            # Base64 of user:password, unlike the "authentication" of a sentence.
            is_secret = b":" in binascii.a2b_base64(token + b"==")
        except binascii.Error:
            is_secret = False
    return scheme + b" " + _HIDDEN if is_secret else None


def _hide_userinfo(candidate: _Candidate) -> bytes:
    return candidate.match[: candidate.match.index(b":", 1) + 1] + _HIDDEN + b"@"


def _hide_webhook(candidate: _Candidate) -> bytes:
    """Keep the host and what kind of webhook it is; the rest of its path is the secret."""
    kept = 2 if candidate.match.startswith(b"hooks") else 3
    return b"/".join((*candidate.match.split(b"/")[:kept], _HIDDEN))


def _hide_token(_candidate: _Candidate) -> bytes:
    return _HIDDEN


def _hide_jwt(candidate: _Candidate) -> bytes:
    return _HIDDEN if b".eyJ" in candidate.match else candidate.match
