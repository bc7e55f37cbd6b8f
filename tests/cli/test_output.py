"""Text for a terminal, which no report can steer."""

import json

import pytest

from faultline_lite.cli.output import fit_widths, json_line, json_text, print_more, printable


@pytest.mark.parametrize(
    ("widths", "columns", "expected"),
    [
        ([10, 80, 25], 200, [10, 80, 25]),
        ([10, 80, 25], 100, [10, 61, 25]),
        ([70, 80, 25], 100, [35, 36, 25]),
        ([10, 80, 25], 40, [10, 28, 25]),
    ],
)
def test_table_is_narrowed_to_the_terminal(
    widths: list[int], columns: int, expected: list[int]
) -> None:
    assert fit_widths(widths, columns) == expected


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
