"""What hostile text looks like before it is escaped."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultline_lite.notifiers.texts import cut, safe_link, show, visible, visible_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain 注文 🍣 👩\u200d💻 ok\n\ttab", "plain 注文 🍣 👩\u200d💻 ok\n\ttab"),
        ("a\0b\x1b[31mc\x7f", "a␀b␛[31mc␡"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("c1 \x9b", "c1 �"),
        ("\u202egnp.exe", "[U+202E]gnp.exe"),
        ("@\u200beveryone\ufeff", "@[U+200B]everyone[U+FEFF]"),
        ("\U000e0041", "[U+E0041]"),
    ],
)
def test_what_cannot_be_seen_is_made_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_line_is_one_line_and_not_longer() -> None:
    assert visible_line(" a\r\n b\0\u202ec\u200b ") == "a b␀�c�"


@given(st.text())
def test_making_visible_is_idempotent_and_leaves_no_control(text: str) -> None:
    shown = visible(text)

    assert visible(shown) == shown
    assert not [c for c in shown if unicodedata.category(c) == "Cc" and c not in "\t\n"]


@given(st.text(), st.integers(1, 20))
def test_shown_text_stays_within_its_limit(text: str, limit: int) -> None:
    assert len(show(text, limit)) <= limit
    assert cut(text, limit) == text or cut(text, limit)[-1] == "…"


@pytest.mark.parametrize(
    ("link", "safe"),
    [
        ("https://a.example/p?x=1&y=%20#f", "https://a.example/p?x=1&y=%20#f"),
        ("https://[::1]:7070/p", "https://[::1]:7070/p"),
        ("https://a.example/<b>|c \"'\n`\\", "https://a.example/%3Cb%3E%7Cc%20%22'%0A%60%5C"),
        ("https://a.example/日", "https://a.example/%E6%97%A5"),
        ("javascript:alert(1)", None),
        ("//a.example", None),
        (None, None),
    ],
)
def test_link_can_be_nothing_but_one_link(link: str | None, safe: str | None) -> None:
    assert safe_link(link) == safe
