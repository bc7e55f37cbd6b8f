"""Hide secrets in a report before it is stored.

Two kinds: what stands under a key that names a secret, and what looks like one wherever it stands.
Most reports hold neither, so that one linear search over the raw bytes (RE2) decides whether a
report is taken apart at all. What is suspicious there and harmless on a closer look costs time
only; what is secret and not suspicious would be stored, so that both are made of the same parts.
"""

import binascii
import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias
from urllib.parse import unquote_to_bytes

import msgspec
import re2

SCRUBBED = "[scrubbed]"

#: A key is secret where it holds one of these, in any case, with ``_``, ``-``, ``.``, a space or
#: nothing between the words. Chosen from what Rails, Sentry and Rollbar filter by default.
SECRET_WORDS = (
    "pass word",
    "passwd",
    "pass phrase",
    "pass code",
    "secret",
    "token",
    "authorization",
    "authorisation",
    "cookie",
    "credential",
    "csrf",
    "xsrf",
    "session id",
    "sess id",
    "api key",
    "access key",
    "private key",
    "encryption key",
    "signing key",
    "master key",
    "shared key",
    "auth key",
    "ssh key",
    "account key",
    "subscription key",
    "credit card",
    "card number",
    "card num",
    "card cvv",
    "card cvc",
    "security code",
)
#: Too short to look for inside other words (``author``, ``shipping``, ``recvcount``): a key is
#: secret where it is one of these, or ends in one behind a separator (``db_pwd``, ``user[pin]``).
SECRET_NAMES = (
    *("auth", "pwd", "pass", "pin", "ssn", "otp", "totp", "jwt", "bearer"),
    *("cvv", "cvv2", "cvc", "cvc2", "cvn", "card no", "cc number", "cc num"),
)
#: The working directory in every process's environment (POSIX), no password.
HARMLESS_NAMES = frozenset({"PWD", "OLDPWD"})
#: An extra key of so few characters is looked for as a name, not inside other words.
SHORT_CHARACTERS = 4

_SEPARATOR = "[-_. ]?"
#: What may stand before a name that ends a key, as in ``user[pin]``.
_BEFORE_NAME = r"[-_. \[/:]"
#: Words that hold a secret word and mean none; the rest of the key is judged without them.
_HARMLESS_PARTS = re.compile(
    r"tokeni[sz]|secretar(?:y|ies)|password-?less"
    rf"|tokens?{_SEPARATOR}(?:count|type|limit|usage|length|expir)"
    rf"|(?:max|min|num|total|used|input|output|prompt|completion|remaining){_SEPARATOR}tokens",
    re.ASCII | re.IGNORECASE,
)
#: Names of lines of source code: in a frame of ours, and in one of Sentry's.
_SOURCE_KEYS = frozenset({"code", "context_line", "pre_context", "post_context"})

#: How JSON may write the letters, digits and signs that the rules look for in another way.
_ESCAPED = r"\\u00(?:2[0d]|3[0-9ad]|[4-7])"
#: 13 digits or more, perhaps in groups. None begins with 0, 1, 7, 8 or 9, which spares times in
#: milliseconds.
_DIGITS = r"[2-6](?:[ -]?[0-9]){12,}"
#: Issuers' first digits and the lengths of their numbers, within the 19 of ISO/IEC 7812-1: Visa,
#: Mastercard, American Express, Diners Club, Discover, JCB and UnionPay, Maestro.
_CARD = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"
    r"|(?:5[1-5][0-9]|22[2-9]|2[3-6][0-9]|27[01])[0-9]{13}|2720[0-9]{12}"
    r"|3[47][0-9]{13}"
    r"|3(?:0[0-5]|09|[689][0-9])[0-9]{11,16}"
    r"|(?:6011|64[4-9][0-9]|65[0-9]{2}|35[2-8][0-9]|62[0-9]{2})[0-9]{12,15}"
    r"|(?:50(?:18|20|38)|5893|6304|6759|676[1-3])[0-9]{9,15}"
)
_CARD_DIGITS = range(13, 20)
_SMALLEST_CARD = 10**12
#: As they are printed on cards; more digits in groups are a table of numbers.
_CARD_GROUPS = ((4, 6, 5), (4, 6, 4))
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
_VALUE_SIGNS = (
    rf"(?:^|[^\w.]|\\[bfnrt]|\\u[0-9a-f]{{4}}){_DIGITS}",
    r"(?:bearer|basic) +[\w.~+/=-]",
    r":\\?/\\?/[^\s/?#\"@:]*:[^\s/\"@]+@",
    r"hooks\.slack\.com\\?/|discord(?:app)?\.com\\?/api\\?/webhooks",
    r"eyJ[\w-]+\.eyJ|PRIVATE KEY-----|xox[a-z]-[\w-]{8}|gh[pousr]_\w{16}|github_pat_|glpat-",
    r"(?:AKIA|ASIA)[A-Z0-9]{16}|[rs]k_(?:live|test)_|AIza[\w-]{35}",
)
_SPACE = re.compile(rb"\s")
_QUERY_VALUE = re.compile(rb"[^&;#\s\"'<>]*")
_QUERY_NAME = r"[^\s?&;#=\"'<>]*"
#: What follows "bearer" in a sentence about a token that is wrong or missing.
_NO_TOKEN = frozenset(
    (
        *("and", "for", "in", "is", "not", "of", "or", "the", "to", "was", "with"),
        *("auth", "authentication", "authorization", "authorisation", "credentials", "error"),
        *("expired", "format", "header", "invalid", "missing", "prefix", "realm", "required"),
        *("scheme", "token", "tokens"),
    )
)
#: Suspicious places in one text, and groups of digits in one row. Real ones hold a handful; what
#: is made to hold millions is hidden from there on, so that a report costs no minutes.
_MOST_CANDIDATES = 1000
_MOST_GROUPS = 1000
_KNOWN_KEYS = 10_000
_KNOWN_KEY_CHARACTERS = 200

_Search: TypeAlias = Callable[[bytes], object]


class Scrubber:
    """Hides what the default list and ``extra_keys`` name.

    An extra key matches like those of the list: anywhere in a key, or, where it has up to
    SHORT_CHARACTERS, as a name of its own.
    """

    def __init__(self, extra_keys: Sequence[str] = ()) -> None:
        self._keys = _SecretKeys(extra_keys)
        in_value = "|".join((*_VALUE_SIGNS, self._keys.value_sign))
        self._is_suspicious = _compile_search(f"{self._keys.key_sign}|{in_value}")
        self._has_suspicious_value = _compile_search(in_value)
        rules = (
            self._keys.pair,
            _DIGITS_RULE,
            _CREDENTIALS,
            _USERINFO,
            _WEBHOOK,
            _JWT,
            "|".join(_SHAPES),
        )
        pattern = "|".join(f"({rule})" for rule in rules)
        self._values = re2.compile(pattern.encode(), _options(case_sensitive=True))
        # In the order of the rules, each of which is one group.
        self._hide: tuple[_Hide, ...] = (
            self._hide_pair,
            _hide_cards,
            _hide_credentials,
            _hide_userinfo,
            _hide_webhook,
            _hide_jwt,
            _hide_token,
        )

    def scrub(self, payload: bytes) -> bytes:
        """Return the JSON object with its secrets replaced, ``payload`` itself where it has none.

        Raises ValueError or msgspec.DecodeError where it is suspicious and no JSON.
        """
        if not self._is_suspicious(payload):
            return payload
        document = _decode(payload)
        check_texts = bool(self._has_suspicious_value(payload))
        walk = _Walk(self._keys.match, self.scrub_text if check_texts else None)
        document = walk.scrub(document, is_source=False)
        # Of a key that comes twice the walk saw the last value, and the bytes hold both.
        if not walk.changed and not _repeats_a_key(payload):
            return payload
        return _encode(document)

    def scrub_text(self, text: str, *, is_source: bool = False) -> str:
        """Return the text with what looks like a secret replaced.

        A text that is JSON itself, as a request's body may be, is scrubbed as such. In a line of
        source code ``;token=`` is an assignment and no part of a URL.
        """
        if text[:1] in ("{", "[") and text[-1] in ("}", "]"):
            try:
                return self.scrub(text.encode()).decode()
            except (ValueError, msgspec.DecodeError, RecursionError):
                pass  # no JSON after all
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


class _SecretKeys:
    """Which keys name a secret, and how that shows in raw bytes."""

    def __init__(self, extra_keys: Sequence[str]) -> None:
        extra = [key for key in map(_make_pattern, extra_keys) if key]
        words = [_make_pattern(word) for word in SECRET_WORDS]
        names = [_make_pattern(name) for name in SECRET_NAMES]
        self._known: dict[str, bool] = {}
        self._default = _compile_keys(words, names)
        self._extra = _compile_keys(*_divide(extra)) if extra else None
        more_words, more_names = _divide(extra)
        word = "|".join((*words, *more_words))
        name = "|".join((*names, *more_names))
        in_string = r'(?:[^"\\]|\\.)*'
        key = rf'(?:{word}){in_string}"|(?:"|{_BEFORE_NAME})(?:{name})\]?"'
        header = rf'"{in_string}(?:{word}){in_string}"|"(?:{in_string}{_BEFORE_NAME})?(?:{name})"'
        escaped = _ESCAPED if all(map(str.isascii, extra)) else r"\\u[0-9a-f]{4}"
        embedded = rf'(?:{word}|{_BEFORE_NAME}(?:{name})|"(?:{name}))[^"\\]*\\+"\s*:'
        query_name = (
            rf"(?:{_QUERY_NAME}(?:{word}){_QUERY_NAME}"
            rf"|(?:{_QUERY_NAME}(?:{_BEFORE_NAME}|%5B))?(?:{name})(?:\]|%5D)?)="
        )
        self.key_sign = rf"(?:{key})\s*:|\[\s*(?:{header})\s*,"
        self.value_sign = rf'(?:[?&;#"]|\\u0026){query_name}|{embedded}|{escaped}'
        self.pair = rf"(?i:[?&;#]{query_name})"

    def match(self, key: str) -> bool:
        """Return whether what stands under the key is a secret."""
        known = self._known.get(key)
        if known is None:
            known = self._judge(key)
            if len(self._known) >= _KNOWN_KEYS:
                self._known.clear()
            if len(key) <= _KNOWN_KEY_CHARACTERS:
                self._known[key] = known
        return known

    def _judge(self, key: str) -> bool:
        encoded = key.encode("utf-8", "surrogatepass")
        if self._extra is not None and self._extra(encoded):
            return True
        if key in HARMLESS_NAMES or not self._default(encoded):
            return False
        return bool(self._default(_HARMLESS_PARTS.sub("", key).encode("utf-8", "surrogatepass")))


class _Walk:
    """One way through a decoded document, whose secrets are replaced in place."""

    def __init__(
        self, is_secret: Callable[[str], bool], scrub_text: Callable[..., str] | None
    ) -> None:
        self.changed = False
        self._is_secret = is_secret
        self._scrub_text = scrub_text

    def scrub(self, value: Any, *, is_source: bool) -> Any:
        """Return what stands for the value: itself, where there is nothing to hide."""
        if isinstance(value, str):
            if self._scrub_text is None:
                return value
            return self._note(value, self._scrub_text(value, is_source=is_source))
        if isinstance(value, dict):
            for key, each in value.items():
                if self._is_secret(key):
                    value[key] = self._hide(each)
                elif isinstance(each, (str, dict, list, int)):
                    value[key] = self.scrub(each, is_source=is_source or key in _SOURCE_KEYS)
        elif isinstance(value, list):
            if _is_pairs(value):
                self._scrub_pairs(value)
            value[:] = [self.scrub(each, is_source=is_source) for each in value]
        elif isinstance(value, int) and value >= _SMALLEST_CARD and _is_card(str(value)):
            return self._note(value, SCRUBBED)
        return value

    def _scrub_pairs(self, pairs: list[list[Any]]) -> None:
        for pair in pairs:
            if self._is_secret(pair[0]):
                pair[1] = self._hide(pair[1])

    def _hide(self, value: Any) -> Any:
        # true, false, null and nothing tell whether there was a secret, and are none.
        if value is None or isinstance(value, bool) or value in ("", [], {}):
            return value
        return self._note(value, SCRUBBED)

    def _note(self, old: Any, new: Any) -> Any:
        self.changed = self.changed or new != old
        return new


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


_HIDDEN = SCRUBBED.encode()
_DIGITS_RULE = rf"\b{_DIGITS}"
_Hide: TypeAlias = Callable[[_Candidate], bytes | None]


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


def _hide_cards(candidate: _Candidate) -> bytes:
    text, start, stop = candidate.text, candidate.start, candidate.stop
    # The digits of a fraction, or a part of an id.
    if text[start - 1 : start] == b"." or re.match(rb"\w|\.\d", text[stop : stop + 2]):
        return candidate.match
    groups = re.split(r"([ -])", candidate.match.decode(), maxsplit=_MOST_GROUPS)
    rest = SCRUBBED if len(groups) > 2 * _MOST_GROUPS else groups[-1]
    groups[-1] = rest
    first = 0
    while first < len(groups):
        last = _find_card(groups, first) if groups[first][0] in "23456" else None
        if last is not None:
            groups[first : last + 1] = [SCRUBBED]
        first += 2
    return "".join(groups).encode()


def _find_card(groups: list[str], first: int) -> int | None:
    """Return where the longest card number that begins at ``first`` ends.

    ``groups`` are digits at even places, and between them what separates them.
    """
    found = None
    for last in range(first, min(first + 9, len(groups)), 2):
        sizes = tuple(map(len, groups[first : last + 1 : 2]))
        in_fours = sizes[-1] <= 4 and all(size == 4 for size in sizes[:-1])
        as_printed = len(sizes) == 1 or in_fours or sizes in _CARD_GROUPS
        if as_printed and _is_card("".join(groups[first : last + 1 : 2])):
            found = last
    return found


def _is_card(digits: str) -> bool:
    """Return whether it is a card number: an issuer's first digits, and Luhn's check digit.

    The check digit is that of ISO/IEC 7812-1, annex B.
    """
    if len(digits) not in _CARD_DIGITS or not _CARD.fullmatch(digits):
        return False
    numbers = [int(digit) for digit in digits]
    doubled = (2 * number - 9 * (number > 4) for number in numbers[-2::-2])
    return (sum(numbers[-1::-2]) + sum(doubled)) % 10 == 0


def _is_pairs(value: list[Any]) -> bool:
    """Return whether it is a list of pairs, as headers come from browsers and from Sentry."""
    return all(
        isinstance(each, list) and len(each) == 2 and isinstance(each[0], str) for each in value
    )


def _make_pattern(key: str) -> str:
    """Return a pattern for the words of a key with any separator, or none, between them."""
    return _SEPARATOR.join(re.findall(r"[^\W_]+", key))


def _divide(patterns: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return those to look for anywhere in a key, and the short ones."""
    words: list[str] = []
    names: list[str] = []
    for pattern in patterns:
        is_short = pattern.isascii() and len(pattern) <= SHORT_CHARACTERS
        (names if is_short else words).append(pattern)
    return words, names


def _compile_keys(words: list[str], names: list[str]) -> _Search:
    named = [rf"(?:^|{_BEFORE_NAME})(?:{'|'.join(names)})\]?\z"] if names else []
    return _compile_search("|".join((*words, *named)))


def _options(*, case_sensitive: bool) -> re2.Options:
    options = re2.Options()
    # Bytes are what is searched; whether they are UTF-8 does not matter to any of the patterns.
    options.encoding = re2.Options.Encoding.LATIN1
    options.case_sensitive = case_sensitive
    options.log_errors = False
    return options


def _compile_search(pattern: str) -> _Search:
    """Return a case-insensitive search, which tells whether there is a match and not where.

    A set of one pattern costs the least: it never looks for the match's beginning.
    """
    patterns = re2.Set.SearchSet(_options(case_sensitive=False))
    patterns.Add(pattern.encode())
    patterns.Compile()
    search: _Search = patterns.Match
    return search


#: Numbers with a fraction stay as they were written.
_decoder = msgspec.json.Decoder(float_hook=lambda text: msgspec.Raw(text.encode()))


def _decode(payload: bytes) -> Any:
    try:
        return _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Python's own is not so strict: half surrogates, as JavaScript cuts them, for one.
        return json.loads(payload.decode("utf-8", "replace"), parse_float=_read_float)


def _read_float(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _encode(document: Any) -> bytes:
    try:
        return msgspec.json.encode(document)
    except (OverflowError, UnicodeEncodeError):
        text = json.dumps(document, separators=(",", ":"), default=lambda raw: float(bytes(raw)))
        return text.encode()


def _repeats_a_key(payload: bytes) -> bool:
    repeated = False

    def compare(pairs: list[tuple[str, Any]]) -> None:
        nonlocal repeated
        repeated = repeated or len(dict(pairs)) < len(pairs)

    json.loads(payload.decode("utf-8", "replace"), object_pairs_hook=compare, parse_int=len)
    return repeated
