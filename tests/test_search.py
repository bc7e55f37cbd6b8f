"""Search end to end: what is reported is found, in the right order, whatever is asked."""

from typing import Any

import httpx
import pytest

from faultline_lite.search.query import parse_query
from faultline_lite.store.search import search_errors
from tests.fakes import FakeClock
from tests.reports import error_path, errors_path, make_entry, make_report, project_path
from tests.servers import RunningServer

REPORT = make_report(
    errors=[make_entry("Undefined index: faultline, 在庫が足りません")],
    context={
        "environment": "production",
        "url": "https://example.com/users/4711/edit",
        "version": "1.2",
    },
    params={"order": {"id": 815, "names": ["x71 items", "ｶﾀﾛｸﾞ"]}},
)
HOSTILE = (
    *('"', "'", '""', '"a', 'a"b', "'; DROP TABLE error; --", "%", "_", "*", "a*", "^a", "{a}"),
    *("AND", "OR", "NOT", "a AND", "NEAR(a b)", "NEAR", "col:", "terms:a", "message : a", "-"),
    *("--", "->", ":", "::", "type:", "count:>", "count:>99999999999999999999", "before:never"),
    *("status:broken", "after:99999d", "after:9999-99-99", 'file:"', '-"', "(", ")", "((a", "a)"),
    *("\x00", "a\x00b", "\ud800", "\U0010ffff", "\u202e", "a" * 10_000, '"' * 10_000, "( " * 5000),
    " ".join(f"word{number}" for number in range(1000)),
)


class Found:
    """Posts reports, and searches once they are indexed."""

    def __init__(self, server: RunningServer, client: httpx.Client) -> None:
        self._server = server
        self._client = client

    def post(self, report: dict[str, Any], project: str = "sample-project") -> None:
        assert self._client.post(errors_path(project), json=report).status_code == 201

    def index(self) -> None:
        self._server.run(self._server.services.indexing.catch_up())

    def answer(self, q: str, path: str = "/v0/search", **parameters: Any) -> dict[str, Any]:
        self.index()
        answer = self._client.get(path, params={"q": q, **parameters})
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    def messages(self, q: str, path: str = "/v0/search", **parameters: Any) -> list[str]:
        return [each["message"] for each in self.answer(q, path, **parameters)["errors"]]


@pytest.fixture
def found(server: RunningServer, client: httpx.Client) -> Found:
    return Found(server, client)


def test_error_is_found_by_any_part_of_its_texts(found: Found) -> None:
    found.post(REPORT)
    found.post(make_report(errors=[make_entry("Other", type="fatal", backtrace=[])], context={}))
    parts = (
        *("undefined index", "INDEX", "ndefine", "ｉｎｄｅｘ", "notice", '"Undefined index: faul"'),
        *("user.php", "/var/www/", "User->edit()", "production", "users/4711", "4711", "711/e"),
        *("815", '"x71 it"', "x71 items", '"71 it"', "在庫", "庫が足", "カタログ", "un", "-fatal"),
        *("file:user.php", "function:edit type:not", "environment:Production release:1.2"),
    )

    answers = {q: found.messages(q) for q in parts}

    assert answers == {q: [REPORT["errors"][0]["message"]] for q in parts}


def test_short_text_is_a_word_behind_japanese_too(found: Found) -> None:
    for message, value in (("word", "在庫 kg"), ("beside", "在庫kg"), ("part", "在庫kgm")):
        found.post(make_report(message, params={"value": value}))

    assert found.messages("kg") == ["beside", "word"]


def test_filters_compare_what_the_lists_show(
    found: Found, client: httpx.Client, server: RunningServer, clock: FakeClock
) -> None:
    for _ in range(2):
        found.post(make_report("early"), "first")
    client.patch(error_path("early", "first"), json={"status": "resolved"})
    server.run(clock.leap(86_400))
    found.post(make_report("late"), "second")
    both = ["late", "early"]

    assert {
        q: found.messages(q)
        for q in (
            *("project:first", "-project:first", "project:first project:second", "project:third"),
            *("status:resolved", "status:unresolved", "-status:RESOLVED"),
            *("count:2", "count:>1", "count:>=1", "count:<2", "-count:2"),
            *("after:2016-12-07", "before:2016-12-07", "after:1h", "-after:1h", "before:12h"),
            *("after:2016-12-07T00:00:00+09:00", "late count:>1"),
        )
    } == {
        "project:first": ["early"],
        "-project:first": ["late"],
        "project:first project:second": both,
        "project:third": [],
        "status:resolved": ["early"],
        "status:unresolved": ["late"],
        "-status:RESOLVED": ["late"],
        "count:2": ["early"],
        "count:>1": ["early"],
        "count:>=1": both,
        "count:<2": ["late"],
        "-count:2": ["late"],
        "after:2016-12-07": ["late"],
        "before:2016-12-07": ["early"],
        "after:1h": ["late"],
        "-after:1h": ["early"],
        "before:12h": ["early"],
        "after:2016-12-07T00:00:00+09:00": both,
        "late count:>1": [],
    }


def test_words_are_anded_over_all_occurrences_of_an_error(found: Found) -> None:
    for user in ("alice", "bob"):
        found.post(make_report("broken", session={"user": user}))
    found.post(make_report("works", session={"user": "alice"}))

    assert found.messages("alice bob") == ["broken"]
    assert found.messages("alice -bob") == ["works"]
    assert found.messages("alice carol") == []


def test_messages_come_before_frames_before_values(found: Found) -> None:
    frame = {"file": "needle.py", "function": "run"}
    for report in (
        make_report("in message: needle"),
        make_report(errors=[make_entry("in type", type="NeedleError")]),
        make_report(errors=[make_entry("in frames", backtrace=[frame])]),
        make_report("in values", params={"q": "a needle"}),
        make_report("also in message: needle"),
    ):
        found.post(report)

    assert found.messages("needle") == [
        "also in message: needle",
        "in type",
        "in message: needle",
        "in frames",
        "in values",
    ]


def test_pages_follow_each_other_over_all_ranks(found: Found) -> None:
    for number in range(5):
        found.post(make_report(f"needle {'abcde'[number]}"))
        found.post(make_report(f"other {'abcde'[number]}", params={"q": "needle"}))
    pages: list[list[str]] = []
    cursor = ""
    while True:
        answer = found.answer("needle", limit=3, cursor=cursor)
        pages.append([each["message"] for each in answer["errors"]])
        if answer["nextCursor"] is None:
            break
        cursor = answer["nextCursor"]

    assert pages == [
        ["needle e", "needle d", "needle c"],
        ["needle b", "needle a", "other e"],
        ["other d", "other c", "other b"],
        ["other a"],
    ]


@pytest.mark.parametrize("path", ["/v0/search", errors_path()])
def test_page_that_ends_with_what_was_found_is_the_last(found: Found, path: str) -> None:
    for letter in "ab":
        found.post(make_report(f"needle {letter}"))
    found.post(make_report("other"))

    whole = found.answer("needle", path, limit=2)
    first = found.answer("needle", path, limit=1)

    assert (len(whole["errors"]), whole["nextCursor"]) == (2, None)
    assert first["nextCursor"] is not None


def test_snippet_marks_what_was_found(found: Found) -> None:
    found.post(make_report("broken", params={"note": "<b>the Needle</b> in ｶﾞﾗｽ"}))

    answer = found.answer("needle ガラス")

    assert [each["snippet"] for each in answer["errors"]] == [
        {
            "field": "value",
            "parts": [
                {"text": "<b>the ", "matched": False},
                {"text": "Needle", "matched": True},
                {"text": "</b> in ", "matched": False},
                {"text": "ｶﾞﾗｽ", "matched": True},
            ],
        }
    ]


def test_list_of_errors_is_searched_in_its_own_order(found: Found) -> None:
    for message in ("needle a", "needle a", "needle b", "other"):
        found.post(make_report(message))
    found.post(make_report("needle elsewhere"), "other-project")
    path = errors_path()

    assert found.messages("needle", path) == ["needle b", "needle a"]
    assert found.messages("needle", path, sort="count") == ["needle a", "needle b"]
    assert found.messages("needle", path, status="resolved") == []
    assert found.messages("needle project:other-project", path) == []
    first = found.answer("needle", path, limit=1)
    assert found.messages("needle", path, limit=1, cursor=first["nextCursor"]) == ["needle a"]


def test_deleted_error_and_project_are_found_no_more(
    found: Found, client: httpx.Client, server: RunningServer
) -> None:
    found.post(make_report("needle a"))
    found.post(make_report("needle b"), "other-project")
    assert found.messages("needle") == ["needle b", "needle a"]

    client.delete(error_path("needle a"))
    assert found.messages("needle") == ["needle b"]
    client.delete(project_path("other-project"))
    assert found.messages("needle") == []
    # The ids of what was erased come again; what was found under them must not.
    server.run(server.services.retention.erase_deleted())
    found.post(make_report("new"))
    assert found.messages("needle") == []
    assert found.messages("new") == ["new"]


def test_index_goes_on_where_it_stopped(found: Found, client: httpx.Client) -> None:
    found.post(make_report("before"))
    lag = "faultline_index_waiting_occurrences"
    assert f"{lag} 1.0" in client.get("/metrics").text

    assert found.messages("before") == ["before"]
    assert f"{lag} 0.0" in client.get("/metrics").text
    found.post(make_report("after"))
    assert found.messages("after") == ["after"]


@pytest.mark.parametrize("path", ["/v0/search", errors_path()])
def test_odd_queries_are_answered(found: Found, client: httpx.Client, path: str) -> None:
    for q in HOSTILE:
        message = q.encode("utf-8", "replace").decode()[:5000]
        found.post(make_report(message, params={"q": message}))
    found.index()

    answers = {
        q: client.get(path, params={"q": q.encode("utf-8", "surrogatepass")}).status_code
        for q in HOSTILE
    }

    assert answers == dict.fromkeys(HOSTILE, 200)


def test_long_query_is_cut_with_a_notice(found: Found) -> None:
    words = " ".join(f"word{number}" for number in range(1000))

    answer = found.answer(words)

    assert answer["errors"] == []
    assert answer["notice"] == "only the first 16 words were searched for"


@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_search_that_has_had_its_time_is_cut_with_a_notice(
    found: Found, server: RunningServer, seconds: float
) -> None:
    found.post(make_report("slow"))
    found.index()
    services = server.services
    query = parse_query("slow", services.clock.now_ms())

    page = server.run(
        services.database.read(
            search_errors, services.codec, query, limit=20, after=None, seconds=seconds
        )
    )

    assert ([hit.error.message for hit in page.hits], page.notice) == (
        (["slow"], None)
        if seconds
        else ([], "the search took too long and was cut; there may be more")
    )


@pytest.mark.parametrize("cursor", ["x", "e30", "WzksMSwxXQ", "WzAsMWUzMCwxXQ"])
def test_foreign_cursor_is_refused(client: httpx.Client, cursor: str) -> None:
    answer = client.get("/v0/search", params={"q": "a", "cursor": cursor})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"] == ["cursor"]
