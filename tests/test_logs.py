"""Log lines: one for each record, whatever a report has in it."""

import json
import logging
import sys

from faultline_lite.logs import JsonFormatter, TextFormatter

HOSTILE = "one\n2026-01-02T03:04:05Z ERROR writer: two \x1b[2J\u2028在庫"


def make_record(message: str, error: Exception | None = None) -> logging.LogRecord:
    exc_info = None
    if error is not None:
        try:
            raise error
        except type(error):
            exc_info = sys.exc_info()
    record = logging.LogRecord(
        "faultline_lite.retention.room", logging.WARNING, __file__, 1, message, (), exc_info
    )
    record.created = 1_767_323_045.6
    return record


def test_text_line_says_when_how_severe_who_and_what() -> None:
    line = TextFormatter().format(make_record("the disk runs low"))

    assert line == "2026-01-02T03:04:05Z WARNING retention.room: the disk runs low"


def test_text_of_a_report_begins_no_line_and_steers_no_terminal() -> None:
    line = TextFormatter().format(make_record(HOSTILE))

    assert line.endswith("one\\x0a2026-01-02T03:04:05Z ERROR writer: two \\x1b[2J\\x2028在庫")


def test_traceback_stands_below_its_line_and_looks_like_no_other() -> None:
    first, *below = TextFormatter().format(make_record("failed", ValueError(HOSTILE))).split("\n")

    assert first == "2026-01-02T03:04:05Z WARNING retention.room: failed"
    assert below[0] == "  Traceback (most recent call last):"
    assert below[-2:] == [
        "  ValueError: one",
        "  2026-01-02T03:04:05Z ERROR writer: two \\x1b[2J\\x2028在庫",
    ]
    assert all(line.startswith("  ") and line.isprintable() for line in below)


def test_json_line_is_one_object_with_the_traceback_in_it() -> None:
    line = JsonFormatter().format(make_record(HOSTILE, ValueError(HOSTILE)))
    fields = json.loads(line)

    assert "\n" not in line
    assert fields.pop("traceback").endswith(f"ValueError: {HOSTILE}")
    assert fields == {
        "time": "2026-01-02T03:04:05Z",
        "level": "warning",
        "logger": "retention.room",
        "message": HOSTILE,
    }
