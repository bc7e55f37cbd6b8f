"""Search finds what a slow scan over the same occurrences finds, in the order of its rules."""

import asyncio
import json
import shutil
import unicodedata
from collections.abc import Container
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faultline_lite.database import Database
from faultline_lite.metrics import Metrics
from faultline_lite.models import NewOccurrence
from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.search.indexing import Indexing
from faultline_lite.search.query import parse_query
from faultline_lite.store.recording import Recorder
from faultline_lite.store.retention import delete_occurrences
from faultline_lite.store.search import SearchPosition, search_errors
from tests.fakes import FakeClock

NOW_MS = 1_481_036_400_000
TIERS = (("message", "type"), ("file", "function"), ("value",))
#: Pieces that run into each other: parts of words, ids, widths, cases, scripts, symbols.
PIECES = (
    *("foo", "Foo", "oo", "bar", "x", "1", "12", "123", "f1", "1f", "在", "在庫", "庫", "注文"),
    *(
        "カタ",
        "ｶﾀ",
        "é",
        "ﬁ",
        "İ",
        "->",
        "()",
        "::",
        "/",
        ".",
        "-",
        "_",
        " ",
        "\t",
        "\x00",
        "%",
        "*",
    ),
)
TEXT = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join)


class Occurrence(NamedTuple):
    """An occurrence of one of a few errors."""

    error: int
    message: str
    type: str
    file: str
    function: str
    values: list[str]
    environment: str

    def payload(self) -> bytes:
        frame = {"file": self.file, "line": 1, "function": self.function}
        return json.dumps(
            {
                "message": self.message,
                "type": self.type,
                "backtrace": [frame],
                "context": {"environment": self.environment, "more": self.values[:1]},
                "params": {"deep": [{"er": self.values[1:]}]},
            }
        ).encode()

    def texts(self) -> list[tuple[str, str]]:
        return [
            ("message", self.message),
            ("type", self.type),
            ("file", self.file),
            ("function", self.function),
            *(("value", each) for each in (*self.values, self.environment)),
        ]


class Wanted(NamedTuple):
    """A part of a query: a phrase, or a field and what it must hold."""

    field: str
    text: str
    negated: bool

    def __str__(self) -> str:
        return ("-" if self.negated else "") + (self.field and f"{self.field}:") + f'"{self.text}"'


def occurrences_of(errors: int, least: int, most: int) -> st.SearchStrategy[list[Occurrence]]:
    occurrence = st.builds(
        Occurrence,
        error=st.integers(0, errors - 1),
        message=TEXT,
        type=TEXT,
        file=TEXT,
        function=TEXT,
        values=st.lists(TEXT, max_size=3),
        environment=st.sampled_from(("production", "Staging 1", "開発")),
    )
    return st.lists(occurrence, min_size=least, max_size=most)


OCCURRENCES = occurrences_of(4, 1, 12)
#: So many of one error that its rows are merged.
MANY_OCCURRENCES = occurrences_of(2, 20, 40)


#: What is common is looked for in the texts, all else in the index: everything, much, next to
#: nothing.
COMMON_ROWS = st.sampled_from((0, 1, 32, 16_000))


@st.composite
def searches(
    draw: st.DrawFn, occurrences: st.SearchStrategy[list[Occurrence]]
) -> tuple[list[Occurrence], list[Wanted]]:
    """Return occurrences, and a query most of which stands in them somewhere."""
    drawn = draw(occurrences)
    # Most of a query stands in one error, or next to nothing would be found.
    texts = [text for each in drawn if each.error == drawn[0].error for _, text in each.texts()]
    wanted = []
    for _ in range(draw(st.integers(1, 3))):
        text = draw(st.sampled_from(texts)) if draw(st.integers(0, 5)) else draw(TEXT)
        start = draw(st.integers(0, max(0, len(text) - 2)))
        text = text[start : start + draw(st.integers(1, 12))]
        field = draw(st.sampled_from(("", "", "", "", "", "type", "file", "function")))
        wanted.append(Wanted(field, text, draw(st.integers(0, 4)) == 0))
    if not draw(st.integers(0, 3)):
        wanted.append(Wanted("environment", draw(st.sampled_from(("PRODUCTION", "stag"))), False))
    return drawn, wanted


def fold(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(
        " " if each.isspace() or unicodedata.category(each) == "Cc" else each for each in folded
    )


def is_cjk(text: str) -> bool:
    names = (unicodedata.name(each, "") for each in text)
    return any(name.startswith(("CJK", "HIRAGANA", "KATAKANA")) for name in names)


def scan(
    occurrences: list[Occurrence], wanted: list[Wanted], gone: Container[int] = ()
) -> list[int]:
    """Return the errors that the query is for, best first, by looking at everything.

    ``gone`` are the places of occurrences that were deleted.
    """
    ranked = []
    for error in {each.error for each in occurrences}:
        places = [place for place, each in enumerate(occurrences) if each.error == error]
        kept = [occurrences[place] for place in places if place not in gone]
        tiers = {each: _tier(each, kept) for each in wanted}
        if all((tier is not None) != each.negated for each, tier in tiers.items()):
            rank = max((tiers[each] or 0 for each in wanted if not each.negated), default=0)
            ranked.append((rank, -places[-1], error))
    return [error for _, _, error in sorted(ranked)]


def _tier(wanted: Wanted, occurrences: list[Occurrence]) -> int | None:
    """Return the first tier of texts that holds it, None where none does."""
    text = fold(wanted.text)
    if wanted.field == "environment":
        return 0 if any(fold(each.environment) == text for each in occurrences) else None
    tiers = ((wanted.field,),) if wanted.field else TIERS
    return next((n for n, kinds in enumerate(tiers) if _holds(occurrences, kinds, text)), None)


def _holds(occurrences: list[Occurrence], kinds: tuple[str, ...], text: str) -> bool:
    is_short = len(text) < 2 or (len(text) == 2 and not is_cjk(text))
    texts = [
        (kind, fold(own)) for each in occurrences for kind, own in each.texts() if kind in kinds
    ]
    return any(
        text in own if kind == "message" or not is_short else _has_word(own, text)
        for kind, own in texts
    )


def _has_word(text: str, wanted: str) -> bool:
    """Return whether it is a word: letters without digits, between anything but letters."""
    letters = "".join(
        each if (each.isalnum() or each == "_") and not is_cjk(each) else " " for each in text
    )
    words = [word for word in letters.split() if not any(map(str.isdigit, word))]
    return any(wanted in word.split("_") for word in words)


class Index:
    """A database with its index, filled with occurrences ``step`` at a time."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path, "normal", Metrics())
        self._codec = PayloadCodec()
        self.indexing = Indexing(self.database, self._codec, FakeClock())

    async def fill(self, occurrences: list[Occurrence], step: int) -> None:
        for start in range(0, len(occurrences), step):
            reports = [
                [_make_occurrence(each, start + index)]
                for index, each in enumerate(occurrences[start : start + step])
            ]
            recorder = Recorder(self._codec, "minute")
            await self.database.write(recorder.record, reports, {})
            await self.indexing.catch_up()

    async def search(self, q: str, common_rows: int) -> list[int]:
        """Page through all that is found, by two."""
        found: list[int] = []
        after = None
        while True:
            query = parse_query(q, NOW_MS)
            page = await self.database.read(
                search_errors,
                self._codec,
                query,
                limit=2,
                after=after,
                common_rows=common_rows,
            )
            assert page.notice is None
            found += [each.error.group_key[0] for each in page.hits]
            if page.following is None:
                return found
            assert isinstance(page.following, SearchPosition)
            after = page.following


async def index_and_search(
    path: Path, occurrences: list[Occurrence], q: str, common_rows: int
) -> list[int]:
    index = Index(path)
    await index.fill(occurrences, 5)
    found = await index.search(q, common_rows)
    await index.database.close()
    return found


async def thin_and_search(
    path: Path, occurrences: list[Occurrence], gone: set[int], q: str, common_rows: int
) -> tuple[list[int], list[int]]:
    """Return what is found once rows are merged, and once what ``gone`` names is gone from them."""
    index = Index(path)
    await index.fill(occurrences, 1)
    merged = await index.search(q, common_rows)
    await index.database.write(delete_occurrences, [place + 1 for place in gone])
    for error_id in range(1, len({each.error for each in occurrences}) + 1):
        await index.indexing.upkeep.renew(error_id)
    await index.indexing.catch_up()
    thinned = await index.search(q, common_rows)
    await index.database.close()
    return merged, thinned


def _make_occurrence(occurrence: Occurrence, number: int) -> NewOccurrence:
    return NewOccurrence(
        project="shop",
        group_key=bytes([occurrence.error]),
        address_keys=(),
        message=occurrence.message,
        pattern=occurrence.message,
        type=occurrence.type,
        timestamp_ms=NOW_MS,
        received_ms=NOW_MS + number,
        payload=occurrence.payload(),
    )


def make_copy(database_path: Path) -> Path:
    """Return a fresh database for one example, made of the one that the fixture has prepared."""
    copy = database_path.with_name("searched.db")
    for each in copy.parent.glob("searched.db*"):
        each.unlink()
    shutil.copy(database_path, copy)
    return copy


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(searches(OCCURRENCES), COMMON_ROWS)
def test_search_finds_what_a_scan_finds(
    database_path: Path, searched: tuple[list[Occurrence], list[Wanted]], common_rows: int
) -> None:
    occurrences, wanted = searched
    q = " ".join(map(str, wanted))

    found = asyncio.run(index_and_search(make_copy(database_path), occurrences, q, common_rows))

    assert found == scan(occurrences, wanted)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(searches(MANY_OCCURRENCES), st.sets(st.integers(0, 19), max_size=15), COMMON_ROWS)
def test_merged_and_thinned_index_finds_what_a_scan_finds(
    database_path: Path,
    searched: tuple[list[Occurrence], list[Wanted]],
    gone: set[int],
    common_rows: int,
) -> None:
    occurrences, wanted = searched
    q = " ".join(map(str, wanted))

    copy = make_copy(database_path)
    found = asyncio.run(thin_and_search(copy, occurrences, gone, q, common_rows))

    assert found == (scan(occurrences, wanted), scan(occurrences, wanted, gone))
