"""Search finds what a slow scan over the same occurrences finds, in the order of its rules."""

import asyncio
import json
import shutil
import unicodedata
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faultline_lite.database import Database
from faultline_lite.indexing import Indexing
from faultline_lite.metrics import Metrics
from faultline_lite.models import NewOccurrence
from faultline_lite.payloads import PayloadCodec
from faultline_lite.query import parse_query
from faultline_lite.store.recording import record_reports
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


OCCURRENCES = st.lists(
    st.builds(
        Occurrence,
        error=st.integers(0, 3),
        message=TEXT,
        type=TEXT,
        file=TEXT,
        function=TEXT,
        values=st.lists(TEXT, max_size=3),
        environment=st.sampled_from(("production", "Staging 1", "開発")),
    ),
    min_size=1,
    max_size=12,
)


@st.composite
def searches(draw: st.DrawFn) -> tuple[list[Occurrence], list[Wanted]]:
    """Return occurrences, and a query most of which stands in them somewhere."""
    occurrences = draw(OCCURRENCES)
    # Most of a query stands in one error, or next to nothing would be found.
    error = occurrences[0].error
    texts = [text for each in occurrences if each.error == error for _, text in each.texts()]
    wanted = []
    for _ in range(draw(st.integers(1, 3))):
        text = draw(st.sampled_from(texts)) if draw(st.integers(0, 5)) else draw(TEXT)
        start = draw(st.integers(0, max(0, len(text) - 2)))
        text = text[start : start + draw(st.integers(1, 12))]
        field = draw(st.sampled_from(("", "", "", "", "", "type", "file", "function")))
        wanted.append(Wanted(field, text, draw(st.integers(0, 4)) == 0))
    if not draw(st.integers(0, 3)):
        wanted.append(Wanted("environment", draw(st.sampled_from(("PRODUCTION", "stag"))), False))
    return occurrences, wanted


def fold(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(
        " " if each.isspace() or unicodedata.category(each) == "Cc" else each for each in folded
    )


def is_cjk(text: str) -> bool:
    names = (unicodedata.name(each, "") for each in text)
    return any(name.startswith(("CJK", "HIRAGANA", "KATAKANA")) for name in names)


def scan(occurrences: list[Occurrence], wanted: list[Wanted]) -> list[int]:
    """Return the errors that the query is for, best first, by looking at everything."""
    ranked = []
    for error in {each.error for each in occurrences}:
        own = [(index, each) for index, each in enumerate(occurrences) if each.error == error]
        tiers = {each: _tier(each, [occurrence for _, occurrence in own]) for each in wanted}
        if all((tier is not None) != each.negated for each, tier in tiers.items()):
            rank = max((tiers[each] or 0 for each in wanted if not each.negated), default=0)
            ranked.append((rank, -own[-1][0], error))
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
    """Return whether it is a word, where neither spaces nor scripts without them are in one."""
    letters = "".join(
        each if (each.isalnum() or each == "_") and not is_cjk(each) else " " for each in text
    )
    return wanted in letters.split() and not any(map(str.isdigit, wanted))


async def index_and_search(path: Path, occurrences: list[Occurrence], q: str) -> list[int]:
    """Store and index the occurrences in some steps, and page through what is found, by two."""
    database = Database(path, "normal", Metrics())
    codec = PayloadCodec()
    indexing = Indexing(database, codec, FakeClock())
    for start in range(0, len(occurrences), 5):
        reports = [
            [_make_occurrence(each, start + index)]
            for index, each in enumerate(occurrences[start : start + 5])
        ]
        await database.write(record_reports, codec, reports, "minute", {})
        await indexing.run()
    found: list[int] = []
    after: Any = None
    while True:
        query = parse_query(q, NOW_MS)
        page = await database.read(search_errors, codec, query, limit=2, after=after)
        assert page.notice is None
        found += [each.error.group_key[0] for each in page.hits]
        after = page.following
        if after is None:
            break
        assert isinstance(after, SearchPosition)
    await database.close()
    return found


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


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(searches())
def test_search_finds_what_a_scan_finds(
    database_path: Path, searched: tuple[list[Occurrence], list[Wanted]]
) -> None:
    occurrences, wanted = searched
    copy = database_path.with_name("searched.db")
    for each in copy.parent.glob("searched.db*"):
        each.unlink()
    shutil.copy(database_path, copy)
    q = " ".join(map(str, wanted))

    found = asyncio.run(index_and_search(copy, occurrences, q))

    assert found == scan(occurrences, wanted)
