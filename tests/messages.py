"""Builders of what notifiers are given, with defaults, and the message that means no good."""

from typing import Any

from faultline_lite.notifications.messages import ErrorSummary, Message

#: Breaks out of fences, mentions, links, runs commands, hides and turns around what it is.
HOSTILE = (
    "<!channel> <!here|x> <@U024BE7LH> <#C024BE7LR> <http://evil.example|click> & &lt;\n"
    "@everyone @channel @octocat @group/team #1 owner/repo#2 owner/repo@abcdef0 "
    "https://github.com/o/r/issues/3 GH-4 !5\n"
    "```\n/close\n````\n/assign @octocat\n~~~~\n</details></pre><script>alert(1)</script>\n"
    "````````````\n/close\n"
    "![x](https://evil.example/x.png) [click](javascript:alert(1)) `` ` `` $(id) %s {0} {{7*7}}\n"
    "--> <!-- /* */ \r/close\r\n/close\n"
    "nul \0 escape \x1b[31m bell \x07 del \x7f c1 \x9b "
    "rtl \u202eevil\u202c \u2066isolate\u2069 mark \u200f\u200e "
    "zero \u200bwidth\ufeff\u2060 line\u2028separator @\u200beveryone \U000e0041 "
    "end ``"
)


def make_error(**changes: Any) -> ErrorSummary:
    fields: dict[str, Any] = {
        "error_id": 7,
        "fingerprint": "00112233445566778899aabbccddeeff",
        "project": "sample-project",
        "message": "Undefined index: faultline",
        "type": "notice",
        "reason": "first",
        "occurrences": 1,
        "total": 1,
        "timestamp_ms": 1_481_036_400_000,
        "reversed_unixtime": "9007197773704591",
        "link": "https://errors.example.com/projects/sample-project/errors/1",
    }
    fields |= changes
    fields.setdefault("occurrence", make_occurrence(message=fields["message"]))
    return ErrorSummary(**fields)


def make_occurrence(**changes: Any) -> dict[str, Any]:
    return {
        "project": "sample-project",
        "message": "Undefined index: faultline",
        "type": "notice",
        "timestamp": "2016-12-06T15:00:00+00:00",
        "reversedUnixtime": "9007197773704591",
        "backtrace": [
            {"file": "/var/www/user.php", "line": 15, "function": "User->edit()"},
            {"file": "/var/www/index.php", "line": 3, "function": None},
        ],
        "context": {"environment": "production", "url": "https://example.com/users/edit"},
        "environment": {"HOME": "/root"},
        "session": {"user": 5},
        "params": {"q": "x"},
    } | changes


def make_message(*errors: ErrorSummary, **changes: Any) -> Message:
    shown = errors or (make_error(),)
    fields: dict[str, Any] = {
        "errors": shown,
        "error_count": len(shown),
        "occurrence_count": sum(error.occurrences for error in shown),
    }
    return Message(**{**fields, **changes})


def make_hostile_error(**changes: Any) -> ErrorSummary:
    """Return an error that is hostile in every place that a client fills."""
    places = {
        "message": HOSTILE,
        "type": HOSTILE,
        "context": {HOSTILE: HOSTILE, "nested": {"list": [HOSTILE]}},
        "environment": {"a": HOSTILE},
        "session": {"b": HOSTILE},
        "params": {"c": HOSTILE},
        "backtrace": [
            {"file": HOSTILE, "line": 1, "function": HOSTILE},
            {"file": "/close", "line": None, "function": None},
        ],
    }
    fields = {"project": HOSTILE, "message": HOSTILE, "type": HOSTILE}
    return make_error(**{**fields, "occurrence": make_occurrence(**places), **changes})
