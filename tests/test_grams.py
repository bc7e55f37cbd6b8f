"""Whatever part of a text is searched for, what it is looked up by is among the text's grams."""

from hypothesis import given
from hypothesis import strategies as st

from faultline_lite.search.grams import (
    Alternative,
    Marks,
    alternatives,
    fold,
    is_short,
    list_grams,
    short_alternatives,
    skeleton,
    sure_alternatives,
)

MARKS = Marks("<", ">")
TEXT = st.text(st.sampled_from("abxY_12 9-:/.>()在庫カ ｶﾞé"), min_size=1, max_size=24)


def fits(folded: str, alternative: Alternative, *, every_size: bool = False) -> bool:
    mark = MARKS.varying if alternative.varying else MARKS.lasting
    grams = list_grams(folded, MARKS, lasting=True, every_size=every_size)
    return {mark + gram for gram in alternative.grams} <= set(grams)


@given(TEXT, st.integers(0, 23), st.integers(1, 12))
def test_text_fits_what_any_part_of_it_is_looked_up_by(text: str, start: int, size: int) -> None:
    folded = fold(text)
    part = folded[start : start + size] or folded

    if is_short(part):
        found = short_alternatives(part, every_size=True)
        assert any(fits(folded, each, every_size=True) for each in found)
    else:
        assert any(fits(folded, each) for each in alternatives(part))


@given(TEXT, TEXT)
def test_text_that_fits_for_sure_holds_what_is_looked_up(text: str, part: str) -> None:
    folded, wanted = fold(text), fold(part)

    if not is_short(wanted) and any(fits(folded, each) for each in sure_alternatives(wanted)):
        assert wanted in folded


@given(TEXT, TEXT)
def test_texts_that_differ_in_varying_words_only_share_their_lasting_grams(
    before: str, behind: str
) -> None:
    texts = [fold(f"{before} {number} {behind}") for number in (12345, 678)]
    lasting = [
        {gram for gram in list_grams(text, MARKS, lasting=True) if gram.startswith("<")}
        for text in texts
    ]

    assert skeleton(texts[0]) == skeleton(texts[1])
    assert lasting[0] == lasting[1]


def test_varying_grams_alone_are_few() -> None:
    folded = fold("GET /orders/4711 failed")

    assert list_grams(folded, MARKS, lasting=False) == [
        *(">s/4", ">/47", ">471", ">711", ">11 ", ">1 f")
    ]


def test_chinese_japanese_and_korean_are_cut_in_two() -> None:
    assert list_grams(fold("在庫が3"), MARKS, lasting=True) == [">庫が", ">が3", "<在庫", "<庫が"]
    assert alternatives("在庫") == (Alternative(False, ("在庫",)),)


def test_width_case_and_kinds_of_space_are_folded() -> None:
    assert fold("Ｉｎｄｅｘ\tｶﾞﾗｽ\n\x00ẞ") == "index ガラス  ss"


def test_long_text_is_cut_in_linear_time() -> None:
    # A run of letters without a digit makes a careless pattern quadratic: this would take hours.
    assert len(list_grams("a" * 1_000_000, MARKS, lasting=True)) == 999_998
    assert skeleton("1 " * 200_000) == "\0 "
