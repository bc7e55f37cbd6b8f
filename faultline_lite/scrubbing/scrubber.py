"""Hide secrets in a report before it is stored.

Two kinds: what stands under a key that names a secret, and what looks like one wherever it stands.
Most reports hold neither, so that one linear search over the raw bytes decides whether a report is
taken apart at all, and one over each of its parts, which of them. What is suspicious there and
harmless on a closer look costs time only; what is secret and not suspicious would be stored, so
that both are made of the same patterns.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from faultline_lite.scrubbing.card_numbers import SMALLEST_CARD, is_card
from faultline_lite.scrubbing.documents import decode, encode, repeats_a_key
from faultline_lite.scrubbing.searches import SCRUBBED, compile_search
from faultline_lite.scrubbing.secret_keys import SecretKeys
from faultline_lite.scrubbing.secret_texts import VALUE_SIGNS, SecretTexts

#: Names of lines of source code: in a frame of ours, and in one of Sentry's.
_SOURCE_KEYS = frozenset({"code", "context_line", "pre_context", "post_context"})

#: The last suspicious part of each name, and what takes its place, None for itself. The entries of
#: a report share some, which may be large.
KnownParts = dict[str, tuple[bytes, msgspec.Raw | None]]

_parts_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Scrubber:
    """Hides what the default list and ``extra_keys`` name.

    An extra key matches like those of the list: anywhere in a key, or, where it has up to
    SHORT_CHARACTERS, as a name of its own.
    """

    def __init__(self, extra_keys: Sequence[str] = ()) -> None:
        self._keys = SecretKeys(extra_keys)
        self._texts = SecretTexts(self._keys)
        in_value = "|".join((*VALUE_SIGNS, self._keys.value_sign))
        #: Tells of raw bytes whether there may be a secret in them, which takes long to be sure of.
        self.is_suspicious = compile_search(f"{self._keys.key_sign}|{in_value}")
        self._has_suspicious_value = compile_search(in_value)

    def scrub(self, payload: bytes, known: KnownParts | None = None) -> bytes:
        """Return the JSON object with its secrets replaced, ``payload`` itself where it has none.

        Payloads that have parts in common are scrubbed with one ``known``, empty at first. Raises
        ValueError or msgspec.DecodeError where it is suspicious and no JSON.
        """
        if not self.is_suspicious(payload):
            return payload
        try:
            parts = _parts_decoder.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError):
            # No object, or not as strict as msgspec is.
            document, changed = self._scrub_document(decode(payload), payload)
            return encode(document) if changed or repeats_a_key(payload) else payload
        changed = self._scrub_parts(parts, {} if known is None else known)
        encoded = encode(parts)
        # Of a key that comes twice the last value was seen, and the bytes hold both.
        if not changed and (len(encoded) == len(payload) or not repeats_a_key(payload)):
            return payload
        return encoded

    def scrub_text(self, text: str, *, is_source: bool = False) -> str:
        """Return the text with what looks like a secret replaced.

        A text that is JSON itself, as a request's body may be, is scrubbed as such.
        ``is_source`` says that it is a line of source code.
        """
        if text[:1] in ("{", "[") and text[-1] in ("}", "]"):
            try:
                return self.scrub(text.encode()).decode()
            except (ValueError, msgspec.DecodeError, RecursionError):
                pass  # no JSON after all
        return self._texts.hide(text, is_source=is_source)

    def _scrub_parts(self, parts: dict[str, msgspec.Raw], known: KnownParts) -> bool:
        """Replace in place what holds a secret; return whether anything does.

        Decoding and encoding cost most, and a backtrace is large and seldom suspicious.
        """
        changed = False
        for name, raw in parts.items():
            part = bytes(raw)
            if self._keys.match(name) or self.is_suspicious(part):
                if name not in known or known[name][0] != part:
                    known[name] = (part, self._scrub_part(name, part))
                hidden = known[name][1]
                if hidden is not None:
                    parts[name] = hidden
                    changed = True
        return changed

    def _scrub_part(self, name: str, part: bytes) -> msgspec.Raw | None:
        """Return what takes the place of the part, None where there is nothing to hide in it."""
        document, has_secret = self._scrub_document({name: decode(part)}, part)
        if not has_secret and not repeats_a_key(part):
            return None
        return msgspec.Raw(encode(document[name]))

    def _scrub_document(self, document: Any, encoded: bytes) -> tuple[Any, bool]:
        """Return the document with its secrets replaced, and whether there are any."""
        check_texts = bool(self._has_suspicious_value(encoded))
        walk = _Walk(self._keys.match, self.scrub_text if check_texts else None)
        return walk.scrub(document, is_source=False), walk.changed


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
        elif isinstance(value, int) and value >= SMALLEST_CARD and is_card(str(value)):
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


def _is_pairs(value: list[Any]) -> bool:
    """Return whether it is a list of pairs, as headers come from browsers and from Sentry."""
    return all(
        isinstance(each, list) and len(each) == 2 and isinstance(each[0], str) for each in value
    )
