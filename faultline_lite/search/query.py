"""What a search asks for: its text, read as words, phrases and filters. Pure; no text is refused.

``word other`` finds errors with both, ``"exact phrase"`` with the phrase, ``-word`` without it.
``type:``, ``file:`` and ``function:`` look for a part of these alone; ``environment:`` and
``release:`` for the whole of what an occurrence said. ``project:`` and ``status:`` are the error's
own, ``count:>10`` compares its occurrences, ``after:`` and ``before:`` when it was last and first
seen: a date, a time, or an age such as ``7d``. Each may be turned round with ``-``. What cannot
be read so is text, and where it looks like a filter, a notice says so.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from faultline_lite.search.grams import fold
from faultline_lite.search.searchable import Kind
from faultline_lite.sentences import Sentence, say
from faultline_lite.timekeys import DAY_MS, HOUR_MS, MINUTE_MS, parse_time

#: Where words are looked for, in the order of how much it says about an error.
TIERS: tuple[tuple[Kind, ...], ...] = (("message", "type"), ("file", "function"), ("value",))
#: More is not looked for. Nobody types it, and each costs time.
MAX_TERMS = 16
MAX_CHARACTERS = 2000

_KINDS: dict[str, Kind] = {
    "type": "type",
    "file": "file",
    "function": "function",
    "environment": "environment",
    "release": "release",
}
_FILTERS = frozenset({*_KINDS, "project", "status", "count", "after", "before"})
_STATUSES = ("unresolved", "resolved")
_AGES_MS = {"m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS}

#: A word, or a phrase in quotes; before it a field's name and a minus, which "->" does not begin.
_TOKEN = re.compile(
    r"(?P<minus>-(?![->\s]|$))?(?P<whole>(?:(?P<name>[A-Za-z]+):)?"
    r'(?:"(?P<phrase>[^"]+)"(?!\S)|(?P<word>\S+)))'
)
_COUNT = re.compile(r"(>=|<=|>|<|=)?([0-9]{1,15})", re.ASCII)
_AGE = re.compile(r"([0-9]{1,5})([mhdw])", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

Field = Literal[
    "id", "project", "type", "status", "muted", "count", "last_seen_ms", "first_seen_ms"
]
Comparison = Literal["=", "<>", "<", "<=", ">", ">="]
_OPPOSITES: dict[Comparison, Comparison] = {
    "=": "<>",
    "<": ">=",
    ">": "<=",
    "<>": "=",
    ">=": "<",
    "<=": ">",
}


class Term(msgspec.Struct, frozen=True):
    """Folded text to be found, in texts of these kinds; ``tiers`` of kinds, the best first."""

    text: str
    tiers: tuple[tuple[Kind, ...], ...] = TIERS
    negated: bool = False


class Filter(msgspec.Struct, frozen=True):
    """What a field of the error must be."""

    field: Field
    comparison: Comparison
    value: str | int


class Query(msgspec.Struct, frozen=True):
    """What errors must have all of; of each group of ``filters`` one must hold.

    ``notice`` says what of the text was left out, or read in another way than it looks, if
    anything.
    """

    terms: tuple[Term, ...] = ()
    filters: tuple[tuple[Filter, ...], ...] = ()
    notice: Sentence | None = None

    def narrow(self, field: Field, value: str | int, comparison: Comparison = "=") -> "Query":
        """Return the query for errors of which that field has that value as well."""
        only = (Filter(field, comparison, value),)
        return Query(self.terms, (*self.filters, only), self.notice)

    def among(self, error_ids: Sequence[int]) -> "Query":
        """Return the query for errors that are some of those, at least one, as well."""
        any_of = tuple(Filter("id", "=", error_id) for error_id in error_ids)
        return Query(self.terms, (*self.filters, any_of), self.notice)

    def narrow_text(self, kind: Kind, text: str) -> "Query":
        """Return the query for errors that have the text in texts of that kind as well."""
        term = Term(fold(text), ((kind,),))
        return Query((*self.terms, term), self.filters, self.notice)


def parse_query(text: str, now_ms: int) -> Query:
    """Return what the text asks for; ages in it count back from ``now_ms``."""
    # Half of a surrogate pair has no place in UTF-8, and so in no report.
    text = text.encode("utf-8", "replace").decode()
    cut: Sentence | None = None
    if len(text) > MAX_CHARACTERS:
        cut = say("only the first {count} characters were searched for", count=MAX_CHARACTERS)
        text = text[:MAX_CHARACTERS]
    found: list[Term | Filter] = []
    misread: list[Sentence] = []
    for token in _TOKEN.finditer(text):
        if len(found) == MAX_TERMS:
            cut = say("only the first {count} words were searched for", count=MAX_TERMS)
            break
        part = _read_token(token, now_ms)
        if part is not None and part not in found:
            found.append(part)
        if isinstance(part, Term):
            misread += _explain_text(token)
    notices = dict.fromkeys(each for each in (cut, *misread) if each)
    return Query(
        terms=tuple(each for each in found if isinstance(each, Term)),
        filters=_group([each for each in found if isinstance(each, Filter)]),
        notice=Sentence("; ".join(notices)) if notices else None,
    )


def _group(filters: list[Filter]) -> tuple[tuple[Filter, ...], ...]:
    """Put those together of which only one can hold: project:a project:b."""
    groups: dict[object, list[Filter]] = {}
    for each in filters:
        groups.setdefault(each.field if each.comparison == "=" else each, []).append(each)
    return tuple(map(tuple, groups.values()))


def _read_token(token: re.Match[str], now_ms: int) -> Term | Filter | None:
    negated = token["minus"] is not None
    value = token["phrase"] or token["word"]
    if token["name"] is not None:
        name = token["name"].lower()
        found = _read_filter(name, value, now_ms)
        if found is not None:
            return _negate(found) if negated else found
        if name in _KINDS:
            return Term(fold(value), ((_KINDS[name],),), negated)
        value = token["whole"]
    folded = fold(value)
    return Term(folded, negated=negated) if folded else None


def _read_filter(name: str, value: str, now_ms: int) -> Filter | None:
    """Return the filter, None where there is none of that name or it cannot be read."""
    if name == "project":
        return Filter("project", "=", value)
    if name == "status" and value.lower() in _STATUSES:
        return Filter("status", "=", value.lower())
    if name == "count":
        found = _COUNT.fullmatch(value)
        return found and Filter("count", found[1] or "=", int(found[2]))  # type: ignore[arg-type]
    if name in {"after", "before"}:
        moment_ms = _read_moment(value, now_ms)
        if moment_ms is not None:
            after = name == "after"
            return Filter(*(("last_seen_ms", ">=") if after else ("first_seen_ms", "<")), moment_ms)
    return None


def _explain_text(token: re.Match[str]) -> Iterator[Sentence]:
    """Yield why the token, which was read as text, is not the filter that it looks like, if so."""
    name, colon, value = token["whole"].lower().partition(":")
    if not colon or name not in _FILTERS:
        return
    if not value:
        yield say("{name}: was searched for as text: no space goes behind it", name=name)
    elif name == "status":
        yield say("status: was searched for as text: it takes unresolved or resolved")
    elif name == "count":
        yield say("count: was searched for as text: it takes a number, as in count:>10")
    elif name in {"after", "before"}:
        yield say(
            "{name}: was searched for as text: it takes a date, a time or an age such as 7d",
            name=name,
        )


def _read_moment(text: str, now_ms: int) -> int | None:
    age = _AGE.fullmatch(text)
    if age is not None:
        return now_ms - int(age[1]) * _AGES_MS[age[2]]
    try:
        return parse_time(f"{text}T00:00:00Z" if _DATE.fullmatch(text) else text)
    except ValueError:
        return None


def _negate(found: Filter) -> Filter:
    return Filter(found.field, _OPPOSITES[found.comparison], found.value)
