"""Slack, through an incoming webhook: one message, one attachment an error.

The fields are those that faultline sends. docs.slack.dev: "Sending messages using incoming
webhooks", "Formatting message text", "Legacy secondary attachments".
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from faultline_lite.egress.guard import HttpResponse
from faultline_lite.exceptions import NotifyError
from faultline_lite.notifications.channels import (
    ChannelConfig,
    Check,
    Secret,
    Text,
    format_local_time,
)
from faultline_lite.notifications.messages import MAX_SHOWN, ErrorSummary, Message, frames_of
from faultline_lite.notifiers.answers import JSON_HEADERS, failure_of, is_success
from faultline_lite.notifiers.endpoints import check_url, url_secrets
from faultline_lite.notifiers.notifier import Http, Notifier, TrackedIssues
from faultline_lite.notifiers.texts import ELLIPSIS, safe_link, visible
from faultline_lite.sentences import Sentence, say

COLOUR = "#E06A3B"
#: Slack cuts texts at 40,000 characters and splits them at 4,000 ("Truncating really long
#: messages"), an attachment at 8,000; many large attachments make a message that nobody reads.
MAX_TEXT_CHARACTERS = 4_000
MAX_TITLE_CHARACTERS = 300
MAX_FIELD_CHARACTERS = 200
MAX_BACKTRACE_CHARACTERS = 4_000
#: All backtraces of a message together.
MAX_BACKTRACES_CHARACTERS = 12_000

#: "Formatting message text": these three, and no others, are to be escaped; then nothing can be a
#: link or a mention.
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_HALF_ESCAPE = re.compile(r"&[a-z]{0,3}\Z")
#: The errors of webhooks are single words, such as channel_is_archived.
_ERROR_WORD = re.compile(rb"[a-z_]{1,60}")


class SlackConfig(ChannelConfig, frozen=True, kw_only=True):
    """``endpoint`` is the webhook's URL; whoever knows it may post, so it is a secret."""

    TYPE: ClassVar[str] = "slack"
    CHECKS: ClassVar[Mapping[str, Check]] = {**ChannelConfig.CHECKS, "endpoint": check_url}

    endpoint: Secret
    channel: Text
    username: Text | None = None
    icon_emoji: Text | None = None
    icon_url: Text | None = None

    @property
    def place(self) -> str:
        """The channel's name."""
        return self.channel

    @property
    def destination(self) -> tuple[str, ...]:
        """The webhook, and the channel: a webhook of the old kind posts to any."""
        return (self.endpoint, self.channel)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The webhook, whole and without its host."""
        return url_secrets(self.endpoint)


async def send(
    http: Http, config: SlackConfig, message: Message, issues: TrackedIssues
) -> Sentence:
    """Post the message. Raises NotifyError."""
    response = await http.request(
        "POST",
        config.endpoint,
        headers=JSON_HEADERS,
        content=msgspec.json.encode(make_payload(config, message)),
    )
    # "Handling errors" there, and the changelog of 2016-05-17: 200 is success and anything else
    # none. 400 invalid_payload, user_not_found, too_many_attachments; 403 action_prohibited,
    # invalid_token, posting_to_general_channel_denied; 404 channel_not_found, no_service, no_team;
    # 410 channel_is_archived: somebody has to change something first. 500 rollup_error is "likely
    # not your fault"; "Rate limits": 429 comes with Retry-After.
    if not is_success(response):
        raise _failure(response)
    return say("posted")


NOTIFIER = Notifier(config=SlackConfig, send=send)


def make_payload(config: SlackConfig, message: Message) -> dict[str, Any]:
    """Return what is posted, every text escaped and within limits."""
    shown = message.errors[:MAX_SHOWN]
    backtrace_characters = min(
        MAX_BACKTRACE_CHARACTERS, MAX_BACKTRACES_CHARACTERS // max(len(shown), 1)
    )
    payload: dict[str, Any] = {
        "channel": config.channel,
        "username": config.username,
        "icon_emoji": config.icon_emoji,
        "icon_url": config.icon_url,
        "text": escape(_say_all(message, len(shown)), MAX_TEXT_CHARACTERS) or None,
        "attachments": [_attach(config, error, backtrace_characters) for error in shown],
        # Nothing is to be read as formatting, no @name as a mention, no URL to be shown as a page.
        "mrkdwn": False,
        "parse": "none",
        "link_names": 0,
        "unfurl_links": False,
        "unfurl_media": False,
    }
    return {key: value for key, value in payload.items() if value is not None and value != []}


def escape(text: str, limit: int) -> str:
    """Return the text as Slack's clients show it literally, at most so many characters of it."""
    escaped = visible(text[: limit + 1]).translate(_ESCAPES)
    if len(escaped) <= limit and len(text) <= limit:
        return escaped
    return _HALF_ESCAPE.sub("", escaped[: limit - len(ELLIPSIS)]) + ELLIPSIS


def _say_all(message: Message, shown: int) -> str:
    """Return what the attachments do not say; nothing for a single occurrence."""
    sentences = list(message.notes)
    if message.occurrence_count > 1:
        sentences.insert(0, message.headline)
    if shown and message.error_count > shown:
        sentences.append(f"… and {message.error_count - shown:,} more errors")
    return "\n".join(sentences)


def _attach(config: SlackConfig, error: ErrorSummary, backtrace_characters: int) -> dict[str, Any]:
    title = escape(error.message, MAX_TITLE_CHARACTERS)
    timestamp = format_local_time(error.timestamp_ms, config.timezone)
    backtrace = "\n".join(str(frame) for frame in frames_of(error.occurrence))
    fields = [
        _field("project", escape(error.project, MAX_FIELD_CHARACTERS), short=True),
        _field("type", escape(error.type, MAX_FIELD_CHARACTERS), short=True),
        _field("timestamp", timestamp, short=True),
    ]
    if backtrace:
        # Slack would show the heading of an empty one.
        fields.append(_field("backtrace", escape(backtrace, backtrace_characters), short=False))
    attachment: dict[str, Any] = {
        "fallback": title,
        "title": title,
        "title_link": safe_link(error.link),
        "text": _count(error),
        "color": COLOUR,
        "ts": error.timestamp_ms // 1000,
        "fields": fields,
        "mrkdwn_in": [],
    }
    return {key: value for key, value in attachment.items() if value is not None}


def _count(error: ErrorSummary) -> str | None:
    """Return how often it came, where it is more than once, and whether it came back."""
    words = []
    if error.reason == "regression":
        words.append("came back after it was resolved")
    if error.occurrences > 1:
        words.append(f"{error.occurrences:,} occurrences")
    if error.total > error.occurrences:
        words.append(f"{error.total:,} in all")
    return ", ".join(words) or None


def _field(title: str, value: str, *, short: bool) -> dict[str, Any]:
    return {"title": title, "value": value, "short": short}


def _failure(response: HttpResponse) -> NotifyError:
    word = response.body.strip()
    detail = word.decode("ascii") if _ERROR_WORD.fullmatch(word) else ""
    return failure_of("Slack", response, detail)
