"""Snippets are the text around what was found, with every match marked."""

from hypothesis import given
from hypothesis import strategies as st

from faultline_lite.search.grams import fold
from faultline_lite.search.snippets import MAX_CHARACTERS, Part, make_snippet


def test_matches_are_marked_as_they_were_posted() -> None:
    assert make_snippet("The Needle and NEEDLES", ["needle", "and"]) == (
        Part("The ", False),
        Part("Needle", True),
        Part(" ", False),
        Part("and", True),
        Part(" ", False),
        Part("NEEDLE", True),
        Part("S", False),
    )


def test_matches_that_overlap_are_one() -> None:
    assert make_snippet("xabcdx", ["abc", "bcd"]) == (
        Part("x", False),
        Part("abcd", True),
        Part("x", False),
    )


def test_marks_stand_right_where_folding_changes_lengths() -> None:
    assert make_snippet("ﬁx ｶﾞﾗｽ İç", ["ガラ"]) == (
        Part("ﬁx ", False),
        Part("ｶﾞﾗ", True),
        Part("ｽ İç", False),
    )


def test_long_text_is_cut_around_the_first_match() -> None:
    parts = make_snippet("a" * 1000 + "needle" + "b" * 1000, ["needle"])

    assert parts == (
        Part("…", False),
        Part("a" * 60, False),
        Part("needle", True),
        Part("b" * 134 + "…", False),
    )


def test_text_without_a_match_is_shown_from_its_beginning() -> None:
    assert make_snippet("abc", ["x"]) == (Part("abc", False),)
    assert make_snippet("", ["x"]) == ()


@given(
    st.text(st.sampled_from("aB é İﬁｶﾞ在\n<"), max_size=300),
    st.lists(st.text(st.sampled_from("abé iガ在 "), min_size=1, max_size=3), max_size=3),
)
def test_snippet_is_a_piece_of_the_text(text: str, wanted: list[str]) -> None:
    parts = make_snippet(text, wanted)
    shown = "".join(part.text for part in parts)

    assert shown.strip("…") in text
    assert len(shown) <= MAX_CHARACTERS + 2
    assert all(part.text for part in parts)
    # What is marked holds what was looked for, whole or cut at the end of the snippet.
    for part in parts[:-2]:
        assert not part.matched or any(each in fold(part.text) for each in wanted)
