"""Messages that hold anything at all: each leads to its error by its own URL."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from faultline_lite.connection import MAX_URL_BYTES
from faultline_lite.fingerprint import TRUNCATION_MARK, truncate
from tests.reports import error_path, errors_path, make_entry, new_project, occurrences_path
from tests.servers import RunningServer
from tests.wire import Answer, request

#: Message by name. What JSON carries as an escape of half a surrogate pair is given in the raw form
#: that a client posts, and comes back as the replacement character.
MESSAGES = {
    "slash": "a/b",
    "escaped slash": "a%2Fb",
    "percent": "100%",
    "percent and digits": "50%25 off %",
    "question": "why?",
    "query": "a?limit=1&after=2#fragment",
    "hash": "issue #7",
    "newline": "first\nsecond\r\nthird",
    "tab": "a\tb",
    "quotes": "'\"`“”",
    "emoji": "🍣🍺 broken 👩‍👩‍👧",
    "japanese": "在庫が足りません",
    "nul": "a\x00b",
    "only nul": "\x00",
    "controls": "".join(map(chr, range(32))) + "\x7f\x80\x9f",
    "route": "a/occurrences/b",
    "route of itself": "occurrences/9007197773704591",
    "dots": "..",
    "dot": ".",
    "path": "../../etc/passwd",
    "spaces": " ",
    "surrounding spaces": "  a  ",
    "plus": "1+1=2",
    "semicolon": "a;b=c",
    "backslash": "C:\\Windows\\System32",
    "sql": "'; DROP TABLE error; --",
    "fts": '"NEAR(a b)" OR * AND message:x',
    "html": "<script>alert(1)</script>&amp;",
    "markdown": "```\n[x](javascript:alert(1)) <!channel> |",
    "terminal": "\x1b[31mred\x1b]0;title\x07",
    "format": "%s %d %n {0} {} ${x} {{7*7}}",
    "right to left": "\u202eabc\u200b\ufeff",
    "noncharacter": "\uffff\U0010ffff",
    "combining": "é and e\u0301",
    "key": "sample##project",
    "truncated": f"x{TRUNCATION_MARK}{'0' * 64}",
    "626 bytes": "x" * 626,
    "627 bytes": "x" * 627,
    "628 bytes": "x" * 628,
    "626 of japanese": "あ" * 208 + "xx",
    "627 of japanese": "あ" * 209,
    "628 of emoji": "🍣" * 157,
    "100,000 bytes": "y" * 100_000,
    "100,000 of japanese": "い" * 33_333 + "x",
    "100,000 of escapes": "%2F" * 33_333,
    "values": "User 123 of 2016-12-07 at 10.0.0.1 failed: 550e8400-e29b-41d4-a716-446655440000",
}


def ask(server: RunningServer, method: str, path: str, body: Any = None) -> Answer:
    """Send a request with the path as it is; no client's idea of URLs is in between."""
    content = b"" if body is None else json.dumps(body).encode()
    return request(server.url, method, path, content)


def go_through(server: RunningServer, message: str, shown: str) -> None:
    """Post the message three times; list, fetch, page, change and delete its error by its URL.

    ``shown`` is the message as it comes back.
    """
    project = new_project()
    entries = [make_entry(message), make_entry(message)]
    posted = ask(server, "POST", errors_path(project), {"errors": entries})
    ask(server, "POST", errors_path(project), {"errors": entries[:1]})
    listed = ask(server, "GET", errors_path(project)).json()["data"]["errors"]

    assert posted.status == 201
    assert [(error["message"], error["count"]) for error in listed] == [(truncate(shown), 3)]

    for form in dict.fromkeys((message, shown, listed[0]["message"])):
        if has_url(form):
            walk(server, project, form, shown)

    path = error_path(listed[0]["message"], project)
    deleted = ask(server, "DELETE", path)

    assert (deleted.status, deleted.body) == (204, b"")
    assert ask(server, "GET", errors_path(project)).json()["data"]["errors"] == []
    assert ask(server, "GET", path).status == 404


def has_url(message: str) -> bool:
    halves = any("\ud800" <= character <= "\udfff" for character in message)
    return not halves and len(occurrences_path(message)) < MAX_URL_BYTES - 100


def walk(server: RunningServer, project: str, form: str, shown: str) -> None:
    path, pages = error_path(form, project), occurrences_path(form, project)
    found = ask(server, "GET", path).json()["data"]
    resolved = ask(server, "PATCH", path, {"status": "resolved"}).json()["data"]["error"]
    reopened = ask(server, "PATCH", path, {"status": "unresolved"}).json()["data"]["error"]
    whole = ask(server, "GET", pages).json()["data"]["errors"]
    first = ask(server, "GET", f"{pages}?limit=2").json()["data"]["errors"]
    after = first[-1]["reversedUnixtime"]
    rest = ask(server, "GET", f"{pages}?limit=2&after={after}").json()["data"]["errors"]
    fetched = [
        ask(server, "GET", f"{pages}/{each['reversedUnixtime']}").json()["data"]["error"]
        for each in whole
    ]

    assert found["error"]["message"] == shown
    assert found["summary"]["message"] == truncate(shown)
    assert found["timeline"]["totalCount"] == 1
    assert found["timeline"]["errors"][0]["count"] == 3
    assert (resolved["status"], reopened["status"]) == ("resolved", "unresolved")
    assert [each["message"] for each in whole] == [shown] * 3
    assert first + rest == whole == fetched


@pytest.mark.parametrize("message", MESSAGES.values(), ids=list(MESSAGES))
def test_error_of_any_message_is_found_by_its_url(
    standing_server: RunningServer, message: str
) -> None:
    go_through(standing_server, message, message)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("cut \ud83c", "cut \ufffd"),
        ("\udf63 behind", "\ufffd behind"),
        ("\ud800" * 400, "\ufffd" * 400),
        ("a \ud83c b/\udf63?", "a \ufffd b/\ufffd?"),
    ],
    ids=["high", "low", "many", "both"],
)
def test_half_surrogate_pairs_are_replaced_and_found(
    standing_server: RunningServer, message: str, shown: str
) -> None:
    go_through(standing_server, message, shown)


@settings(max_examples=60, deadline=None)
@given(message=st.text(min_size=1))
@example("%")
@example("/")
@example("\x00/%2F")
def test_arbitrary_text_is_found_by_its_url(standing_server: RunningServer, message: str) -> None:
    go_through(standing_server, message, message)


@settings(max_examples=20, deadline=None)
@given(message=st.text(alphabet="/%2Foccurens.?#\\\n", min_size=1))
def test_text_like_a_path_is_found_by_its_url(standing_server: RunningServer, message: str) -> None:
    go_through(standing_server, message, message)


def test_long_messages_that_differ_at_their_end_are_told_apart(
    standing_server: RunningServer, project: str
) -> None:
    messages = [f"{'z' * 700} {word}" for word in ("alpha", "beta")]
    for message in messages:
        ask(standing_server, "POST", errors_path(project), {"errors": [make_entry(message)]})
    listed = ask(standing_server, "GET", errors_path(project)).json()["data"]["errors"]
    found = [
        ask(standing_server, "GET", error_path(error["message"], project)).json()["data"]["error"]
        for error in listed
    ]

    assert [error["message"][627:653] for error in listed] == [TRUNCATION_MARK] * 2
    assert sorted(each["message"] for each in found) == messages


def test_url_that_is_too_long_is_refused_and_says_what_to_do(
    standing_server: RunningServer, project: str
) -> None:
    answer = ask(standing_server, "GET", error_path("x" * MAX_URL_BYTES, project))

    assert answer.status == 414
    assert answer.json()["message"] == (
        "the URL is longer than 65535 bytes: "
        "a long message is addressed by its truncated form, as the lists show it"
    )


def test_empty_message_is_known_by_its_type(standing_server: RunningServer, project: str) -> None:
    entries = [make_entry("", type="KeyError"), make_entry("", type=None)]
    ask(standing_server, "POST", errors_path(project), {"errors": entries})
    listed = ask(standing_server, "GET", errors_path(project)).json()["data"]["errors"]

    assert sorted(error["message"] for error in listed) == ["KeyError", "_"]


def test_path_without_a_message_is_no_route(standing_server: RunningServer, project: str) -> None:
    ask(standing_server, "POST", errors_path(project), {"errors": [make_entry("known")]})
    statuses = [
        ask(standing_server, method, f"{errors_path(project)}{rest}").status
        for method, rest in (("GET", "/"), ("DELETE", "/"), ("GET", "//occurrences"))
    ]

    assert statuses == [404, 404, 404]
