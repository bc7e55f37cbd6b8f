"""A web hook of the user's own: our message as JSON, signed.

The body is ``{"version": 1, "deliveryId": 7, "errors": [...], "errorCount": 3,
"occurrenceCount": 12, "notes": [...]}``; a message that is sent again has the ``deliveryId`` that
it had. An entry of ``errors`` has ``project``, ``message``, ``type``, ``reason`` (first,
regression or repeated), ``occurrences`` (since the last message), ``total``, ``timestamp``,
``reversedUnixtime``, ``link`` and ``occurrence``, the latest one as the API answers it. With a
``secret`` in the config, ``X-Faultline-Signature`` is the HMAC-SHA256 of the body's bytes with the
secret's UTF-8 as key, in lower-case hexadecimal.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from faultline_lite.notifications.channels import ChannelConfig, Check, Secret, format_local_time
from faultline_lite.notifications.messages import ErrorSummary, Message
from faultline_lite.notifiers.answers import JSON_HEADERS, failure_of, is_success
from faultline_lite.notifiers.endpoints import check_url, host_of, url_secrets
from faultline_lite.notifiers.notifier import Http, Notifier, TrackedIssues
from faultline_lite.notifiers.texts import cut
from faultline_lite.sentences import Sentence, say

VERSION = 1
SIGNATURE_HEADER = "X-Faultline-Signature"
#: Of one message; an occurrence may be as large as a request.
MAX_MESSAGE_CHARACTERS = 10_000
#: Of the whole body; occurrences are left out from the last on, until it fits.
MAX_BODY_BYTES = 2**20


class WebhookConfig(ChannelConfig, frozen=True, kw_only=True):
    """``endpoint`` is a secret too: many web hooks are only as safe as their URL."""

    TYPE: ClassVar[str] = "webhook"
    CHECKS: ClassVar[Mapping[str, Check]] = {**ChannelConfig.CHECKS, "endpoint": check_url}

    endpoint: Secret
    secret: Secret | None = None

    @property
    def place(self) -> str:
        """The host that is told."""
        return host_of(self.endpoint)

    @property
    def destination(self) -> tuple[str, ...]:
        """The URL, and what signs."""
        return (self.endpoint, self.secret or "")

    @property
    def secrets(self) -> tuple[str, ...]:
        """The URL, whole and without its host, and what signs."""
        return (*url_secrets(self.endpoint), self.secret or "")


async def send(
    http: Http, config: WebhookConfig, message: Message, issues: TrackedIssues
) -> Sentence:
    """Post the message. Raises NotifyError."""
    body = make_body(config, message)
    headers = dict(JSON_HEADERS)
    if config.secret is not None:
        headers[SIGNATURE_HEADER] = sign(config.secret, body)
    response = await http.request("POST", config.endpoint, headers=headers, content=body)
    # There is no vendor: the status codes mean what HTTP says they do.
    if not is_success(response):
        raise failure_of(config.place, response)
    return say("answered {status}", status=response.status)


NOTIFIER = Notifier(config=WebhookConfig, send=send)


def sign(secret: str, body: bytes) -> str:
    """Return the signature of a body, in hexadecimal."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def make_body(config: WebhookConfig, message: Message) -> bytes:
    """Return the JSON that is posted, at most MAX_BODY_BYTES of it."""
    errors = [_describe(config, error) for error in message.errors]
    content = {
        "version": VERSION,
        "deliveryId": message.delivery_id,
        "errors": errors,
        "errorCount": message.error_count,
        "occurrenceCount": message.occurrence_count,
        "notes": message.notes,
    }
    body = msgspec.json.encode(content)
    for error in reversed(errors):
        if len(body) <= MAX_BODY_BYTES:
            break
        error["occurrence"] = None
        body = msgspec.json.encode(content)
    return body


def _describe(config: WebhookConfig, error: ErrorSummary) -> dict[str, Any]:
    return {
        "project": error.project,
        "message": cut(error.message, MAX_MESSAGE_CHARACTERS),
        "type": error.type,
        "reason": error.reason,
        "occurrences": error.occurrences,
        "total": error.total,
        "timestamp": format_local_time(error.timestamp_ms, config.timezone),
        "reversedUnixtime": error.reversed_unixtime,
        "link": error.link,
        "occurrence": error.occurrence,
    }
