"""Cut text into the short pieces that the search index holds, and a query into those it needs.

A gram is three characters in a row, or two where one of them is Chinese, Japanese or Korean: there
two are a word. All of it is done on folded text, in which case, width and kind of space are gone.

Words with a digit in them (ids, times, addresses, hashes) differ from one occurrence to the next,
and what surrounds them does not. So the grams that touch such a word are *varying*, all others are
*lasting*: of a text that is like an earlier one but for those words, only the varying ones are new.
Of which sort a query's grams are follows from the query alone, but for the words at its two ends,
which may be parts of longer ones.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import repeat
from typing import NamedTuple

_CJK = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3040-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_LETTER = rf"[^\W{_CJK}]"
_HAS_CJK = re.compile(f"[{_CJK}]")
_WORD = re.compile(f"{_LETTER}+")
#: A word with a digit in it. It is looked for at the beginning of words only: linear in the text.
_VARYING = rf"(?<!{_LETTER})[^\W{_CJK}0-9]*+[0-9]{_LETTER}*+"
_VARYING_WORD = re.compile(_VARYING)
#: Several of them, so close to each other that every gram between them touches one.
_VARYING_WORDS = re.compile(rf"{_VARYING}(?:\W{{1,2}}{_VARYING})*+")
#: Words that are terms themselves: too short to have a gram, and of the usual lengths, so that a
#: query of one word need not look at the texts. An underscore ends one.
_PART = rf"[^\W_{_CJK}]"
_SHORT_WORD = re.compile(rf"(?<!{_PART}){_PART}{{1,2}}(?!{_PART})")
_SURE_WORD = re.compile(rf"(?<!{_PART}){_PART}{{4,32}}(?!{_PART})")
_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f-\x9f]")
#: Grams that one alternative of a query asks for: more of them hardly find less. Those across
#: anything but letters and digits are the rarest.
MAX_GRAMS = 6
MAX_INNER_GRAMS = 3


#: A function that yields the grams in ``text[start:end]`` with a mark in front.
_Cut = Callable[[str, int, int, str], Iterator[str]]


class Marks(NamedTuple):
    """What grams begin with, so that those of several kinds of text live in one index."""

    lasting: str
    varying: str


class Alternative(NamedTuple):
    """Grams of one sort; where a query is found, one place holds all of them."""

    varying: bool
    grams: tuple[str, ...]


def fold(text: str) -> str:
    """Return the text as it is compared: without case, width or kind of white space."""
    return blank(fold_letters(text))


def fold_letters(text: str) -> str:
    """Return the text without case or width."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()


def blank(text: str) -> str:
    """Return the text with a space for every kind of white space and control character."""
    return text if text.isprintable() else _UNPRINTABLE.sub(" ", text)


def find_blanked(text: str, wanted: str) -> bool:
    """Return whether the text, once ``blank``, holds what is wanted, but across no NUL."""
    words = wanted.split(" ")
    return all(word in text for word in words) and _phrase(wanted).search(text) is not None


@lru_cache(64)
def _phrase(wanted: str) -> re.Pattern[str]:
    return re.compile(r"[\s\x01-\x1f\x7f-\x9f]".join(map(re.escape, wanted.split(" "))))


def skeleton(folded: str) -> str:
    """Return what the text shares with others that differ in their varying words only."""
    return _VARYING_WORDS.sub("\0", folded)


def list_grams(folded: str, marks: Marks, *, lasting: bool, every_size: bool = False) -> list[str]:
    """Return the grams of a text, with their marks; the lasting ones only where they are wanted.

    Among the lasting ones are words without a digit, short ones and those of four to 32 letters;
    with ``every_size``, all parts that are too short for a gram are there, too. A gram may be there
    more than once.
    """
    cut = _cut_plain if folded.isascii() or not _HAS_CJK.search(folded) else _cut_mixed
    grams: list[str] = []
    position = 0
    for found in _VARYING_WORDS.finditer(folded):
        start, end = found.span()
        # Two characters before and behind belong to grams that touch the words.
        grams += cut(folded, max(0, start - 2), min(len(folded), end + 2), marks.varying)
        if every_size:
            grams += _cut_short(folded[max(0, start - 1) : end + 1], marks.varying)
        if lasting and start > position:
            grams += _list_lasting(folded, position, start, cut, marks.lasting, every_size)
        position = end
    if lasting:
        grams += _list_lasting(folded, position, len(folded), cut, marks.lasting, every_size)
    return grams


def is_short(folded: str) -> bool:
    """Return whether a text has no gram of the usual sizes."""
    return len(folded) < 2 or (len(folded) == 2 and _HAS_CJK.search(folded) is None)


def has_word(folded: str, short: str) -> bool:
    """Return whether a short text is a word, without a digit, of the folded text."""
    return short in folded and any(
        short in word.split("_")
        for word in _WORD.findall(folded)
        if _VARYING_WORD.fullmatch(word) is None
    )


@lru_cache(1024)
def alternatives(folded: str) -> tuple[Alternative, ...]:
    """Return what to look for to find a query that is not short.

    Every text that holds the query fits one of them at least; not every text that fits holds it.
    """
    cut = _cut_mixed if _HAS_CJK.search(folded) else _cut_plain
    varying = [found.span() for found in _VARYING_WORD.finditer(folded)]
    if varying:
        return (Alternative(True, _choose(_touching(folded, varying, cut))),)
    found = [Alternative(False, _sample([*cut(folded, 0, len(folded), "")]))]
    words = [word.span() for word in _WORD.finditer(folded)]
    for start, end in dict.fromkeys(words[:1] + words[-1:]):
        # A word that the query may hold only a part of may have a digit in the other part.
        if start == 0 or end == len(folded):
            found.append(Alternative(True, _sample(_touching(folded, [(start, end)], cut))))
    return tuple(found)


@lru_cache(1024)
def sure_alternatives(folded: str) -> tuple[Alternative, ...]:
    """Return what to look for so that every text that fits holds the query, if there is such."""
    cut = _cut_mixed if _HAS_CJK.search(folded) else _cut_plain
    grams = [*cut(folded, 0, len(folded), "")]
    if grams == [folded]:
        return (Alternative(False, (folded,)), Alternative(True, (folded,)))
    if _SURE_WORD.fullmatch(folded):
        return (Alternative(False, (folded,)),)
    return ()


def short_alternatives(folded: str, *, every_size: bool) -> tuple[Alternative, ...]:
    """Return what a text fits exactly if it holds a short query: as a word, or anywhere."""
    if every_size:
        return (Alternative(False, (folded,)), Alternative(True, (folded,)))
    return (Alternative(False, (folded,)),) if _SHORT_WORD.fullmatch(folded) else ()


def _touching(folded: str, words: list[tuple[int, int]], cut: _Cut) -> list[str]:
    """Return the grams that touch one of the words, and some beside them."""
    return [
        gram
        for start, end in words
        for gram in cut(folded, max(0, start - 2), min(len(folded), end + 2), "")
    ]


def _list_lasting(
    folded: str, start: int, end: int, cut: _Cut, mark: str, every_size: bool
) -> list[str]:
    """Return the grams of a piece between two varying words."""
    grams = [*cut(folded, start, end, mark)]
    if every_size:
        grams += _cut_short(folded[start:end], mark)
    else:
        grams += [mark + word for word in _SHORT_WORD.findall(folded, start, end)]
    grams += [mark + word for word in _SURE_WORD.findall(folded, start, end)]
    return grams


def _cut_short(part: str, mark: str) -> Iterator[str]:
    """Yield every single character and every two."""
    yield from map("".join, zip(repeat(mark), part, strict=False))
    yield from map("".join, zip(repeat(mark), part, part[1:], strict=False))


def _cut_plain(text: str, start: int, end: int, mark: str) -> Iterator[str]:
    """Yield the grams in ``text[start:end]``, which has nothing Chinese, Japanese or Korean."""
    part = text[start:end]
    # Several times as fast as slicing.
    return map("".join, zip(repeat(mark), part, part[1:], part[2:], strict=False))


def _cut_mixed(text: str, start: int, end: int, mark: str) -> Iterator[str]:
    """Yield the grams in ``text[start:end]``.

    Which ones begin at a place depends on it and the characters beside it alone, so that a part of
    a text has no gram that the text has not. In any three characters, each is in a gram.
    """
    for index in range(start, end - 1):
        if _HAS_CJK.search(text, index, index + 2):
            yield mark + text[index : index + 2]
            continue
        if index and _HAS_CJK.match(text, index - 1):
            # Not the two alone: they are the term of a short word.
            yield mark + text[index - 1 : index + 2]
        if index + 3 <= end:
            yield mark + text[index : index + 3]


def _choose(grams: list[str]) -> tuple[str, ...]:
    """Return all of the grams, up to MAX_GRAMS: those of digits are in many texts by chance."""
    distinct = tuple(dict.fromkeys(grams))
    return distinct if len(distinct) <= MAX_GRAMS else _sample(grams)


def _sample(grams: list[str]) -> tuple[str, ...]:
    """Return some of the grams: those across the ends of words, and every second inside of them."""
    across = dict.fromkeys(gram for gram in grams if not gram.isalnum())
    inner = list(dict.fromkeys(gram for gram in grams if gram.isalnum()))
    if len(inner) > 3:
        inner = list(dict.fromkeys([*inner[::2], inner[-1]]))
    most = MAX_INNER_GRAMS if across else MAX_GRAMS
    return (*_spread([*across], MAX_GRAMS), *_spread(inner, most))


def _spread(grams: list[str], most: int) -> list[str]:
    """Return up to so many of the grams, from all over."""
    step = max(1.0, len(grams) / most)
    return [grams[int(number * step)] for number in range(min(len(grams), most))]
