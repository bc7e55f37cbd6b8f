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
CACHED_MESSAGES = 2048
CACHED_CHARACTERS = 512

# What makes a value part of a word where it stands beside it: an ASCII letter, a digit, an
# underscore, or a letter of the European alphabets. Japanese has no spaces: 注文123が holds one,
# mp3, x86_64 and Größe2 do not.
_WORD = r"A-Za-z0-9_À-ɏͰ-ԯ０-９"
_BEFORE = rf"(?<![{_WORD}])"
_AFTER = rf"(?![{_WORD}])"
# A placeholder ends in none of these, so that what stands behind one is no value afterwards either.
_OPENED = r"(?<![^\s(\[{=:,;\"'@/])"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DATE = (
    r"\d{4}-\d\d-\d\d|\d{4}/\d\d?/\d\d?"
    rf"|(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?\d\d?[ -]{_MONTH}[ -]\d{{4}}"
    r"|(?:\d{4}年)?\d\d?月\d\d?日"
)
_ZONE = r" ?(?:[Zz]|UTC|GMT|JST|[+-]\d\d:?\d\d)"
_TIME = rf"[0-2]?\d:[0-5]\d(?::[0-5]\d(?:[.,]\d+)?(?:{_ZONE}{_AFTER})?)?"
_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_IPV4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_GROUP = r"[0-9A-Fa-f]{1,4}"
_NUMBER = rf"(?:{_OPENED}[+-])?(?<![A-Za-z>]-)"
_UNIT = r"(?:[nuµm]?s|min|h|[kKMGT]?i?B|px)?"
_EMAIL = r"[A-Za-z0-9_][A-Za-z0-9_.+%-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}"

#: In the order in which they are tried at each place. Every part is bounded or begins with what no
#: other part begins with, so that hostile text costs no more than its length.
_PATTERNS = {
    "uuid": r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}",
    "datetime": rf"(?:{_DATE})(?:[Tt]|,? ){_TIME}(?!:\d)|\d{{8}}T\d{{6}}(?:\.\d+)?Z?",
    "date": _DATE,
    "ip": (
        rf"(?<!\.){_IPV4}(?!\.\d)(?::\d{{1,5}})?"
        # Ruby and C++ have names such as Cafe::Bad: an address holds a digit.
        rf"|(?<![:.])(?=[A-Fa-f:]*\d)(?:{_GROUP}(?::{_GROUP}){{7}}"
        rf"|{_GROUP}(?::{_GROUP}){{0,5}}:(?::{_GROUP}){{1,6}})(?!:)"
        rf"|{_OPENED}::(?:[Ff]{{4}}:{_IPV4}|(?=[A-Fa-f:]*\d){_GROUP}(?::{_GROUP}){{0,6}})(?!:)"
    ),
    # The numbers of file.rb:12:34 are none.
    "time": rf"(?<!:){_TIME}(?!:\d)",
    "hex": r"0[xX][0-9A-Fa-f]+|(?=[A-Fa-f]*[0-9])(?=[0-9]*[A-Fa-f])[0-9A-Fa-f]{8,128}",
}
#: A number may carry a unit, which stays: 5003ms. A hyphen behind a word, or behind what stands for
#: one, makes it part of a name, utf-8 or iso-8859, unless it is longer than those: order-1601656.
_NUMBERS = {
    "float": (
        rf"{_NUMBER}(?:(?<!\.)\d{{1,3}}(?:,\d{{3}})++\.\d++(?:[eE][+-]?\d++)?(?!\.\d)"
        r"|(?<!\.)\d++\.\d++(?:[eE][+-]?\d++)?(?!\.\d)|\d++[eE][+-]?\d++)"
    ),
    "int": (
        rf"{_NUMBER}(?:\d{{1,3}}(?:,\d{{3}})++(?!\d)|[0-9０-９]++)|(?<=[A-Za-z]-)[0-9]{{5}}[0-9]*+"
    ),
}


def _compile(first: str, patterns: dict[str, str]) -> re.Pattern[str]:
    """Compile all into one pattern whose groups are named after the placeholders.

    ``first`` are the characters that any of them may begin with: looking for them before anything
    else halves the time.
    """
    values = "|".join(f"(?P<{name}>{pattern})" for name, pattern in patterns.items())
    numbers = "|".join(f"(?P<{name}>{pattern})" for name, pattern in _NUMBERS.items())
    return re.compile(
        rf"(?=[{first}]){_BEFORE}(?:(?:{values}){_AFTER}|(?:{numbers})(?={_UNIT}{_AFTER}))",
        re.ASCII,
    )


_VALUE = _compile(r"0-9A-Fa-fMSTW:+\-０-９", _PATTERNS)
#: Any word may begin an e-mail address, so that they are looked for in messages with an @ only.
_EMAIL_OR_VALUE = _compile(r"0-9A-Za-z_:+\-０-９", {"email": _EMAIL, **_PATTERNS})
_LAST_WORD = re.compile(rf"[{_WORD}<]+\Z")
_TRUNCATED = re.compile(rf"(.*){TRUNCATION_MARK}[0-9a-f]{{64}}", re.DOTALL)
#: Sentry's name for the server's own grouping inside a fingerprint.
_DEFAULT = re.compile(r"\{\{\s*default\s*\}\}")


def normalise(message: str) -> str:
    """Return the pattern of a message: values that vary between occurrences become placeholders.

    Idempotent: no placeholder holds what another stands for. Only the first PATTERN_CHARACTERS
    count. A truncated form keeps its hash, which is part of an address.
    """
    return _cached_pattern(message) if len(message) <= CACHED_CHARACTERS else _last_pattern(message)


def group_key(message: str, *, exact: bool, fingerprint: tuple[str, ...] | None) -> bytes:
    """Return the KEY_BYTES that are the same for all occurrences of one error in a project.

    ``exact`` groups by the message itself instead of its pattern; a ``fingerprint`` of the
    client's overrides both, with ``{{ default }}`` in it standing for the key it would be without;
    one of nothing else, or of nothing, is that key.
    """
    make_key = _cached_message_key if len(message) <= CACHED_CHARACTERS else _message_key
    default = make_key(message, exact)
    if not fingerprint or (len(fingerprint) == 1 and _DEFAULT.fullmatch(fingerprint[0])):
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
    end = end_of_character(encoded, TRUNCATION_BYTES)
    rest = hashlib.sha256(encoded[end:]).hexdigest()
    return f"{encoded[:end].decode()}{TRUNCATION_MARK}{rest}"


def end_of_character(encoded: bytes, reached: int) -> int:
    """Return how many bytes of UTF-8 there are up to the first character that reaches so many."""
    end = reached
    while end < len(encoded) and encoded[end] & 0xC0 == 0x80:
        end += 1
    return end


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


def address_keys(
    message: str, *, exact: bool, fingerprint: tuple[str, ...] | None
) -> tuple[bytes, ...]:
    """Return the keys that lead to the error of a message although its group key does not."""
    keys = []
    shown = truncate(message)
    if shown is not message:
        keys.append(address_key(shown))
    if fingerprint is not None:
        keys.append(group_key(message, exact=exact, fingerprint=None))
    return tuple(keys)


def make_pattern(message: str) -> str:
    """Return the pattern like ``normalise``, without remembering it."""
    if is_truncated(message):
        return message
    beginning = message[:PATTERN_CHARACTERS]
    value = _EMAIL_OR_VALUE if "@" in beginning else _VALUE
    pattern = value.sub(lambda found: f"<{found.lastgroup}>", beginning)
    if len(pattern) > PATTERN_CHARACTERS:
        # Half a word could look like a value where the whole one did not.
        pattern = _LAST_WORD.sub("", pattern[:PATTERN_CHARACTERS])
    return pattern


def _message_key(message: str, exact: bool) -> bytes:
    return _digest("message", message) if exact else _digest("pattern", normalise(message))


_cached_pattern = lru_cache(CACHED_MESSAGES)(make_pattern)
#: Of one occurrence it is asked for two or three times, and takes up to 3 ms.
_last_pattern = lru_cache(1)(make_pattern)
_cached_message_key = lru_cache(CACHED_MESSAGES)(_message_key)


def _digest(kind: str, *parts: str) -> bytes:
    digest = hashlib.blake2b(digest_size=KEY_BYTES, person=kind.encode())
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        # The lengths keep ("a", "bc") and ("ab", "c") apart.
        digest.update(len(encoded).to_bytes(4, "big"))
        digest.update(encoded)
    return digest.digest()
