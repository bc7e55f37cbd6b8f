"""What a notifier is given to say. Values only: how it looks is each notifier's own."""

from typing import Any, Literal

import msgspec

#: Errors that one message shows; the rest is counted.
MAX_SHOWN = 20

Reason = Literal["first", "regression", "repeated"]


class ErrorSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One error of a message.

    ``fingerprint`` is its group key in hexadecimal, the same in every database that saw it.
    ``message`` is the error's own, whole: the first one that was seen. ``occurrence`` is the
    latest occurrence that this is about, as the API answers it, its own ``message`` among the
    fields. ``occurrences`` were decided to be notified of since the last message, ``total`` ever
    came. ``reason`` is the weightiest of theirs.
    """

    error_id: int
    fingerprint: str
    project: str
    message: str
    type: str
    reason: Reason
    occurrences: int
    total: int
    timestamp_ms: int
    reversed_unixtime: str
    link: str | None
    occurrence: dict[str, Any]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What one delivery tells: errors, the worst first, and what else there is to say.

    ``error_count`` and ``occurrence_count`` count everything, those beyond the MAX_SHOWN that are
    in ``errors`` too. ``notes`` are sentences of ours, such as what a cap has held back.
    ``delivery_id`` is the same when a message is sent again, so that a receiver can tell.
    """

    errors: tuple[ErrorSummary, ...]
    error_count: int
    occurrence_count: int
    notes: tuple[str, ...] = ()
    delivery_id: int = 0

    @property
    def headline(self) -> str:
        """``12 occurrences of 3 errors``."""
        return f"{_plural(self.occurrence_count, 'occurrence')} of " + _plural(
            self.error_count, "error"
        )


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """An error that was resolved here, for an issue tracker to close its issue."""

    error_id: int
    fingerprint: str
    project: str
    message: str
    type: str
    link: str | None
    resolved_ms: int


class Frame(msgspec.Struct, frozen=True):
    """One frame of a backtrace."""

    file: str | None = None
    line: int | float | None = None
    function: str | None = None

    def __str__(self) -> str:
        """``file(line) function``, as the original prints it."""
        place = f"{self.file or '?'}({self.line if self.line is not None else '?'})"
        return f"{place} {self.function or ''}".rstrip()


def frames_of(occurrence: dict[str, Any]) -> list[Frame]:
    """Return the backtrace, newest first."""
    frames = occurrence.get("backtrace") or []
    return msgspec.convert(frames, list[Frame])


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
