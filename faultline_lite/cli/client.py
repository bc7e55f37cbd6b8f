"""The HTTP client of the command line: one server, its key, and its refusals as one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx

from faultline_lite.config import Config
from faultline_lite.exceptions import FaultlineError

TIMEOUT_SECONDS = 30.0
#: Making a copy of a large database takes its time before the first byte comes.
BACKUP_TIMEOUT_SECONDS = 3600.0
ERRORS_PER_PAGE = 1000
OCCURRENCES_PER_PAGE = 100


class ServerError(FaultlineError):
    """The server cannot be reached, or said no. ``status`` is 0 where there was no answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """Talks to the API of one server. Every method raises ServerError."""

    def __init__(self, base_url: str, api_key: str | None) -> None:
        headers = {"X-Api-Key": api_key} if api_key else {}
        self._http = httpx.Client(base_url=base_url, headers=headers, timeout=TIMEOUT_SECONDS)
        self._base_url = base_url

    def get(self, path: str, **parameters: str | int | None) -> Any:
        """Return ``data`` of the answer; parameters of None are left out."""
        given = {name: value for name, value in parameters.items() if value is not None}
        return self._send("GET", path, params=given)["data"]

    def send(self, method: str, path: str, **content: Any) -> Any:
        """Return the whole answer, None where it has no body."""
        return self._send(method, path, **content)

    def list_errors(self, project: str, **parameters: str | None) -> Iterator[Any]:
        """Yield all errors of a project, page by page."""
        cursor = None
        while True:
            page = self.get(
                path_of(project, "errors"), limit=ERRORS_PER_PAGE, cursor=cursor, **parameters
            )
            yield from page["errors"]
            cursor = page["nextCursor"]
            if cursor is None:
                return

    def list_occurrences(self, project: str, error: Any) -> Iterator[Any]:
        """Yield all occurrences of an error, newest first, page by page."""
        path = path_of(project, "errors", error["message"], "occurrences")
        after = None
        while True:
            page = self.get(
                path, limit=OCCURRENCES_PER_PAGE, after=after, fingerprint=error["fingerprint"]
            )["errors"]
            if not page:
                return
            yield from page
            after = page[-1]["reversedUnixtime"]

    @contextmanager
    def stream(self, path: str) -> Iterator[httpx.Response]:
        """Give the answer with its body still to be read."""
        try:
            with self._http.stream("GET", path, timeout=BACKUP_TIMEOUT_SECONDS) as response:
                if not response.is_success:
                    response.read()
                    raise _refusal(response)
                yield response
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def _send(self, method: str, path: str, **content: Any) -> Any:
        try:
            response = self._http.request(method, path, **content)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        if not response.is_success:
            raise _refusal(response)
        if response.status_code == httpx.codes.NO_CONTENT:
            return None
        try:
            return response.json()
        except ValueError:
            raise ServerError(f"{self._base_url} is no faultline: it answers no JSON") from None

    def _unreachable(self, error: httpx.HTTPError) -> ServerError:
        if isinstance(error, httpx.ConnectError):
            hint = "is it running? `faultline-lite serve` starts it"
            return ServerError(f"nothing answers at {self._base_url}: {hint}")
        return ServerError(f"{self._base_url} did not answer: {error or type(error).__name__}")


def path_of(project: str, *segments: str) -> str:
    """Return the path of something in a project, each segment percent-encoded as one."""
    encoded = "/".join(_encode(segment) for segment in (project, *segments))
    return f"/v0/projects/{encoded}"


def make_client(config: Config, url: str | None, api_key: str | None, *, reports: bool) -> Client:
    """Return a client of ``url``, or of the server that the configuration describes.

    Without ``api_key`` the configured one is taken; a client key for a command that ``reports``.
    """
    key = api_key
    if key is None:
        keys = (*config.client_api_keys, config.master_api_key)
        key = next(iter(keys), None) if reports else config.master_api_key
    return Client(url or _local_url(config), key)


def _local_url(config: Config) -> str:
    # A server that listens everywhere is reached on loopback.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.host, config.host)  # noqa: S104
    return f"http://[{host}]:{config.port}" if ":" in host else f"http://{host}:{config.port}"


def _encode(segment: str) -> str:
    # Full stops alone would be taken for a step in the path (RFC 3986, section 5.2.4).
    if segment in {".", ".."}:
        return segment.replace(".", "%2E")
    return quote(segment, safe="")


def _refusal(response: httpx.Response) -> ServerError:
    status = response.status_code
    if status == httpx.codes.FORBIDDEN:
        return ServerError("the API key is missing or wrong (--api-key)", status)
    try:
        messages = [_problem(error) for error in response.json()["errors"]]
    except (ValueError, KeyError, TypeError):
        messages = [response.reason_phrase]
    return ServerError(f"{status}: {'; '.join(messages)}", status)


def _problem(error: dict[str, Any]) -> str:
    place = ".".join(error.get("path", ()))
    return f"{place}: {error['message']}" if place else str(error["message"])
