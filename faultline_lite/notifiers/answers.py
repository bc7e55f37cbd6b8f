"""What an HTTP answer means for a delivery, where the vendor does not say otherwise. Pure."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import msgspec

from faultline_lite.egress.guard import HttpResponse
from faultline_lite.exceptions import NotifyError
from faultline_lite.sentences import say

T = TypeVar("T")

#: Of a request whose body is JSON.
JSON_HEADERS = {"Content-Type": "application/json"}
#: Nobody is waited for longer.
MAX_RETRY_AFTER_SECONDS = 24 * 3600.0

_SECONDS = re.compile(r"\d{1,9}", re.ASCII)
_EPOCH_SECOND = re.compile(r"\d{1,12}", re.ASCII)


def is_success(response: HttpResponse) -> bool:
    """Return whether the request was done."""
    return 200 <= response.status < 300


def failure_of(
    service: str, response: HttpResponse, detail: str = "", *, permanent: bool | None = None
) -> NotifyError:
    """Return the failure that the answer is.

    408, 429 and 5xx may be tried again (RFC 9110, sections 15.5.9 and 15.6; RFC 6585, section 4),
    when ``Retry-After`` says so; everything else stays as it is, redirects too, which are not
    followed. ``detail`` are words of ours, or of the answer without a secret.
    """
    status = response.status
    if permanent is None:
        permanent = status not in {408, 429} and status < 500
    if detail:
        reason = say(
            "{service} answered {status}: {detail}", service=service, status=status, detail=detail
        )
    else:
        reason = say("{service} answered {status}", service=service, status=status)
    return NotifyError(
        reason,
        permanent=permanent,
        retry_after_seconds=None if permanent else retry_after_seconds(response),
    )


def retry_after_seconds(response: HttpResponse) -> float | None:
    """Return what ``Retry-After`` asks for, in seconds or as a date (RFC 9110, section 10.2.3)."""
    value = response.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return _bound(float(value))
    due = _parse_date(value)
    return None if due is None else _bound((due - _answered_at(response)).total_seconds())


def seconds_until_reset(response: HttpResponse, name: str) -> float | None:
    """Return how long it is until the epoch second in that header, None where there is none."""
    value = response.headers.get(name, "")
    if not _EPOCH_SECOND.fullmatch(value):
        return None
    return _bound(float(value) - _answered_at(response).timestamp())


def decode_answer(service: str, response: HttpResponse, shape: type[T]) -> T:
    """Return the body as that shape. Raises NotifyError, temporary, where it is something else."""
    try:
        return msgspec.json.decode(response.body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotifyError(
            say(
                "{service} answered {status} with something else than expected",
                service=service,
                status=response.status,
            ),
            permanent=False,
        ) from None


def _bound(seconds: float) -> float:
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def _answered_at(response: HttpResponse) -> datetime:
    """Return the time by the clock of those who answered, ours where they do not say it."""
    return _parse_date(response.headers.get("date", "")) or datetime.now(UTC)


def _parse_date(text: str) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
