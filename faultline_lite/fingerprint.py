"""Which error a message belongs to: its pattern, its group key, its truncated form."""

import hashlib
import re
from functools import lru_cache

#: What follows in a longer message does not tell errors apart: it is left out of the pattern.
PATTERN_CHARACTERS = 4096
#: faultline keyed its tables by message, and DynamoDB's keys are bounded: a message of so many
#: bytes or more is addressed by its beginning, a marker and a hash of the rest.
TRUNCATION_BYTES = 627
TRUNCATION_MARK = "--truncated-by-faultline--"
KEY_BYTES = 16
#: Messages come again and again; longer ones are computed anew, so that they do not stay in memory.
CACHED_MESSAGES = 8192
CACHED_CHARACTERS = 512

# What may stand beside a value without making it part of a word: anything but an ASCII letter, a
# digit or an underscore. Japanese has no spaces: 注文123が holds a number, mp3 and x86_64 do not.
_BEFORE = r"(?<![A-Za-z0-9_])"
_AFTER = r"(?![A-Za-z0-9_])"
_DATE = r"\d{4}-\d\d-\d\d"
_TIME = r"\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?"
_ZONE = r"(?:Z|[+-]\d\d:?\d\d)?"
_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_GROUP = r"[0-9A-Fa-f]{1,4}"

#: In the order in which they are tried at each place. Every part is bounded or begins with what no
#: other part begins with, so that hostile text costs no more than its length.
_PATTERNS = {
    "email": r"[A-Za-z0-9_.+%-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}",
    "uuid": r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}",
    "datetime": rf"{_DATE}[Tt ]{_TIME}{_ZONE}",
    "date": rf"{_DATE}|\d{{4}}/\d\d/\d\d",
    "ip": (
        rf"{_OCTET}(?:\.{_OCTET}){{3}}(?::\d{{1,5}})?"
        rf"|(?:{_GROUP}:){{7}}{_GROUP}"
        rf"|(?:{_GROUP}:){{1,6}}(?::{_GROUP}){{1,6}}"
        rf"|::(?:{_GROUP}:){{0,6}}{_GROUP}"
    ),
    "time": _TIME,
    "hex": r"0[xX][0-9A-Fa-f]+|(?=[A-Fa-f]*[0-9])(?=[0-9]*[A-Fa-f])[0-9A-Fa-f]{8,128}",
    "float": r"\d+(?:,\d{3})*\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+",
    "int": r"\d+(?:,\d{3})*",
}
_VALUE = re.compile(
    _BEFORE
    + "(?:"
    + "|".join(f"(?P<{name}>{pattern})" for name, pattern in _PATTERNS.items())
    + ")"
    + _AFTER,
    re.ASCII,
)
_LAST_WORD = re.compile(r"[A-Za-z0-9_<]+\Z")
_TRUNCATED = re.compile(rf"(.*){TRUNCATION_MARK}[0-9a-f]{{64}}", re.DOTALL)
#: Sentry's name for the server's own grouping inside a fingerprint.
_DEFAULT = re.compile(r"\{\{\s*default\s*\}\}")


def normalise(message: str) -> str:
    """Return the pattern of a message: values that vary between occurrences become placeholders.

    Idempotent: no placeholder holds what another stands for. Only the first PATTERN_CHARACTERS
    count. A truncated form keeps its hash, which is part of an address.
    """
    if is_truncated(message):
        return message
    pattern = _VALUE.sub(lambda found: f"<{found.lastgroup}>", message[:PATTERN_CHARACTERS])
    if len(pattern) > PATTERN_CHARACTERS:
        # Half a word could look like a value where the whole one did not.
        pattern = _LAST_WORD.sub("", pattern[:PATTERN_CHARACTERS])
    return pattern


def group_key(message: str, *, exact: bool, fingerprint: tuple[str, ...] | None) -> bytes:
    """Return the KEY_BYTES that are the same for all occurrences of one error in a project.

    ``exact`` groups by the message itself instead of its pattern; a ``fingerprint`` of the
    client's overrides both, with ``{{ default }}`` in it standing for the key it would be without.
    """
    if len(message) <= CACHED_CHARACTERS and fingerprint is None:
        return _cached_message_key(message, exact)
    default = _message_key(message, exact)
    if fingerprint is None:
        return default
    parts = [_DEFAULT.sub(default.hex(), part) for part in fingerprint]
    return _digest("fingerprint", *parts)


def truncate(message: str) -> str:
    """Return the form that addresses the message: itself, or its truncated form if it is long."""
    # A character has at most four bytes.
    if len(message) * 4 < TRUNCATION_BYTES:
        return message
    encoded = message.encode()
    if len(encoded) < TRUNCATION_BYTES or is_truncated(message):
        return message
    end = TRUNCATION_BYTES
    while end < len(encoded) and encoded[end] & 0xC0 == 0x80:
        end += 1
    rest = hashlib.sha256(encoded[end:]).hexdigest()
    return f"{encoded[:end].decode()}{TRUNCATION_MARK}{rest}"


def is_truncated(text: str) -> bool:
    """Return whether the text is the truncated form of a message."""
    if TRUNCATION_MARK not in text:
        return False
    found = _TRUNCATED.fullmatch(text)
    if found is None:
        return False
    beginning = found[1].encode()
    # Its last character is the one that reached the limit.
    last = len(found[1][-1:].encode())
    return len(beginning) - last < TRUNCATION_BYTES <= len(beginning)


def address_key(truncated: str) -> bytes:
    """Return the key that a truncated form is looked up by."""
    return _digest("truncated", truncated)


def _message_key(message: str, exact: bool) -> bytes:
    return _digest("message", message) if exact else _digest("pattern", normalise(message))


_cached_message_key = lru_cache(CACHED_MESSAGES)(_message_key)


def _digest(kind: str, *parts: str) -> bytes:
    digest = hashlib.blake2b(digest_size=KEY_BYTES, person=kind.encode())
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        # The lengths keep ("a", "bc") and ("ab", "c") apart.
        digest.update(len(encoded).to_bytes(4, "big"))
        digest.update(encoded)
    return digest.digest()
