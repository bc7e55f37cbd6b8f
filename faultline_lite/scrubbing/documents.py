"""JSON taken apart and put together again, as leniently as it comes."""

import json
import math
from typing import Any

import msgspec

#: Numbers with a fraction stay as they were written.
_decoder = msgspec.json.Decoder(float_hook=lambda text: msgspec.Raw(text.encode()))


def decode(payload: bytes) -> Any:
    """Return what the JSON says. Raises ValueError or msgspec.DecodeError where it is none."""
    try:
        return _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Python's own is not so strict: half surrogates, as JavaScript cuts them, for one.
        return json.loads(payload.decode("utf-8", "replace"), parse_float=_read_float)


def _read_float(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def encode(document: Any) -> bytes:
    """Return the document as JSON."""
    try:
        return msgspec.json.encode(document)
    except (OverflowError, UnicodeEncodeError):
        text = json.dumps(document, separators=(",", ":"), default=lambda raw: float(bytes(raw)))
        return text.encode()


def repeats_a_key(payload: bytes) -> bool:
    """Return whether some object in the JSON has the same key twice."""
    repeated = False

    def compare(pairs: list[tuple[str, Any]]) -> None:
        nonlocal repeated
        repeated = repeated or len(dict(pairs)) < len(pairs)

    json.loads(payload.decode("utf-8", "replace"), object_pairs_hook=compare, parse_int=len)
    return repeated
