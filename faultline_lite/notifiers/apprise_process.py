"""Apprise itself, in a process of its own (see ``guarded_process``): one message to one service."""

from typing import Any

import apprise
import msgspec
import requests

from faultline_lite.egress.guarded_process import Policy
from faultline_lite.notifiers.apprise import Order, Result
from faultline_lite.notifiers.texts import cut

MAX_NAME_CHARACTERS = 60


def main(policy: Policy, refusals: list[str], content: bytes) -> bytes:
    """Send an Order and return its Result, both as JSON."""
    order = msgspec.json.decode(content, type=Order)
    answers = _watch_http()
    return msgspec.json.encode(_send(order, policy, refusals, answers))


def _send(
    order: Order, policy: Policy, refusals: list[str], answers: list[requests.Response]
) -> Result:
    asset = apprise.AppriseAsset(async_mode=False)
    service = apprise.Apprise.instantiate(order.url, asset=asset)
    if service is None:
        return Result("unknown")
    name = cut(str(service.service_name), MAX_NAME_CHARACTERS)
    if not policy.allow_http and not _is_encrypted(order.url, service):
        return Result("unencrypted", name)
    # Otherwise what is too long is left for the other side to refuse.
    service.overflow_mode = apprise.OverflowMode.TRUNCATE
    sender = apprise.Apprise(asset=asset)
    sender.add(service)
    sent = sender.notify(
        title=order.title,
        body=order.body,
        notify_type=apprise.NotifyType.FAILURE,
        body_format=apprise.NotifyFormat.TEXT,
    )
    if sent:
        return Result("sent", name)
    if refusals:
        return Result("refused", name, refusal=refusals[-1])
    if not answers:
        return Result("failed", name)
    retry_after = str(answers[-1].headers.get("Retry-After", ""))
    return Result("failed", name, status=answers[-1].status_code, retry_after=retry_after)


def _is_encrypted(url: str, service: apprise.NotifyBase) -> bool:
    """Return whether the URL's scheme is one that the service calls secure."""
    schemes: Any = service.secure_protocol or ()
    scheme = url.partition("://")[0].lower()
    return scheme in ((schemes,) if isinstance(schemes, str) else tuple(schemes))


def _watch_http() -> list[requests.Response]:
    """Note every HTTP answer from now on, and follow no redirect, in this process.

    Apprise says yes or no only, and lets a URL ask for redirects.
    """
    answers: list[requests.Response] = []
    send = requests.adapters.HTTPAdapter.send

    def send_and_note(
        self: requests.adapters.HTTPAdapter, *what: Any, **how: Any
    ) -> requests.Response:
        answer = send(self, *what, **how)
        answers.append(answer)
        return answer

    requests.adapters.HTTPAdapter.send = send_and_note  # type: ignore[method-assign]
    requests.sessions.SessionRedirectMixin.get_redirect_target = _lead_nowhere  # type: ignore[method-assign]
    return answers


def _lead_nowhere(
    self: requests.sessions.SessionRedirectMixin, resp: requests.Response
) -> str | None:
    return None
