"""Text for a terminal, which no report can steer."""

import io
import json
import re
import sys

import pytest

from faultline_lite.cli.output import (
    Moment,
    fit_widths,
    json_line,
    json_text,
    print_more,
    print_table,
    printable,
    tell_age,
)


@pytest.mark.parametrize(
    ("widths", "columns", "expected"),
    [
        ([10, 80, 25], 200, [10, 80, 25]),
        ([10, 80, 25], 100, [10, 61, 25]),
        ([70, 80, 25], 100, [35, 36, 25]),
        ([10, 80, 25], 40, [10, 13, 13]),
    ],
)
def test_table_is_narrowed_to_the_terminal(
    widths: list[int], columns: int, expected: list[int]
) -> None:
    assert fit_widths(widths, columns) == expected


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_table_of_times_fits_a_terminal_by_their_ages(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "40")
    row = ("x" * 80, Moment("2016-12-06T15:00:00+00:00"), Moment(""))

    print_table(("message", "seen", "updated"), [row])

    heading, line = terminal.getvalue().splitlines()
    assert heading.split() == ["message", "seen", "updated"]
    assert re.fullmatch(r"x+…  \d+d ago", line)
    assert max(len(heading), len(line)) <= 40


def test_table_that_is_piped_has_the_times_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("seen",), [(Moment("2016-12-06T15:00:00+00:00"),)])

    assert capsys.readouterr().out == "seen\n2016-12-06T15:00:00+00:00\n"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-5, "now"),
        (59, "now"),
        (60, "1m ago"),
        (3599, "59m ago"),
        (3600, "1h ago"),
        (47 * 3600, "47h ago"),
        (48 * 3600, "2d ago"),
    ],
)
def test_age_is_told_in_its_largest_unit(seconds: int, expected: str) -> None:
    assert tell_age("2016-12-06T15:00:00+00:00", 1_481_036_400_000 + seconds * 1000) == expected


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (20, "the first 20; --limit shows up to 100\n"),
        (100, "the first 100; there are more\n"),
    ],
)
def test_more_than_was_shown_is_said_with_what_shows_it(
    capsys: pytest.CaptureFixture[str], shown: int, expected: str
) -> None:
    print_more(shown, 100)

    assert capsys.readouterr() == ("", expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("在庫　切れ é 🙂", "在庫　切れ é 🙂"),
        ("a\nb\tc\x1b]0;x\x07", "a\\x0ab\\x09c\\x1b]0;x\\x07"),
        ("\x9b31m\x85", "\\x9b31m\\x85"),
        ("\u202eevil\u2066\u200b", "\\u202eevil\\u2066\\u200b"),
        ("\U000e0041\udcff", "\\U000e0041\\udcff"),
    ],
)
def test_text_of_a_report_cannot_steer_the_terminal(text: str, expected: str) -> None:
    assert printable(text) == expected


def test_json_for_the_terminal_has_the_same_value() -> None:
    value = {"a": "\x9b\u202e\U000e0041\n日本", "b": [1, 2.5, None]}

    assert json.loads(json_text(value)) == value
    assert json.loads(json_line(json.dumps(value, ensure_ascii=False).encode())) == value
