"""Cut what was found out of a long text, with the matches marked. Pure; data, not markup."""

import unicodedata
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from faultline_lite.search.grams import fold

#: Characters of a snippet, and how many of them may stand before the first match.
MAX_CHARACTERS = 200
BEFORE_MATCH = 60
_CUT = "…"


class Part(NamedTuple):
    """A piece of a snippet; ``matched`` is what was searched for."""

    text: str
    matched: bool


def make_snippet(text: str, wanted: Iterable[str]) -> tuple[Part, ...]:
    """Return the text around the first match of the folded texts ``wanted``, in parts."""
    spans = _merge(sorted(_find(text, wanted)))
    start = max(0, spans[0][0] - BEFORE_MATCH) if spans else 0
    if len(text) - start <= MAX_CHARACTERS:
        start = max(0, min(start, len(text) - MAX_CHARACTERS))
    end = min(len(text), start + MAX_CHARACTERS)
    parts = [Part(_CUT, False)] if start else []
    position = start
    for first, last in spans:
        first, last = max(first, start), min(last, end)
        if first >= last:
            continue
        parts += [Part(text[position:first], False), Part(text[first:last], True)]
        position = last
    parts.append(Part(text[position:end] + (_CUT if end < len(text) else ""), False))
    return tuple(part for part in parts if part.text)


def _find(text: str, wanted: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Yield where in the text, as it was posted, each of the folded texts stands."""
    folded, places = _fold_with_places(text)
    for each in wanted:
        found = folded.find(each)
        while each and found >= 0:
            yield places[found], places[found + len(each)]
            found = folded.find(each, found + len(each))


def _fold_with_places(text: str) -> tuple[str, "range | list[int]"]:
    """Return the folded text, and for each of its characters, and its end, the place in ``text``.

    Folding makes several characters of one (ﬁ) and one of several (ﾊﾟ): what belongs together is
    folded together.
    """
    if text.isascii():
        return fold(text), range(len(text) + 1)
    folded: list[str] = []
    places: list[int] = []
    for start, end in _clusters(text):
        piece = fold(text[start:end])
        folded.append(piece)
        places += [start] * len(piece)
    return "".join(folded), [*places, len(text)]


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for index in range(1, len(text)):
        # The voiced marks of narrow katakana combine once they are widened.
        if not unicodedata.combining(text[index]) and text[index] not in "ﾞﾟ":
            yield start, index
            start = index
    if text:
        yield start, len(text)


def _merge(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
