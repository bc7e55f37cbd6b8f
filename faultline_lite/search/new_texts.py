"""Find the texts of an occurrence that its error has not had before."""

import logging
from collections.abc import Iterable, Iterator
from functools import lru_cache

import msgspec

from faultline_lite.search.grams import fold, skeleton
from faultline_lite.search.novelty import Seen
from faultline_lite.search.searchable import Part, split_payload
from faultline_lite.store.search_texts import SHARED_CHARACTERS, SHARED_TEXTS, Indexed

_logger = logging.getLogger(__name__)


def find_new_texts(payload: bytes, seen: Seen) -> list[Indexed]:
    """Return the payload's texts that are not in ``seen``, and add them to it."""
    found: list[Indexed] = []
    try:
        parts = split_payload(payload)
    except msgspec.DecodeError as error:
        # It is stored, shown and counted all the same.
        _logger.warning("an occurrence cannot be searched: %s", error)
        return found
    for part in parts:
        # Three values, unlike a text's two: Python hashes bytes like the string they spell.
        if not seen.add(("part", *part)):
            continue
        try:
            _find_in_part(part, seen, found)
        except msgspec.DecodeError as error:
            _logger.warning("%s of an occurrence cannot be searched: %s", part.name, error)
    return found


def see_again(texts: Iterable[Indexed]) -> Seen:
    """Return what has been seen where these texts have been indexed."""
    return Seen(_hashes(texts))


def merge_texts(texts: Iterable[Indexed]) -> list[Indexed]:
    """Return the texts without repetition, with lasting grams where any of the same had them."""
    merged: dict[tuple[str, str], Indexed] = {}
    for each in texts:
        known = merged.get((each.kind, each.text))
        if known is None or each.lasting:
            merged[each.kind, each.text] = each
    return [*merged.values()]


def _find_in_part(part: Part, seen: Seen, found: list[Indexed]) -> None:
    for kind, text in part.passages():
        if not text or not seen.add((kind, text)):
            continue
        # NUL stands between packed texts; it is searched for like a space anyway.
        text = text.replace("\0", " ")
        bare = _skeleton(text) if len(text) <= SHARED_CHARACTERS else skeleton(fold(text))
        # A text of which only ids and the like are new has its lasting grams in the index.
        lasting = "\0" not in bare or seen.add((kind, bare, None))
        found.append(Indexed(kind, text, lasting))


@lru_cache(SHARED_TEXTS)
def _skeleton(text: str) -> str:
    return skeleton(fold(text))


def _hashes(texts: Iterable[Indexed]) -> Iterator[int]:
    """Yield the hashes by which ``_find_in_part`` knows the texts again."""
    for kind, text, _ in texts:
        yield hash((kind, text))
        yield hash((kind, skeleton(fold(text)), None))
