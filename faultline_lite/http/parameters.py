"""Query parameters and small JSON bodies, checked; what is wrong is named."""

import base64
import binascii
from typing import TypeVar

import msgspec
from starlette.requests import Request

from faultline_lite.exceptions import BadRequestError, Problem
from faultline_lite.http.body import ARRIVED, read_body
from faultline_lite.http.services import services_of
from faultline_lite.protocols.shapes import MAX_EXPLAINED_BYTES, explain, read_problem
from faultline_lite.sentences import Sentence, say
from faultline_lite.timekeys import parse_time

T = TypeVar("T")


def get_limit(request: Request, *, default: int, maximum: int) -> int:
    """Return ``limit``, at most ``maximum``. Raises BadRequestError unless a positive integer."""
    text = request.query_params.get("limit", "")
    if not text:
        return default
    # ASCII digits only: int() takes "१२", "+5" and "1_000" as well.
    if not (text.isascii() and text.isdigit()) or int(text[:10]) == 0:
        raise _bad("limit", "a positive integer")
    return min(int(text[:10]), maximum)


def get_choice(request: Request, name: str, choices: tuple[T, ...]) -> T | None:
    """Return the parameter, None where it is absent or empty. Raises BadRequestError otherwise."""
    text = request.query_params.get(name, "")
    if not text:
        return None
    for choice in choices:
        if text == choice:
            return choice
    raise _bad(name, f"one of {', '.join(map(str, choices))}")


def get_time(request: Request, name: str, default: int) -> int:
    """Return the RFC 3339 time in epoch milliseconds. Raises BadRequestError where it is none."""
    text = request.query_params.get(name, "")
    if not text:
        return default
    try:
        # An unencoded plus sign of an offset arrives as a space.
        return parse_time(text.replace(" ", "+") if "T" in text.upper() else text)
    except ValueError as error:
        raise BadRequestError(Problem(Sentence(str(error)), (name,), text[:100])) from None


def get_cursor(request: Request, shape: type[T]) -> T | None:
    """Return the decoded ``cursor``, None at the beginning. Raises BadRequestError if not ours."""
    text = request.query_params.get("cursor", "")
    if not text:
        return None
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return msgspec.json.decode(raw, type=shape)
    except (ValueError, binascii.Error):
        problem = Problem(say("cursor must be a nextCursor of an earlier answer"), ("cursor",))
        raise BadRequestError(problem) from None


def make_cursor(value: object) -> str:
    """Return ``value`` as an opaque cursor."""
    return base64.urlsafe_b64encode(msgspec.json.encode(value)).rstrip(b"=").decode()


async def read_json(request: Request, shape: type[T]) -> T:
    """Return the body as a value of that shape. Raises BadRequestError naming all that is wrong."""
    body = await read_request_body(request)
    try:
        return _decode(body, shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequestError(Problem(Sentence(f"the body is not JSON: {error}"))) from None


def _decode(body: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        problems = explain(body, shape) if len(body) <= MAX_EXPLAINED_BYTES else []
        raise BadRequestError(*problems or [read_problem(error)]) from None


async def read_request_body(request: Request, most_bytes: int | None = None) -> bytes:
    """Return the request's body, decompressed, within the configured limits.

    It has ``most_bytes`` at the most, if that is less.
    """
    services = services_of(request)
    config = services.config
    max_body_bytes, max_decompressed_bytes = config.max_body_bytes, config.max_decompressed_bytes
    if most_bytes is not None:
        max_body_bytes = min(max_body_bytes, most_bytes)
        max_decompressed_bytes = min(max_decompressed_bytes, most_bytes)
    return await read_body(
        request.receive,
        request.scope["headers"],
        services.arriving,
        services.large_work,
        max_body_bytes=max_body_bytes,
        max_decompressed_bytes=max_decompressed_bytes,
        timeout_seconds=None if ARRIVED in request.scope else config.max_request_seconds,
    )


def _bad(name: str, expected: str) -> BadRequestError:
    return BadRequestError(Problem(Sentence(f"{name} must be {expected}"), (name,)))
