"""From a raw path to a handler: still encoded segments, methods, preflights, CORS, counting."""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from faultline_lite.exceptions import BadRequestError, Problem
from faultline_lite.http.keys import Need
from faultline_lite.http.services import services_of
from faultline_lite.metrics import Metrics
from faultline_lite.sentences import say

Handler = Callable[[Request], Awaitable[Response]]

#: Browsers hide from scripts what is not named here.
EXPOSED_HEADERS = "Retry-After, X-RateLimit-Reset, X-RateLimit-Delay"
ALLOWED_HEADERS = "Content-Type, X-Api-Key, X-Sentry-Auth, Authorization"
#: Ten minutes, for which Chromium caches a preflight at the most.
PREFLIGHT_SECONDS = 600

_CORS_PREFIXES = ("/v0/",)
_CORS_HEADERS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", EXPOSED_HEADERS.encode()),
]
MAX_PROJECT_BYTES = 256
#: Where a request carries what was raised on the short way.
_RAISED = "faultline_lite.raised"


class Method(NamedTuple):
    """What a route does on one HTTP method, and the key that it needs."""

    handler: Handler
    need: Need


class Endpoint:
    """What answers at a path; requests are counted by the path's template."""

    def __init__(self, path: str) -> None:
        self.path = path


class Resource(Endpoint):
    """The ASGI application of one path: checks the key and hands over by method."""

    def __init__(self, path: str, methods: Mapping[str, Method]) -> None:
        super().__init__(path)
        self.methods = methods
        self.allow = ", ".join([*methods, "OPTIONS"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request to this path."""
        if _RAISED in scope:
            raise scope[_RAISED]
        request = Request(scope, receive, send)
        services = services_of(request)
        name = "GET" if scope["method"] == "HEAD" else scope["method"]
        method = self.methods.get(name)
        if method is not None:
            request.state.rate_name = services.keys.check(request.headers, method.need)
            response = await method.handler(request)
        elif scope["method"] == "OPTIONS":
            response = Response(status_code=204, headers=self._preflight_headers())
        else:
            raise HTTPException(405, headers={"Allow": self.allow})
        await response(scope, receive, send)

    def _preflight_headers(self) -> dict[str, str]:
        return {
            "Allow": self.allow,
            "Access-Control-Allow-Methods": self.allow,
            "Access-Control-Allow-Headers": ALLOWED_HEADERS,
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        }


class Edge:
    """The outermost layer: routes go by the raw path, CORS headers on all, every answer counted.

    A message may hold any character, an encoded slash too: so Starlette is given the path as it
    came, still encoded, and each segment is decoded once, by ``segment``.

    What comes by the route ``shortest`` is handed to it past Starlette's own layers, which cost as
    much as to decode a report. What is raised there goes through them all the same.
    """

    def __init__(self, app: Starlette, metrics: Metrics, shortest: Route) -> None:
        self.app = app
        self._metrics = metrics
        self._shortest = shortest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request through."""
        if scope["type"] != "http":
            await self._live(scope, receive, send)
            return
        path = scope["path"] = scope["raw_path"].decode("latin-1")
        status = 500

        async def send_outwards(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if path.startswith(_CORS_PREFIXES):
                    message["headers"] = [*message["headers"], *_CORS_HEADERS]
            await send(message)

        try:
            await self._answer(scope, receive, send_outwards)
        finally:
            endpoint = scope.get("endpoint")
            route = endpoint.path if isinstance(endpoint, Endpoint) else "other"
            self._metrics.count_request(route, scope["method"], status)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the server's beginning and end through."""

        async def send_outwards(message: Message) -> None:
            # Starlette adds a traceback, which whoever starts the server need not read for this.
            is_told = hasattr(self.app.state, "failure")
            await send({"type": message["type"]} if is_told else message)

        await self.app(scope, receive, send_outwards)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._shortest.path_regex.match(scope["path"])
        if found is None:
            await self.app(scope, receive, send)
            return
        endpoint = self._shortest.app
        scope.update(app=self.app, endpoint=endpoint, path_params=found.groupdict())
        try:
            await endpoint(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - Starlette knows what answers it
            scope[_RAISED] = error
            await self.app(scope, receive, send)


def resource(path: str, **methods: Method) -> Route:
    """Return a route for ``path``; ``methods`` are named by HTTP method in capitals."""
    return Route(path, Resource(path, methods))


def segment(request: Request, name: str) -> str:
    """Return a segment of the path, percent-decoded once. Raises BadRequestError if not UTF-8."""
    try:
        return unquote_to_bytes(request.path_params[name]).decode()
    except UnicodeDecodeError:
        raise BadRequestError(
            Problem(say("{field} in the path is not UTF-8", field=name), (name,))
        ) from None


def project_of(request: Request) -> str:
    """Return the project's name out of the path. Raises BadRequestError where it cannot be one."""
    name = segment(request, "project")
    size_bytes = len(name.encode())
    if size_bytes > MAX_PROJECT_BYTES or "/" in name or "." in name or any(map(str.isspace, name)):
        raise BadRequestError(
            Problem(
                say(
                    "a project's name has 1 to {count} bytes, no slash, no white space and no "
                    "full stop",
                    count=MAX_PROJECT_BYTES,
                ),
                ("project",),
            )
        )
    return name
