"""How texts stand in the search index: as terms of its full-text table, and packed beside them.

The terms are grams with a mark in front that says of which kind of text they are, so that one
table serves all kinds. The full-text table keeps no text: what a row was indexed from is packed
beside it, to look whether a row that fits holds what was searched for, to show it, and to take the
terms out again.
"""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import msgspec

from faultline_lite.search.grams import (
    Alternative,
    Marks,
    alternatives,
    fold,
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
    "type": Marks("t", "u"),
    "file": Marks("f", "g"),
    "function": Marks("c", "d"),
    "value": Marks("v", "w"),
}
#: Kinds that are asked for by their whole text: one term each.
_WHOLE_MARKS: dict[Kind, str] = {"environment": "e", "release": "r"}
_PACK_MARKS: dict[Kind, str] = {
    **{kind: marks.lasting for kind, marks in _MARKS.items()},
    **_WHOLE_MARKS,
}
_KINDS = {mark: kind for kind, mark in _PACK_MARKS.items()}

#: Texts whose terms are remembered, some 5 MB of them.
SHARED_TEXTS = 8192

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
    # Those with lasting grams are what the errors share: the same files, functions and values.
    return " ".join([_shared_terms(each) if each.lasting else _terms(each) for each in texts])


def make_match(folded: str, kinds: Iterable[Kind]) -> str | None:
    """Return the full-text query for rows that may hold ``folded`` in a text of these kinds.

    None where there are none but those that hold it for sure.
    """
    if is_short(folded):
        return None
    spaced = folded.replace(" ", _SPACE)
    sure = sure_alternatives(spaced)
    # All there is where a single gram is looked for.
    if any(each.varying for each in sure):
        return None
    return _join((kind, alternatives(spaced)) for kind in kinds if kind in _MARKS)


def make_sure_match(folded: str, kinds: Iterable[Kind]) -> str | None:
    """Return the full-text query for rows that hold ``folded`` in a text of these kinds for sure.

    In messages every part is found, elsewhere what is shorter than a gram is found as a word only.
    None where only a look at the text can tell, or where nothing so short is found at all.
    """
    kinds = tuple(kinds)
    whole = [_quote(_whole_term(kind, folded)) for kind in kinds if kind in _WHOLE_MARKS]
    if whole:
        return " OR ".join(whole)
    spaced = folded.replace(" ", _SPACE)
    if is_short(folded):
        return _join(
            (kind, short_alternatives(spaced, every_size=kind == "message")) for kind in kinds
        )
    return _join((kind, sure_alternatives(spaced)) for kind in kinds)


def find_text(kind: Kind, texts: Iterable[str], wanted: str) -> str | None:
    """Return the first text of that kind that holds what is wanted, as ``make_match`` says."""
    return next((text for text in texts if _holds(kind, fold(text), wanted)), None)


def any_holds(kind: Kind, folded: str, wanted: str) -> bool:
    """Return whether one of the texts that ``fold_packed`` has folded holds what is wanted."""
    if wanted not in folded:
        return False
    if kind not in _WHOLE_MARKS and (kind == "message" or not is_short(wanted)):
        return True
    return any(_holds(kind, each, wanted) for each in folded.split(_BETWEEN))


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
    """Return the packed texts folded, those of each kind in one string, _BETWEEN them."""
    folded: dict[Kind, str] = {}
    for mark, joined in _unpacker.decode(packed).items():
        kind = _KINDS[mark.lower()]
        own = _fold_joined(joined)
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


def _fold_joined(joined: str) -> str:
    if joined.isascii() and joined.replace(_BETWEEN, "").isprintable():
        return joined.lower()
    return _BETWEEN.join(map(fold, joined.split(_BETWEEN)))


def _holds(kind: Kind, folded: str, wanted: str) -> bool:
    if kind in _WHOLE_MARKS:
        return folded == wanted
    if kind != "message" and is_short(wanted):
        return has_word(folded, wanted)
    return wanted in folded


def _join(found: Iterable[tuple[Kind, Iterable[Alternative]]]) -> str | None:
    choices = []
    for kind, each in found:
        for varying, grams in each:
            mark = _MARKS[kind].varying if varying else _MARKS[kind].lasting
            choices.append("(" + " AND ".join(_quote(mark + gram) for gram in grams) + ")")
    return " OR ".join(choices) or None


def _whole_term(kind: Kind, folded: str) -> str:
    return _WHOLE_MARKS[kind] + hashlib.blake2b(folded.encode(), digest_size=12).hexdigest()


def _quote(term: str) -> str:
    doubled = term.replace('"', '""')
    return f'"{doubled}"'
