"""Every exception that we raise, by what the caller can do about it.

FaultlineError
├── ConfigError             the user corrects the configuration, a flag or a file (exit 2)
├── RequestError            the client corrects the request, or waits; carries the HTTP status
│   ├── BadRequestError           400, one Problem for each thing that is wrong
│   ├── ForbiddenError            403
│   ├── NotFoundError             404
│   ├── RequestTimeoutError       408
│   ├── ConflictError             409, what is under way must end first
│   ├── PreconditionFailedError   412
│   ├── BodyTooLargeError         413
│   ├── UnknownEncodingError      415
│   ├── RateLimitedError          429, with the seconds to wait
│   └── OverloadedError           503, with the seconds to wait
├── ChannelConfigError      the sender corrects the notification config; the report is stored
├── NotifyError             a message was not delivered: try again, unless it is permanent
└── DatabaseError
    ├── DatabaseInUseError        another server has the file: stop that one first
    ├── DatabaseUnusableError     not ours, damaged, of another version, or unreadable
    ├── NoRoomError               a copy would take room that must stay free: make room first; 507
    └── DatabaseUnavailableError  the write was not taken (disk full, queue full, closing): 503
"""

from dataclasses import dataclass, field
from typing import Any

from faultline_lite.sentences import Sentence


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a request.

    ``path`` leads to it from the top of the body: ``("errors", "0", "message")``. ``message`` is a
    ``Sentence`` where a page may show it.
    """

    message: str
    path: tuple[str, ...] = ()
    detail: Any = None


class FaultlineError(Exception):
    """Base of all exceptions of this package."""


class ConfigError(FaultlineError):
    """The configuration cannot work; the message names the key and never its secret value."""


class RequestError(FaultlineError):
    """A request that is refused; carries what the HTTP answer needs."""

    status = 400

    def __init__(self, *problems: Problem, retry_after_seconds: int | None = None) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems
        self.retry_after_seconds = retry_after_seconds


class BadRequestError(RequestError):
    """The request is malformed or of the wrong shape."""


class ForbiddenError(RequestError):
    """The key is missing or wrong, or may not do this."""

    status = 403

    def __init__(self) -> None:
        super().__init__(Problem("403 Forbidden"))


class NotFoundError(RequestError):
    """There is no such project, error, occurrence or route."""

    status = 404


class RequestTimeoutError(RequestError):
    """The body did not arrive in time."""

    status = 408


class ConflictError(RequestError):
    """The request is right, and something that is under way stands against it."""

    status = 409


class PreconditionFailedError(RequestError):
    """The server is not set up for this."""

    status = 412


class BodyTooLargeError(RequestError):
    """The body is larger than the limit, as sent or decompressed."""

    status = 413


class UnknownEncodingError(RequestError):
    """The Content-Encoding is none that we decode."""

    status = 415


class RateLimitedError(RequestError):
    """A key or a project has used up its occurrences of this minute."""

    status = 429


class ChannelConfigError(FaultlineError):
    """A notification config cannot be used; its problems name fields and never a value."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


class NotifyError(FaultlineError):
    """A message could not be delivered.

    ``permanent`` says that trying again would not help, ``retry_after_seconds`` when the other side
    wants to be asked again; ``reason`` has no secret in it.
    """

    def __init__(
        self, reason: Sentence, *, permanent: bool, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
        self.retry_after_seconds = retry_after_seconds


class OverloadedError(RequestError):
    """More arrives at once than the server has memory for."""

    status = 503


class DatabaseError(FaultlineError):
    """The store cannot do what was asked."""


class DatabaseInUseError(DatabaseError):
    """Another process serves this database."""


class DatabaseUnusableError(DatabaseError):
    """The file is not a database of ours, is damaged, or of a version that this one is not."""


class NoRoomError(DatabaseError):
    """The disk has no room for a copy; none was made. The message is one sentence."""


@dataclass
class DatabaseUnavailableError(DatabaseError):
    """The write was not taken and nothing of it is stored; it may be sent again.

    ``reason`` is for the log and the answer.
    """

    reason: Sentence
    retry_after_seconds: int = field(default=5)

    def __str__(self) -> str:
        return self.reason
