"""Any of the services that Apprise knows, where ``faultline-lite[apprise]`` is installed.

Apprise connects by itself, so it runs in a process of its own that the egress guard watches.
"""

import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import ClassVar, Literal

import msgspec

from faultline_lite.egress.guard import HttpResponse
from faultline_lite.exceptions import NotifyError
from faultline_lite.notifications.channels import (
    ChannelConfig,
    Check,
    Secret,
    format_local_time,
)
from faultline_lite.notifications.messages import MAX_SHOWN, ErrorSummary, Message, frames_of
from faultline_lite.notifiers.answers import failure_of
from faultline_lite.notifiers.notifier import Http, Notifier, TrackedIssues
from faultline_lite.notifiers.texts import safe_link, show, visible_line
from faultline_lite.sentences import Sentence, say

PROCESS = "faultline_lite.notifiers.apprise_process"
EXTRA = "faultline-lite[apprise]"
MAX_TITLE_CHARACTERS = 200
MAX_MESSAGE_CHARACTERS = 1_000
MAX_NAME_CHARACTERS = 200
MAX_LINE_CHARACTERS = 300
FRAMES_SHOWN = 3

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,39})://.+", re.DOTALL)
#: What services with texts of their own take for mentions and links. A space without width keeps it
#: a text; which service it is for, and how that one escapes, only Apprise knows.
_MEANT = re.compile(r"@(?=\w)|<(?=[!@#:/a-zA-Z])|\](?=\()")
_APART = r"\g<0>" + "\u200b"


def check_apprise_url(url: str) -> Sentence | None:
    """Return what should look like a URL; the rest is Apprise's to say."""
    return None if _URL.fullmatch(url) else say("expected an Apprise URL such as discord://...")


class AppriseConfig(ChannelConfig, frozen=True, kw_only=True):
    """``url`` is one of Apprise's, with its tokens."""

    TYPE: ClassVar[str] = "apprise"
    CHECKS: ClassVar[Mapping[str, Check]] = {**ChannelConfig.CHECKS, "url": check_apprise_url}

    url: Secret

    @property
    def place(self) -> str:
        """The service; a token may stand wherever a URL has its host."""
        return self.url.partition("://")[0].lower()

    @property
    def destination(self) -> tuple[str, ...]:
        """The URL."""
        return (self.url,)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The URL, whole and without its scheme."""
        return (self.url, self.url.partition("://")[2])


class Order(msgspec.Struct, frozen=True):
    """What the process is to send, and where to."""

    url: str
    title: str
    body: str


class Result(msgspec.Struct, frozen=True):
    """What became of it, without anything out of the URL.

    ``refusal`` is why a connection or a file was refused; ``status`` and ``retry_after`` are of the
    last HTTP answer, where there was one.
    """

    outcome: Literal["sent", "failed", "refused", "unknown", "unencrypted"]
    service: str = ""
    refusal: str = ""
    status: int | None = None
    retry_after: str = ""


async def send(
    http: Http, config: AppriseConfig, message: Message, issues: TrackedIssues
) -> Sentence:
    """Have Apprise send the message. Raises NotifyError."""
    if find_spec("apprise") is None:
        command = f"pip install '{EXTRA}'"
        raise NotifyError(say("Apprise is not installed: {detail}", detail=command), permanent=True)
    title, body = make_texts(config, message)
    order = msgspec.json.encode(Order(config.url, title, body))
    result = msgspec.json.decode(await http.run_guarded(PROCESS, order), type=Result)
    if result.outcome != "sent":
        raise _failure(result)
    return say("sent to {service}", service=result.service)


NOTIFIER = Notifier(config=AppriseConfig, send=send)


def make_texts(config: AppriseConfig, message: Message) -> tuple[str, str]:
    """Return title and body, in which nothing of a report means more than its text."""
    shown = message.errors[:MAX_SHOWN]
    if len(shown) == 1 and message.error_count == 1:
        title = f"[{shown[0].type}] {shown[0].message}"
    else:
        title = message.headline if shown else "faultline-lite"
    hidden = message.error_count - len(shown)
    paragraphs = [
        *message.notes,
        *[_describe(config, error) for error in shown],
        *([f"… and {hidden:,} more errors"] if hidden > 0 else []),
    ]
    return _put_apart(visible_line(title[:MAX_TITLE_CHARACTERS])), "\n\n".join(paragraphs)


def _describe(config: AppriseConfig, error: ErrorSummary) -> str:
    came_back = ", came back after it was resolved" if error.reason == "regression" else ""
    of_how_many = f"{error.occurrences:,} of {error.total:,} occurrences"
    counts = f"{'its first occurrence' if error.total == 1 else of_how_many}{came_back}"
    lines = [
        show(error.message, MAX_MESSAGE_CHARACTERS),
        visible_line(f"{error.project[:MAX_NAME_CHARACTERS]}: {error.type[:MAX_NAME_CHARACTERS]}"),
        f"{format_local_time(error.timestamp_ms, config.timezone)}, {counts}",
        *[
            visible_line(str(frame)[:MAX_LINE_CHARACTERS])
            for frame in frames_of(error.occurrence)[:FRAMES_SHOWN]
        ],
    ]
    described = _put_apart("\n".join(lines))
    link = safe_link(error.link)
    return f"{described}\n{link}" if link else described


def _put_apart(text: str) -> str:
    return _MEANT.sub(_APART, text)


def _failure(result: Result) -> NotifyError:
    # Only HTTP tells why; what fails in another way may be the network's fault.
    service = f"Apprise ({result.service})" if result.service else "Apprise"
    if result.outcome == "unknown":
        reason = say("Apprise knows no such service, or the URL lacks something")
        return NotifyError(reason, permanent=True)
    if result.outcome == "unencrypted":
        reason = say(
            "{service} would not be encrypted: the server's allow_http can permit it",
            service=service,
        )
        return NotifyError(reason, permanent=True)
    if result.outcome == "refused":
        reason = say("{service}: {reason}", service=service, reason=result.refusal)
        return NotifyError(reason, permanent=True)
    if result.status is None:
        reason = say("{service} could not be reached", service=service)
        return NotifyError(reason, permanent=False)
    headers = {"retry-after": result.retry_after} if result.retry_after else {}
    return failure_of(service, HttpResponse(result.status, headers, b""))
