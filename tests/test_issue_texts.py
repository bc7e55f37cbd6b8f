"""Titles that are found again, and bodies that are read."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultline_lite.notifications.messages import Resolution
from faultline_lite.notifiers.issue_texts import (
    MAX_BODY_CHARACTERS,
    is_same_title,
    make_body,
    make_closing_comment,
    make_comment,
    make_marker,
    make_title,
    show_title,
)
from tests.messages import HOSTILE, make_error, make_hostile_error, make_occurrence
from tests.rendering import render


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ("Undefined index: faultline", "[notice] Undefined index: faultline"),
        # 249 bytes, the longest that stays.
        ("x" * 240, f"[notice] {'x' * 240}"),
        ("x" * 241, f"[notice] {'x' * 228}...{sha('x' * 13)}"),
        # "[notice] " has 9 bytes: 76 characters of three reach 237.
        ("日" * 100, f"[notice] {'日' * 76}...{sha('日' * 24)}"),
        # A character across the limit is still part of it.
        ("y" + "日" * 100, f"[notice] y{'日' * 76}...{sha('日' * 24)}"),
        ("yy" + "🍣" * 70, f"[notice] yy{'🍣' * 57}...{sha('🍣' * 13)}"),
    ],
)
def test_title_is_cut_as_the_original_cuts_it(message: str, title: str) -> None:
    assert make_title("notice", message) == title


@given(st.text(max_size=20), st.text(max_size=400))
def test_titles_fit_and_long_ones_differ_where_their_ends_do(type_: str, message: str) -> None:
    title = make_title(type_, message)
    other = make_title(type_, f"{message}!")

    assert len(title.encode()) < 250 + 4
    assert len(show_title(title, mentions=True)) <= len(title) <= 255
    assert title != other


@pytest.mark.parametrize(
    ("title", "shown", "without_mentions"),
    [
        ("[E] plain", "[E] plain", "[E] plain"),
        ("[E] a\r\n\tb\0", "[E] a b␀", "[E] a b␀"),
        ("[E] \u202eevil", "[E] �evil", "[E] �evil"),
        (
            "[E] @octocat a@b.c #12 !3 Hash#map @ # 1!",
            "[E] @octocat a@b.c #12 !3 Hash#map @ # 1!",
            "[E] ＠octocat a＠b.c ＃12 ！3 Hash#map @ # 1!",
        ),
    ],
)
def test_title_is_shown_on_one_line(title: str, shown: str, without_mentions: str) -> None:
    assert show_title(title, mentions=False) == shown
    assert show_title(title, mentions=True) == without_mentions


def test_titles_are_the_same_but_for_white_space() -> None:
    assert is_same_title("[E] a  b\n", "[E] a b")
    assert not is_same_title("[E] a b", "[E] A b")


def test_marker_is_one_short_word_for_one_error_of_one_project() -> None:
    markers = [make_marker(project, key) for project, key in [("a", "b"), ("a", "c"), ("b", "b")]]

    assert len(set(markers)) == 3
    assert {(marker.isalnum(), len(marker) < 50) for marker in markers} == {(True, True)}
    assert make_marker("a", "b") == markers[0]


def test_body_has_the_report() -> None:
    error = make_error()

    body = make_body(error, "Asia/Tokyo", ())

    assert (
        body
        == f"""\
<!-- {make_marker("sample-project", error.fingerprint)} -->

[Occurrence](<https://errors.example.com/projects/sample-project/errors/1>)

- project: `sample-project`
- type: `notice`
- timestamp: 2016-12-07T00:00:00+09:00

```
Undefined index: faultline
```

**backtrace**

```
 /var/www/user.php(15) User->edit()
 /var/www/index.php(3)
```

**context**

```json
{{
  "environment": "production",
  "url": "https://example.com/users/edit"
}}
```

**environment**

```json
{{
  "HOME": "/root"
}}
```

**session**

```json
{{
  "user": 5
}}
```

**params**

```json
{{
  "q": "x"
}}
```"""
    )


def test_body_leaves_out_what_there_is_not() -> None:
    error = make_error(occurrence={"message": "a"}, link=None, message="a")

    assert (
        make_body(error, None, ())
        == f"""\
<!-- {make_marker("sample-project", error.fingerprint)} -->

- project: `sample-project`
- type: `notice`
- timestamp: 2016-12-06T15:00:00+00:00

```
a
```"""
    )


@pytest.mark.parametrize(
    ("reason", "occurrences", "first_line"),
    [
        ("repeated", 1, "Came again: once, 1,200 in all."),
        ("repeated", 12, "Came again: 12 times, 1,200 in all."),
        ("regression", 1, "Came back after it was resolved: once, 1,200 in all."),
    ],
)
def test_comment_counts_and_has_no_marker(reason: str, occurrences: int, first_line: str) -> None:
    error = make_error(reason=reason, occurrences=occurrences, total=1200)

    comment = make_comment(error, None, ("5 were held back",))

    lines = comment.split("\n")
    assert (lines[0], lines[2:5]) == (first_line, ["```", "5 were held back", "```"])
    assert make_marker(error.project, error.fingerprint) not in comment


def test_closing_comment_says_when() -> None:
    resolution = Resolution(
        error_id=7,
        fingerprint="00",
        project="p",
        message="m",
        type="t",
        link="https://errors.example.com/p",
        resolved_ms=1_481_036_400_000,
    )

    assert make_closing_comment(resolution, None) == (
        "Resolved at 2016-12-06T15:00:00+00:00.\n\n[Occurrence](<https://errors.example.com/p>)"
    )


def test_hostile_report_is_all_code() -> None:
    link = "https://errors.example.com/>) @octocat <script> #1"
    error = make_hostile_error(link=link)
    marker = make_marker(error.project, error.fingerprint)

    for text in (make_body(error, None, (HOSTILE,)), make_comment(error, None, (HOSTILE,))):
        rendered = render(text)

        assert rendered.references == []
        assert rendered.html in ([f"<!-- {marker} -->"], [])
        assert rendered.links == ["https://errors.example.com/%3E)%20@octocat%20%3Cscript%3E%20#1"]
        assert "\n/" not in text


def test_huge_report_fits_into_a_body() -> None:
    for filling in ("x", "`", "\0", "\u202e", '"', "日", "`\n", "/\n"):
        huge = filling * 100_000
        occurrence = make_occurrence(
            message=huge,
            backtrace=[{"file": huge, "line": 1, "function": huge}] * 100,
            context={huge: huge},
            environment={"a": [huge]},
            session={"b": huge},
            params={"c": huge},
        )
        error = make_error(
            project=huge, message=huge, type=huge, link=f"https://e/{huge}", occurrence=occurrence
        )

        body = make_body(error, None, (huge,) * 10)
        comment = make_comment(error, None, (huge,) * 10)

        assert max(len(body), len(comment)) <= MAX_BODY_CHARACTERS
        assert render(body).references == []
