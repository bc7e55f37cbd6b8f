"""Which keys name a secret, and how that shows in raw bytes."""

import re
from collections.abc import Iterable, Sequence

from faultline_lite.scrubbing.searches import Search, compile_search

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
#: How JSON may write the letters, digits and signs that the rules look for in another way.
_ESCAPED = r"\\u00(?:2[0d]|3[0-9ad]|[4-7])"
_QUERY_NAME = r"[^\s?&;#=\"'<>]*"
_KNOWN_KEYS = 10_000
_KNOWN_KEY_CHARACTERS = 200


class SecretKeys:
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


def _compile_keys(words: list[str], names: list[str]) -> Search:
    named = [rf"(?:^|{_BEFORE_NAME})(?:{'|'.join(names)})\]?\z"] if names else []
    return compile_search("|".join((*words, *named)))
