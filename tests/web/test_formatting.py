import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultline_lite.web.formatting import (
    bars_path,
    iso_time,
    short_number,
    size_text,
    utc_time,
    visible,
)

TIME_MS = 1_481_036_400_123


def test_time_is_exact_in_utc() -> None:
    assert iso_time(TIME_MS) == "2016-12-06T15:00:00.123Z"
    assert utc_time(TIME_MS) == "2016-12-06 15:00:00 UTC"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.0k"),
        (1249, "1.2k"),
        (9949, "9.9k"),
        (9950, "10k"),
        (999_499, "999k"),
        (999_500, "1.0M"),
        (-1500, "-1.5k"),
    ],
)
def test_number_is_short(number: int, text: str) -> None:
    assert short_number(number) == text


@given(st.integers(0, 2**53))
def test_short_number_has_five_characters_at_most(number: int) -> None:
    assert len(short_number(number)) <= 5


@pytest.mark.parametrize(
    ("size_bytes", "text"), [(0, "0 bytes"), (1023, "1023 bytes"), (3_565_158, "3.4 MiB")]
)
def test_size_has_the_unit_that_suits_it(size_bytes: int, text: str) -> None:
    assert size_text(size_bytes) == text


def test_highest_bar_has_the_full_height_and_none_that_counts_is_invisible() -> None:
    path = bars_path([0, 1, 1000, 0], 8, 20)

    assert path == "M2 20v-1h1.5V20zM4 20v-20h1.5V20z"


def test_nothing_has_no_bars() -> None:
    assert bars_path([0, 0], 8, 20) == ""
    assert bars_path([], 8, 20) == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\nin\r\nlines", "plain\ttext\nin\r\nlines"),
        ("\x1b[31mred\x00\x7f", "␛[31mred␀␡"),
        ("\x9b31m", "�31m"),
        ("\u202eevil\u2066\u2069", "�evil��"),
        ("在庫 🍣 e\u0301 \u200d", "在庫 🍣 e\u0301 \u200d"),
    ],
)
def test_what_would_do_something_is_seen_instead(text: str, shown: str) -> None:
    assert visible(text) == shown
