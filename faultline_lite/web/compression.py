"""Compress answers as the browser asks for it."""

import gzip
import re
from collections.abc import Callable
from typing import Literal

import brotli

Encoding = Literal["br", "gzip"]

#: Less does not get smaller by it.
MIN_BYTES = 500
#: For what is made for one answer: the higher levels take several times as long for some percent.
PAGE_LEVEL = 4
#: For what is sent again and again.
ASSET_LEVEL = 9

_PREFERENCE = re.compile(r"\s*([\w*-]+)\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?")


def choose_encoding(accepted: str) -> Encoding | None:
    """Return the best that an ``Accept-Encoding`` header allows, None for none."""
    weights = {}
    for part in accepted.lower().split(","):
        found = _PREFERENCE.fullmatch(part)
        if found is not None:
            weights[found[1]] = float(found[2] or 1)
    for encoding in _COMPRESSORS:
        if weights.get(encoding, weights.get("*", 0.0)) > 0:
            return encoding
    return None


def compress(body: bytes, encoding: Encoding, level: int) -> bytes:
    """Return the compressed body; ``level`` is 1 (quick) to 9 (small)."""
    return _COMPRESSORS[encoding](body, level)


def _to_br(body: bytes, level: int) -> bytes:
    compressed: bytes = brotli.compress(body, quality=level)
    return compressed


def _to_gzip(body: bytes, level: int) -> bytes:
    return gzip.compress(body, level, mtime=0)


#: Best first.
_COMPRESSORS: dict[Encoding, Callable[[bytes, int], bytes]] = {"br": _to_br, "gzip": _to_gzip}
