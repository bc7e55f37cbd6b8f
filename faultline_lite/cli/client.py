"""The HTTP client of the command line: one server, its key, and its refusals as one line."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from faultline_lite.cli.answers import Answer, ErrorPage, Place, Problem, RawPage, Refusal
from faultline_lite.config import Config, is_key, is_loopback
from faultline_lite.exceptions import ConfigError, FaultlineError
from faultline_lite.fingerprint import truncate

TIMEOUT_SECONDS = 30.0
#: Making a copy of a large database takes its time before the first byte comes.
BACKUP_TIMEOUT_SECONDS = 3600.0
ERRORS_PER_PAGE = 1000
#: Of a URL of 64 KiB, which is what httpx and the server take.
MAX_SEGMENT_BYTES = 60_000
OCCURRENCES_PER_PAGE = 100
#: What a server of ours says of a path that it does not know.
NO_ROUTE = "404 Not Found"


class ServerError(FaultlineError):
    """The server cannot be reached, or said no. ``status`` is 0 where there was no answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """Talks to the API of one server. Every method raises ServerError.

    Answers come back as they are, JSON in Python's types, once they have been found to be of the
    shape that their reader relies on. ``config`` is that of the server, as far as it is known.
    """

    def __init__(self, base_url: str, api_key: str | None, config: Config | None = None) -> None:
        self._base_url = base_url
        self.config = config
        self._http = httpx.Client(
            base_url=base_url,
            headers={"X-Api-Key": api_key} if api_key else {},
            timeout=TIMEOUT_SECONDS,
            # No proxy of the environment leads to this machine.
            trust_env=not is_loopback(httpx.URL(base_url).host),
        )

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def get(self, path: str, shape: Any, **parameters: str | int | None) -> Any:
        """Return ``data`` of the answer; parameters of None are left out."""
        return self.send("GET", path, shape, params=_given(parameters))["data"]

    def send(self, method: str, path: str, shape: Any, **content: Any) -> Any:
        """Return the whole answer, whose ``data`` is of that shape."""
        response = self._request(method, path, **content)
        with self._understand():
            answer = msgspec.json.decode(response.content)
            # Only looked at: a typed decoder leaves out what the shape does not name.
            msgspec.convert(answer, Answer[shape])
        return answer

    def delete(self, path: str) -> None:
        """Delete what is there."""
        self._request("DELETE", path)

    def list_errors(self, project: str, **parameters: str | None) -> Iterator[Any]:
        """Yield all errors of a project, page by page."""
        path = path_of(project, "errors")
        cursor = None
        while True:
            page = self.get(path, ErrorPage, limit=ERRORS_PER_PAGE, cursor=cursor, **parameters)
            yield from page["errors"]
            cursor = page.get("nextCursor")
            if cursor is None:
                return

    def list_raw_occurrences(self, project: str, error: Any) -> Iterator[bytes]:
        """Yield all occurrences of an error, newest first, page by page, each as its JSON.

        Not decoded, since Python's numbers are not JSON's: 1.10 stays as it was posted.
        """
        path = path_of(project, "errors", error["message"], "occurrences")
        parameters = {"limit": OCCURRENCES_PER_PAGE, "fingerprint": error.get("fingerprint")}
        after = None
        while True:
            response = self._request("GET", path, params=_given({**parameters, "after": after}))
            with self._understand():
                answer = msgspec.json.decode(response.content, type=Answer[RawPage])
                page = answer["data"]["errors"]
                places = [msgspec.json.decode(each, type=Place) for each in page]
            if not page:
                return
            yield from map(bytes, page)
            after = places[-1]["reversedUnixtime"]

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

    def _request(self, method: str, path: str, **content: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **content)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        if not response.is_success:
            raise _refusal(response)
        return response

    @contextmanager
    def _understand(self) -> Iterator[None]:
        """Turn what cannot be decoded into ServerError."""
        try:
            yield
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            message = f"{self._base_url} answers something else: is it a faultline-lite?"
            raise ServerError(message) from None

    def _unreachable(self, error: httpx.HTTPError) -> ServerError:
        if isinstance(error, httpx.ConnectError):
            hint = "is it running? `faultline-lite serve` starts it"
            if "SSL" in str(error):
                hint = "does it speak https, with a certificate that is trusted here?"
            return ServerError(f"cannot connect to {self._base_url} ({error}): {hint}")
        return ServerError(f"{self._base_url} did not answer: {error or type(error).__name__}")


def path_of(project: str, *segments: str) -> str:
    """Return the path of something in a project, each segment percent-encoded as one.

    Raises ConfigError where one is empty, which is where a variable was not set.
    """
    if not all((project, *segments)):
        raise ConfigError("a project and a message are not empty")
    return "/v0/projects/" + "/".join(map(_encode, (project, *segments)))


def make_client(
    url: str | None,
    api_key: str | None,
    load: Callable[[], Config],
    *,
    reports: bool,
) -> Client:
    """Return a client of ``url``, or of the server that the configuration describes.

    Without ``api_key`` the configured one is taken; a client key for a command that ``reports``.
    The configuration is not loaded where nothing of it is needed. Raises ConfigError.
    """
    given_url = None if url is None else _check_url(url)
    if api_key is not None and not is_key(api_key):
        raise ConfigError("--api-key: expected printable ASCII characters without spaces")
    if given_url is not None and api_key is not None:
        return Client(given_url, api_key)
    config = load()
    base_url = given_url or _local_url(config)
    if not _is_ours(base_url, config):
        return Client(base_url, api_key)
    if api_key is None:
        keys = (*config.client_api_keys, config.master_api_key)
        api_key = next(iter(keys), None) if reports else config.master_api_key
    return Client(base_url, api_key, config)


def _check_url(text: str) -> str:
    """Return the base URL: without the ``/v0`` that clients' endpoints end in."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host or url.query or url.fragment:
        raise ConfigError("--url: expected a URL such as https://errors.example.com")
    return text.rstrip("/").removesuffix("/v0").rstrip("/")


def _is_ours(base_url: str, config: Config) -> bool:
    """Return whether the configuration is that of the server there.

    The configured keys go nowhere else: the master key would be given away by a mere --url.
    """
    place = _origin(base_url)
    if config.public_url is not None and place == _origin(config.public_url):
        return True
    host, port = place[1:]
    return port == config.port and (host == config.host or is_loopback(host))


def _origin(url: str) -> tuple[str, str, int]:
    parsed = httpx.URL(url)
    return parsed.scheme, parsed.host, parsed.port or {"http": 80, "https": 443}[parsed.scheme]


def _local_url(config: Config) -> str:
    if config.port == 0:
        raise ConfigError("port 0 is another one at each start: give --url")
    # A server that listens everywhere is reached on loopback.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.host, config.host)  # noqa: S104
    return f"http://[{host}]:{config.port}" if ":" in host else f"http://{host}:{config.port}"


def _encode(segment: str) -> str:
    # Full stops alone would be taken for a step in the path (RFC 3986, section 5.2.4).
    if segment in {".", ".."}:
        return segment.replace(".", "%2E")
    # Arguments that are not UTF-8 reach the server as the bytes that they are.
    encoded = quote(segment, safe="", errors="surrogateescape")
    if len(encoded) <= MAX_SEGMENT_BYTES:
        return encoded
    # No URL is so long. The message itself may be one that has not been seen yet.
    return quote(truncate(segment.encode(errors="replace").decode()), safe="")


def _given(parameters: Mapping[str, str | int | None]) -> dict[str, str | int]:
    return {name: value for name, value in parameters.items() if value is not None}


def _refusal(response: httpx.Response) -> ServerError:
    status = response.status_code
    if status == httpx.codes.FORBIDDEN:
        return ServerError(
            "403: the API key is missing, wrong or only a client's (--api-key, "
            "FAULTLINE_LITE_API_KEY, or the configuration with --config)",
            status,
        )
    if response.has_redirect_location:
        # Not followed: the key would go along, and a report would come back as a GET.
        place = response.headers["location"]
        return ServerError(f"{status}: the server is at {place}: give its --url", status)
    try:
        refusal = msgspec.json.decode(response.content, type=Refusal)
        text = "; ".join(map(_problem, refusal["errors"]))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        text = ""
    if text == NO_ROUTE:
        # Not of what was asked for, but of the path to it.
        return ServerError(f"404: nothing answers at {response.url.path}: is --url right?", status)
    return ServerError(f"{status}: {text or response.reason_phrase}", status)


def _problem(problem: Problem) -> str:
    place, message = ".".join(problem.get("path", ())), problem["message"]
    # Some begin with it themselves.
    return f"{place}: {message}" if place and not message.startswith(f"{place} ") else message
