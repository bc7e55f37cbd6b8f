"""What goes out: JSON, and every exception as the answer that the contract gives it."""

from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from faultline_lite.exceptions import (
    DatabaseUnavailableError,
    ForbiddenError,
    Problem,
    RateLimitedError,
    RequestError,
)
from faultline_lite.http.services import services_of

#: Byte for byte as the original prints it.
FORBIDDEN_BODY = b"""{
  "errors": [
    {
      "message": "403 Forbidden"
    }
  ]
}"""

_encoder = msgspec.json.Encoder()


class JsonAnswer(Response):
    """A value as JSON; ``bytes`` are taken as JSON already."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the body."""
        return content if isinstance(content, bytes) else _encoder.encode(content)


async def answer_request_error(request: Request, error: Exception) -> Response:
    """Answer a request that was refused."""
    assert isinstance(error, RequestError)  # noqa: S101 - Starlette registers handlers by type
    if isinstance(error, ForbiddenError):
        return JsonAnswer(FORBIDDEN_BODY, error.status)
    headers = {}
    if error.retry_after_seconds is not None:
        headers = _retry_headers(error, services_of(request).clock.now_ms())
    return JsonAnswer(render_refusal(*error.problems), error.status, headers)


async def answer_unavailable(_: Request, error: Exception) -> Response:
    """Answer a write that the store could not take: 503, to be sent again."""
    assert isinstance(error, DatabaseUnavailableError)  # noqa: S101 - as above
    headers = {"Retry-After": str(error.retry_after_seconds)}
    return JsonAnswer(render_refusal(Problem(error.reason)), 503, headers)


async def answer_no_room(_: Request, error: Exception) -> Response:
    """Answer where a copy was asked for that the disk has no room for: 507."""
    return JsonAnswer(render_refusal(Problem(str(error))), 507)


async def answer_http_exception(_: Request, error: Exception) -> Response:
    """Answer what Starlette itself refuses: an unknown route."""
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    body = render_refusal(Problem(f"{error.status_code} {error.detail}"))
    return JsonAnswer(body, error.status_code, dict(error.headers or {}))


async def answer_disconnect(_: Request, error: Exception) -> Response:
    """Answer nobody: the client went away before its body was whole."""
    return JsonAnswer(render_refusal(Problem("the body did not arrive whole")), 400)


async def answer_failure(_: Request, error: Exception) -> Response:
    """Answer a bug of ours; the server's log has the traceback, the client has no use for it."""
    body = render_refusal(Problem("500 Internal Server Error"))
    return JsonAnswer(body, 500, {"Access-Control-Allow-Origin": "*"})


def render_refusal(*problems: Problem) -> bytes:
    """Return the body of every refusal but 403."""
    errors = []
    for problem in problems:
        error: dict[str, Any] = {"message": problem.message}
        if problem.path:
            error["path"] = problem.path
        if problem.detail is not None:
            error["detail"] = problem.detail
        errors.append(error)
    # The browser client settles its promise on the one, the Ruby client logs the other.
    first = problems[0].message
    return _encoder.encode({"errors": errors, "error": first, "message": first})


def _retry_headers(error: RequestError, now_ms: int) -> dict[str, str]:
    seconds = error.retry_after_seconds or 0
    headers = {"Retry-After": str(seconds)}
    if isinstance(error, RateLimitedError):
        # The JavaScript client reads the one (epoch seconds), the Go client the other.
        headers["X-RateLimit-Reset"] = str(now_ms // 1000 + seconds)
        headers["X-RateLimit-Delay"] = str(seconds)
    return headers
