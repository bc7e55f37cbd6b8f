"""Hide secrets in a report before it is stored.

Two kinds: what stands under a key that names a secret, and what looks like one wherever it stands.
Most reports hold neither, so that one linear search over the raw bytes (RE2) decides whether a
report is taken apart at all.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import re2

SCRUBBED = "[scrubbed]"

#: A key is secret where it holds one of these, in any case, with or without ``_``, ``-``, ``.``
#: and spaces between the words. Chosen from what Rails, Sentry and Rollbar filter by default.
SECRET_WORDS = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "authorization",
    "cookie",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "creditcard",
    "cardnumber",
    "cardno",
    "securitycode",
)
#: Too short to look for inside other words: ``author``, ``pins``, ``shipping``.
SECRET_NAMES = ("auth", "pwd", "pass", "pin", "ssn", "cvv", "cvc", "csrf", "sid", "jwt")
#: Keys that hold a word above and yet no secret.
HARMLESS_NAMES = ("tokencount", "tokentype", "maxtokens", "cookieenabled", "cookiesenabled")

_SEPARATORS = re.compile(r"[\s_.\-]+")
#: Sixteen digits are the commonest; ISO/IEC 7812 has up to nineteen. The first digits are those of
#: card issuers, which spares most ids, and times in milliseconds, which begin with 1.
_CARD = r"(?:4\d{3}|5[1-5]\d{2}|2[2-7]\d{2}|3[47]\d{2}|3[0689]\d{2}|6\d{3})(?:[ -]?\d){9,15}"
#: Tokens that can be told by their shape: HTTP credentials (RFC 7235), JSON web tokens (RFC 7519),
#: and those to which Slack, GitHub, GitLab and AWS give a prefix.
_TOKENS = (
    r"(?i:\b(?:bearer|basic)\s+)(?P<credentials>[A-Za-z0-9+/=._~-]{8,})",
    r"(?P<jwt>\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)",
    r"(?P<slack>hooks\.slack\.com/services/[A-Za-z0-9/_-]+|\bxox[a-z]-[A-Za-z0-9-]{8,})",
    r"(?P<github>\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_[A-Za-z0-9_]{16,})",
    r"(?P<gitlab>\bglpat-[A-Za-z0-9_-]{16,})",
    r"(?P<aws>\b(?:AKIA|ASIA)[A-Z0-9]{16}\b)",
    r"://[^/\s:@]{0,200}:(?P<userinfo>[^/\s:@]{1,200})@",
)
#: What a value has in it where one of the rules above may apply, in the raw bytes.
_TOKEN_SIGNS = (
    r"\b(?:bearer|basic)\s+[A-Za-z0-9+/=._~-]{8}",
    r"\beyJ\w",
    r"hooks\.slack\.com|\bxox[a-z]-|\bgh[pousr]_|github_pat_|glpat-|\b(?:AKIA|ASIA)[A-Z0-9]{16}",
    r":\\?/\\?/[^/\s\"@]*:[^/\s\"@]*@",
    r"[2-6]\d{3}(?:[ -]?\d){9}",
)
_SHORTEST_SECRET = 4
_SMALLEST_CARD = 10**12
_KNOWN_KEYS = 10_000
_KNOWN_KEY_CHARACTERS = 200
_NESTED = re.compile(r"[\[\].]")
_ScrubText = Callable[[str], str]


class Scrubber:
    """Hides what the default list and ``extra_keys`` name.

    An extra key matches like the long words of the list: anywhere in a key.
    """

    def __init__(self, extra_keys: Sequence[str] = ()) -> None:
        extra = [squeezed for key in extra_keys if (squeezed := _squeeze(key))]
        self._words = (*SECRET_WORDS, *extra)
        self._known: dict[str, bool] = {}
        names = "|".join(map(_spread, (*self._words, *SECRET_NAMES)))
        # What a query string or a form body carries: ?token=abc&x=1
        pair = rf"(?:^|[?&;\s\"])[\w.\[\]-]{{0,40}}(?:{names})[\w.\[\]-]{{0,20}}="
        escape = r"\\u00[2-7]"
        in_key = rf'"[^"]*(?:{names})[^"]*"\s*[:,]|{escape}'
        in_value = "|".join((*_TOKEN_SIGNS, pair, escape))
        anywhere = "|".join((*map(_spread, self._words), rf'(?:{names})[\]"]', in_value))
        self._is_suspicious = _compile_search(anywhere)
        self._has_secret_key = _compile_search(in_key)
        self._has_secret_value = _compile_search(in_value)
        values = (*_TOKENS, rf"(?i:{pair})(?P<pair>[^&;\s\"']+)", f"(?P<card>{_CARD})")
        self._values = re2.compile("|".join(values))

    def scrub(self, payload: bytes) -> bytes:
        """Return the JSON object with its secrets replaced, or itself where it has none."""
        if not self._is_suspicious(payload):
            return payload
        look_at_keys = self._has_secret_key(payload) is not None
        look_at_values = self._has_secret_value(payload) is not None
        if not look_at_keys and not look_at_values:
            return payload
        value = msgspec.json.decode(payload)
        scrub_text = self.scrub_text if look_at_values else None
        scrubbed = self._scrub_value(value, scrub_text)
        if scrubbed == value:
            return payload
        try:
            return msgspec.json.encode(scrubbed)
        except OverflowError:
            # msgspec writes no integers beyond 64 bits; JSON has them.
            return json.dumps(scrubbed, ensure_ascii=False, separators=(",", ":")).encode()

    def scrub_text(self, text: str) -> str:
        """Return the text with what looks like a secret replaced."""
        if len(text) < _SHORTEST_SECRET or self._values.search(text) is None:
            return text
        return str(self._values.sub(_hide, text))

    def _scrub_value(self, value: Any, scrub_text: _ScrubText | None) -> Any:
        if isinstance(value, str):
            return value if scrub_text is None else scrub_text(value)
        if isinstance(value, dict):
            return {
                key: SCRUBBED if self._hides(key, each) else self._scrub_value(each, scrub_text)
                for key, each in value.items()
            }
        if isinstance(value, list):
            # Headers come as pairs as well, a list of two texts each.
            if [type(each) for each in value] == [str, str] and self._hides(*value):
                return [value[0], SCRUBBED]
            return [self._scrub_value(each, scrub_text) for each in value]
        if type(value) is int and value >= _SMALLEST_CARD and _is_card(str(value)):
            return SCRUBBED
        return value

    def _hides(self, key: str, value: Any) -> bool:
        # true, false, null and nothing say whether there was a secret, and are none.
        if not value or value is True:
            return False
        known = self._known.get(key)
        if known is None:
            if len(self._known) > _KNOWN_KEYS:
                self._known.clear()
            known = self._is_secret(key)
            if len(key) <= _KNOWN_KEY_CHARACTERS:
                self._known[key] = known
        return known

    def _is_secret(self, key: str) -> bool:
        squeezed = _squeeze(key)
        if squeezed in HARMLESS_NAMES:
            return False
        # A form names nested fields like user[pin] or user.pin.
        last = _squeeze(_NESTED.split(key.rstrip("]"))[-1])
        names = {squeezed, last}
        return any(word in squeezed for word in self._words) or not names.isdisjoint(SECRET_NAMES)


def _compile_search(pattern: str) -> Callable[[bytes], object]:
    """Return a case-insensitive search over raw bytes, which tells whether there is a match."""
    options = re2.Options()
    options.case_sensitive = False
    options.never_capture = True
    search: Callable[[bytes], object] = re2.compile(pattern.encode(), options).search
    return search


def _spread(word: str) -> str:
    """Return a pattern for the word with separators anywhere between its letters."""
    return r"[_\-. ]?".join(map(re.escape, word))


def _squeeze(key: str) -> str:
    return _SEPARATORS.sub("", key).lower()


def _hide(found: Any) -> str:
    """Replace the group that matched, and leave the rest of the match."""
    text: str = found[0]
    if found.lastgroup == "card" and not _is_card(text):
        return text
    # Each alternative has one group.
    start, end = found.span(found.lastindex)
    offset = found.start()
    return text[: start - offset] + SCRUBBED + text[end - offset :]


def _is_card(text: str) -> bool:
    """Return whether the text is a card number: an issuer's first digits, and Luhn's check digit.

    The check digit is that of ISO/IEC 7812-1, annex B.
    """
    digits = [int(character) for character in text if character.isdigit()]
    if not 13 <= len(digits) <= 19 or not re.fullmatch(_CARD, text):
        return False
    doubled = (2 * digit - 9 * (digit > 4) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
