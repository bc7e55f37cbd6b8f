"""How texts stand in the search index: as terms of its full-text table.

The terms are grams with a mark in front that says where they are from, so that one table serves
messages and types, files and functions, and values. What is searched together has marks in common:
an error's files and functions are nearly the same grams. The full-text table keeps no text: that is
beside it (``search_texts``).
"""

import hashlib
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import NamedTuple

from faultline_lite.search.grams import (
    Alternative,
    Marks,
    alternatives,
    fold,
    is_short,
    list_grams,
    short_alternatives,
    sure_alternatives,
)
from faultline_lite.search.searchable import Kind
from faultline_lite.store.search_texts import SHARED_CHARACTERS, SHARED_TEXTS, Indexed

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


def _terms(indexed: Indexed) -> str:
    kind, text, lasting = indexed
    if kind in _WHOLE_MARKS:
        return _whole_term(kind, fold(text))
    folded = fold(text).replace(" ", _SPACE)
    grams = list_grams(folded, _MARKS[kind], lasting=lasting, every_size=kind == "message")
    return " ".join(grams)


#: Some 5 MB: the terms of a text take five times its room.
_shared_terms = lru_cache(SHARED_TEXTS)(_terms)


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
