"""How texts stand in the search index: as terms of its full-text table, and packed beside them.

The terms are grams with a mark in front that says where they are from, so that one table serves
messages and types, files and functions, and values. What is searched together has marks in common:
an error's files and functions are nearly the same grams. The full-text table keeps no text: what a
row was indexed from is packed beside it, to look whether a row that fits holds what was searched
for, to show it, and to take the terms out again.
"""

import hashlib
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import NamedTuple

import msgspec

from faultline_lite.search.grams import (
    Alternative,
    Marks,
    alternatives,
    blank,
    find_blanked,
    fold,
    fold_letters,
    has_word,
    is_short,
    list_grams,
    short_alternatives,
    sure_alternatives,
)
from faultline_lite.search.searchable import Kind

#: What stands for a space in a term, since a space ends one. No folded text holds it.
_SPACE = "\xa0"
#: Small letters, since the tokenizer folds capital ones.
_MARKS: dict[Kind, Marks] = {
    "message": Marks("m", "n"),
    "type": Marks("m", "n"),
    "file": Marks("f", "g"),
    "function": Marks("f", "g"),
    "value": Marks("v", "w"),
}
#: Kinds that are asked for by their whole text: one term each.
_WHOLE_MARKS: dict[Kind, str] = {"environment": "e", "release": "r"}
#: What stands before packed texts; capital where their lasting grams are in the index.
_PACK_MARKS: dict[Kind, str] = {
    "message": "m",
    "type": "t",
    "file": "f",
    "function": "c",
    "value": "v",
    **_WHOLE_MARKS,
}
_KINDS = {mark: kind for kind, mark in _PACK_MARKS.items()}

#: Texts whose terms are remembered, if they are no longer than this: some 5 MB. The terms of a text
#: take five times its room, and long ones seldom come with another error.
SHARED_TEXTS = 8192
SHARED_CHARACTERS = 200

_packer = msgspec.msgpack.Encoder()
_unpacker = msgspec.msgpack.Decoder(dict[str, str])
#: What stands between packed texts. Texts have a space for it (``new_texts``).
_BETWEEN = "\0"


class Indexed(NamedTuple):
    """A text in the index; ``lasting`` says whether its lasting grams are, too."""

    kind: Kind
    text: str
    lasting: bool


def make_terms(texts: Iterable[Indexed]) -> str:
    """Return the terms of the texts, as the full-text table takes them: in any order, repeated."""
    return " ".join(
        [
            # What errors share: the same files, functions and values, with their lasting grams.
            _shared_terms(each)
            if each.lasting and len(each.text) <= SHARED_CHARACTERS
            else _terms(each)
            for each in texts
        ]
    )


class Match(NamedTuple):
    """Full-text queries: for rows that hold a text for sure, and for those that may hold it.

    None where there can be no such rows.
    """

    sure: str | None
    possible: str | None


def make_match(folded: str, kinds: Collection[Kind]) -> Match:
    """Return what finds ``folded`` in texts of these kinds.

    In messages every part is found, elsewhere what is shorter than a gram is found as a word only.
    """
    whole = [_quote(_whole_term(kind, folded)) for kind in kinds if kind in _WHOLE_MARKS]
    if whole:
        return Match(" OR ".join(whole), None)
    marks = {_MARKS[kind] for kind in kinds}
    spaced = folded.replace(" ", _SPACE)
    if is_short(folded):
        sure = short_alternatives(spaced, every_size="message" in kinds)
        possible: tuple[Alternative, ...] = ()
    else:
        sure = sure_alternatives(spaced)
        # All there is to look for may be a single gram.
        possible = () if any(each.varying for each in sure) else alternatives(spaced)
    # What one kind has cannot be told from what another has under the same mark.
    if any(_MARKS[kind] in marks for kind in _MARKS.keys() - set(kinds)):
        sure, possible = (), possible or sure
    found, perhaps = _join(marks, sure), _join(marks, possible)
    if found and perhaps:
        # Most rows fit both: reading them twice is what a common word costs.
        perhaps = f"({perhaps}) NOT ({found})"
    return Match(found, perhaps)


def find_text(kind: Kind, texts: Iterable[str], wanted: str) -> str | None:
    """Return the first text of that kind that holds what is wanted, as ``make_match`` says."""
    return next((text for text in texts if _holds(kind, fold(text), wanted)), None)


def any_holds(kind: Kind, folded: str, wanted: str) -> bool:
    """Return whether one of the texts that ``fold_packed`` has folded holds what is wanted."""
    if wanted not in folded and not (" " in wanted and find_blanked(folded, wanted)):
        return False
    if kind not in _WHOLE_MARKS and (kind == "message" or not is_short(wanted)):
        return True
    return any(_holds(kind, blank(each), wanted) for each in folded.split(_BETWEEN))


def pack_texts(texts: Iterable[Indexed]) -> bytes:
    """Return the texts as bytes, to be compressed: those of each kind in one string."""
    groups: dict[str, list[str]] = {}
    for kind, text, lasting in texts:
        mark = _PACK_MARKS[kind]
        groups.setdefault(mark.upper() if lasting else mark, []).append(text)
    return _packer.encode({mark: _BETWEEN.join(own) for mark, own in groups.items()})


def unpack_texts(packed: bytes) -> list[Indexed]:
    """Return the texts that ``pack_texts`` packed."""
    return [
        Indexed(_KINDS[mark.lower()], text, mark.isupper())
        for mark, joined in _unpacker.decode(packed).items()
        for text in joined.split(_BETWEEN)
    ]


def fold_packed(packed: bytes) -> dict[Kind, str]:
    """Return the packed texts, those of each kind in one string, _BETWEEN them.

    Kinds of white space are left as they are: it would take most of the time, and matters to
    phrases only.
    """
    folded: dict[Kind, str] = {}
    for mark, joined in _unpacker.decode(packed).items():
        kind = _KINDS[mark.lower()]
        own = fold_letters(joined)
        folded[kind] = f"{folded[kind]}{_BETWEEN}{own}" if kind in folded else own
    return folded


def _terms(indexed: Indexed) -> str:
    kind, text, lasting = indexed
    if kind in _WHOLE_MARKS:
        return _whole_term(kind, fold(text))
    folded = fold(text).replace(" ", _SPACE)
    grams = list_grams(folded, _MARKS[kind], lasting=lasting, every_size=kind == "message")
    return " ".join(grams)


_shared_terms = lru_cache(SHARED_TEXTS)(_terms)


def _holds(kind: Kind, folded: str, wanted: str) -> bool:
    if kind in _WHOLE_MARKS:
        return folded == wanted
    if kind != "message" and is_short(wanted):
        return has_word(folded, wanted)
    return wanted in folded


def _join(marks: Iterable[Marks], found: Iterable[Alternative]) -> str | None:
    choices = [
        " AND ".join(_quote(f"{each.varying if varying else each.lasting}{gram}") for gram in grams)
        for varying, grams in found
        for each in sorted(marks)
    ]
    return " OR ".join(f"({choice})" for choice in choices) or None


def _whole_term(kind: Kind, folded: str) -> str:
    return _WHOLE_MARKS[kind] + hashlib.blake2b(folded.encode(), digest_size=12).hexdigest()


def _quote(term: str) -> str:
    doubled = term.replace('"', '""')
    return f'"{doubled}"'
