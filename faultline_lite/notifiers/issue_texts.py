"""What stands in an issue: its title, its body, its comments. Pure.

The title is the original's, so that issues which it opened are found again.
"""

import hashlib
import re
from typing import Any

import msgspec

from faultline_lite.fingerprint import end_of_character
from faultline_lite.notifications.channels import format_local_time
from faultline_lite.notifications.messages import ErrorSummary, Message, Resolution, frames_of
from faultline_lite.notifiers.markdown import code_span, fence
from faultline_lite.notifiers.texts import safe_link, visible_line

#: A title of so many bytes or more is cut where it reaches CUT_TITLE_BYTES.
LONG_TITLE_BYTES = 250
CUT_TITLE_BYTES = 237
HASH_DIGITS = 10

#: GitHub takes bodies of 65,536 characters, GitLab of a million. The parts below come to less.
MAX_BODY_CHARACTERS = 65_536
MAX_NAME_CHARACTERS = 256
MAX_MESSAGE_CHARACTERS = 8_000
MAX_BACKTRACE_CHARACTERS = 10_000
MAX_SECTION_CHARACTERS = 8_000
MAX_NOTES_CHARACTERS = 2_000
MAX_LINK_CHARACTERS = 4_000
#: Of an error in a summary, which shows up to MAX_SHOWN.
MAX_SUMMED_NAME_CHARACTERS = 100
MAX_SUMMED_MESSAGE_CHARACTERS = 300
MAX_SUMMED_LINK_CHARACTERS = 500

#: Of the one issue in a repository that sums up what has none of its own.
SUMMARY_TITLE = "[faultline-lite] Errors beyond the hourly limit"

_SECTIONS = ("context", "environment", "session", "params")
#: One word for those who search; GitLab leaves words of 50 characters out of its index.
_MARKER_PREFIX = "faultlinelite"
_MARKER_DIGITS = 24
_REFERENCE = re.compile(r"@(?=\w)|[#!](?=\d)")
_FULL_WIDTH = {"@": "＠", "#": "＃", "!": "！"}


def make_title(type_: str, message: str) -> str:
    """Return the title by which the issue is found: ``[type] message``, cut as faultline does."""
    title = f"[{type_}] {message}"
    encoded = title.encode()
    if len(encoded) < LONG_TITLE_BYTES:
        return title
    end = end_of_character(encoded, CUT_TITLE_BYTES)
    rest = hashlib.sha256(encoded[end:]).hexdigest()
    return f"{encoded[:end].decode()}...{rest[:HASH_DIGITS]}"


def show_title(title: str, *, mentions: bool) -> str:
    """Return the title as it can be sent: one line, no control characters, no longer.

    ``mentions`` says that names and numbers in titles are links, and told of it: where their signs
    are full-width, they are not.
    """
    shown = visible_line(title)
    if not mentions:
        return shown
    return _REFERENCE.sub(lambda found: _FULL_WIDTH[found[0]], shown)


def is_same_title(one: str, other: str) -> bool:
    """Return whether titles differ in white space at most, which trackers take liberties with."""
    return one.split() == other.split()


def make_marker(project: str, fingerprint: str) -> str:
    """Return the word that marks the issue of an error, in this database or another."""
    digest = hashlib.sha256(f"{project}\0{fingerprint}".encode()).hexdigest()
    return f"{_MARKER_PREFIX}{digest[:_MARKER_DIGITS]}"


def make_body(error: ErrorSummary, timezone: str | None, notes: tuple[str, ...]) -> str:
    """Return the body of the error's issue, with its marker hidden in a comment."""
    marker = f"<!-- {make_marker(error.project, error.fingerprint)} -->"
    return "\n\n".join([marker, *_paragraphs(error, timezone, notes)])


def make_comment(error: ErrorSummary, timezone: str | None, notes: tuple[str, ...]) -> str:
    """Return the comment that says that the error came again."""
    return "\n\n".join([_count(error), *_paragraphs(error, timezone, notes)])


def make_closing_comment(resolution: Resolution, timezone: str | None) -> str:
    """Return the comment that says why the issue is closed."""
    resolved = format_local_time(resolution.resolved_ms, timezone)
    return "\n\n".join([f"Resolved at {resolved}.", *_link(resolution.link)])


def make_summary_marker() -> str:
    """Return the word that marks the issue which sums errors up; no project has no name."""
    return make_marker("", "summary")


def make_summary(message: Message) -> str:
    """Return a paragraph, and a list of the errors, that say what the message sums up."""
    more = message.error_count - len(message.errors)
    return "\n\n".join(
        [
            f"**{message.headline}** are beyond the hourly limit of messages.",
            "An error that has no issue of its own gets one when it comes again.",
            *([fence("\n".join(message.notes), MAX_NOTES_CHARACTERS)] if message.notes else []),
            "\n".join(_sum_up(error) for error in message.errors),
            *([f"and {more:,} more"] if more else []),
        ]
    )


def make_summary_body(message: Message) -> str:
    """Return the body of the issue that sums errors up, with its marker hidden in a comment."""
    return f"<!-- {make_summary_marker()} -->\n\n{make_summary(message)}"


def _sum_up(error: ErrorSummary) -> str:
    names = [code_span(each, MAX_SUMMED_NAME_CHARACTERS) for each in (error.project, error.type)]
    shown = code_span(error.message, MAX_SUMMED_MESSAGE_CHARACTERS)
    link = _link(error.link, MAX_SUMMED_LINK_CHARACTERS)
    return f"- {_times(error)}: {', '.join([*names, shown, *link])}"


def _paragraphs(error: ErrorSummary, timezone: str | None, notes: tuple[str, ...]) -> list[str]:
    occurrence = error.occurrence
    frames = "\n".join(str(frame) for frame in frames_of(occurrence))
    message = str(occurrence.get("message") or error.message)
    sections = [(name, occurrence.get(name)) for name in _SECTIONS]
    return [
        *([fence("\n".join(notes), MAX_NOTES_CHARACTERS)] if notes else []),
        *_link(error.link),
        _facts(error, timezone),
        fence(message, MAX_MESSAGE_CHARACTERS),
        *([f"**backtrace**\n\n{fence(frames, MAX_BACKTRACE_CHARACTERS)}"] if frames else []),
        *[f"**{name}**\n\n{_fence_json(value)}" for name, value in sections if value],
    ]


def _count(error: ErrorSummary) -> str:
    came = "Came back after it was resolved" if error.reason == "regression" else "Came again"
    return f"{came}: {_times(error)}, {error.total:,} in all."


def _times(error: ErrorSummary) -> str:
    return "once" if error.occurrences == 1 else f"{error.occurrences:,} times"


def _facts(error: ErrorSummary, timezone: str | None) -> str:
    return "\n".join(
        [
            f"- project: {code_span(error.project, MAX_NAME_CHARACTERS)}",
            f"- type: {code_span(error.type, MAX_NAME_CHARACTERS)}",
            f"- timestamp: {format_local_time(error.timestamp_ms, timezone)}",
        ]
    )


def _link(link: str | None, limit: int = MAX_LINK_CHARACTERS) -> list[str]:
    safe = safe_link(link)
    if safe is None or len(safe) > limit:
        return []
    return [f"[Occurrence](<{safe}>)"]


def _fence_json(value: Any) -> str:
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    return fence(text, MAX_SECTION_CHARACTERS, "json")
