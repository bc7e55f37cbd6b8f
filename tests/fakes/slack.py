"""Slack's incoming webhooks as docs.slack.dev describes them.

"Sending messages using incoming webhooks" (and its "Handling errors"), "Formatting message text",
"Legacy secondary attachments".
"""

import html
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from tests.fakes.http import Answer, FakeServer, Request

MAX_ATTACHMENTS = 100
MAX_TEXT_CHARACTERS = 40_000
#: "Formatting message text": what stands in angle brackets is a link, or mentions somebody.
_CONTROL = re.compile(r"<([^<>]*)>")
_NAME = re.compile(r"@(channel|here|everyone|\w+)")
_TEXTS = ("text", "pretext", "fallback", "title", "author_name", "footer")


class FakeSlack(FakeServer):
    """One webhook, at ``/services/T0/B0/secret``. ``messages`` are the payloads that it posted."""

    PATH = "/services/T0/B0/secret"

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.messages: list[dict[str, Any]] = []

    @property
    def endpoint(self) -> str:
        return self.url + self.PATH

    def _answer(self, request: Request) -> Answer:
        if request.path != self.PATH:
            return Answer(404, b"no_service")
        try:
            payload = msgspec.json.decode(request.body)
        except msgspec.DecodeError:
            return Answer(400, b"invalid_payload")
        if request.headers.get("content-type") != "application/json":
            return Answer(400, b"invalid_payload")
        if not isinstance(payload, dict) or not isinstance(payload.get("channel", ""), str):
            return Answer(400, b"invalid_payload")
        if len(payload.get("attachments", [])) > MAX_ATTACHMENTS:
            return Answer(400, b"too_many_attachments")
        if not payload.get("text") and not payload.get("attachments"):
            return Answer(400, b"no_text")
        self.messages.append(payload)
        return Answer(200, b"ok")


def texts_of(payload: dict[str, Any]) -> Iterator[str]:
    """Yield every text that Slack would show, as it came."""
    yield payload.get("text", "")
    for attachment in payload.get("attachments", []):
        yield from (attachment[key] for key in _TEXTS if key in attachment)
        for each in attachment.get("fields", []):
            yield from (each["title"], each["value"])


def shown_as(text: str) -> str:
    """Return what a reader sees: links and mentions as such, escapes as what they stand for."""
    return html.unescape(_CONTROL.sub(r"[[\1]]", text))


def controls_in(payload: dict[str, Any]) -> list[str]:
    """Return the links and mentions that Slack would make of a payload."""
    found = [control for text in texts_of(payload) for control in _CONTROL.findall(text)]
    if payload.get("link_names") or payload.get("parse") == "full":
        found += [name for text in texts_of(payload) for name in _NAME.findall(text)]
    return found
