"""Queries are read as people mean them, and what cannot be read is text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultline_lite.search.query import TIERS, Filter, Query, Term, parse_query
from faultline_lite.sentences import Sentence

NOW_MS = 1_481_036_400_000
HOUR_MS = 3_600_000


def parse(text: str) -> Query:
    return parse_query(text, NOW_MS)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        (" \u3000\t", []),
        ("Two words", [Term("two"), Term("words")]),
        ("two two", [Term("two")]),
        ('"An exact  phrase"', [Term("an exact  phrase")]),
        ("User->edit()", [Term("user->edit()")]),
        ("with -without", [Term("with"), Term("without", negated=True)]),
        ('-"without this"', [Term("without this", negated=True)]),
        ("type:Key", [Term("key", (("type",),))]),
        ('FILE:"my file.py"', [Term("my file.py", (("file",),))]),
        ("-function:run", [Term("run", (("function",),), negated=True)]),
        ("environment:Production", [Term("production", (("environment",),))]),
        ("release:1.2", [Term("1.2", (("release",),))]),
    ],
)
def test_words_and_phrases_are_terms(text: str, terms: list[Term]) -> None:
    assert parse(text) == Query(tuple(terms))


@pytest.mark.parametrize(
    ("text", "filters"),
    [
        ("project:Shop", [[Filter("project", "=", "Shop")]]),
        ("project:a project:b", [[Filter("project", "=", "a"), Filter("project", "=", "b")]]),
        ("-project:a -project:b", [[Filter("project", "<>", "a")], [Filter("project", "<>", "b")]]),
        ("status:Resolved", [[Filter("status", "=", "resolved")]]),
        ("count:>10", [[Filter("count", ">", 10)]]),
        ("count:>=10 count:<20", [[Filter("count", ">=", 10)], [Filter("count", "<", 20)]]),
        ("count:5", [[Filter("count", "=", 5)]]),
        ("-count:>5", [[Filter("count", "<=", 5)]]),
        ("after:2h", [[Filter("last_seen_ms", ">=", NOW_MS - 2 * HOUR_MS)]]),
        ("before:1w", [[Filter("first_seen_ms", "<", NOW_MS - 7 * 24 * HOUR_MS)]]),
        ("after:2016-12-06", [[Filter("last_seen_ms", ">=", NOW_MS - 15 * HOUR_MS)]]),
        ("after:2016-12-07T00:00:00+09:00", [[Filter("last_seen_ms", ">=", NOW_MS)]]),
    ],
)
def test_fields_of_an_error_are_filters(text: str, filters: list[list[Filter]]) -> None:
    assert parse(text) == Query(filters=tuple(map(tuple, filters)))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "foo:bar",
            "http://example.com/a",
            "status:broken",
            "count:many",
            "count:>",
            "before:now",
        ),
        *("after:2016-13-45", 'a"b', '"unclosed', 'foo:"bar"', "-", "--flag", "->", "->edit", ":"),
        *("type:", "AND", "NEAR(a", "*", "^a", "count:99999999999999999999", "after:1y"),
    ],
)
def test_what_cannot_be_read_is_text(text: str) -> None:
    query = parse(text)

    assert (query.terms, query.filters) == ((Term(text.lower()),), ())


@pytest.mark.parametrize(
    ("text", "notice"),
    [
        ("count:>x", "count: was searched for as text: it takes a number, as in count:>10"),
        ("-COUNT:many", "count: was searched for as text: it takes a number, as in count:>10"),
        ("status:foo", "status: was searched for as text: it takes unresolved or resolved"),
        (
            'before:"last week"',
            "before: was searched for as text: it takes a date, a time or an age such as 7d",
        ),
        ("word project: shop", "project: was searched for as text: no space goes behind it"),
        (
            "status:a count:> status:b",
            (
                "status: was searched for as text: it takes unresolved or resolved;"
                " count: was searched for as text: it takes a number, as in count:>10"
            ),
        ),
    ],
)
def test_text_that_looks_like_a_filter_is_noticed(text: str, notice: str) -> None:
    assert parse(text).notice == notice


@pytest.mark.parametrize(
    "text",
    [
        *("foo:bar", "foo:", "http://example.com/a", '"count:>x"', '"status: 500"', "type:x"),
        *("count:>5", "-status:resolved", "after:7d", "mycount:x", "project::"),
    ],
)
def test_other_text_has_no_notice(text: str) -> None:
    assert parse(text).notice is None


def test_query_is_cut_with_a_notice() -> None:
    by_words = parse(" ".join(f"word{number}" for number in range(1000)))
    by_length = parse("a" * 3000)

    assert len(by_words.terms) == 16
    assert by_words.notice == "only the first 16 words were searched for"
    assert by_length == Query(
        (Term("a" * 2000),), notice=Sentence("only the first 2000 characters were searched for")
    )


def test_narrowed_query_keeps_what_it_asked_for() -> None:
    query = parse("word project:other").narrow("project", "mine")

    assert query.terms == (Term("word", TIERS),)
    assert query.filters == (
        (Filter("project", "=", "other"),),
        (Filter("project", "=", "mine"),),
    )


@given(st.text() | st.lists(st.sampled_from('"-:> \0a1在file:count:>')).map("".join))
def test_no_text_is_refused(text: str) -> None:
    query = parse(text)

    assert all(term.text for term in query.terms)
