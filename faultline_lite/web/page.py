"""From the path of a page to its handler: who may see it, which form may change something."""

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Literal
from urllib.parse import parse_qs, quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from faultline_lite.exceptions import (
    BadRequestError,
    DatabaseUnavailableError,
    ForbiddenError,
    NotFoundError,
    Problem,
    RequestError,
)
from faultline_lite.http.parameters import read_request_body
from faultline_lite.http.routing import Endpoint, project_of
from faultline_lite.sentences import say
from faultline_lite.store.projects import get_project_id
from faultline_lite.web.forms import Form, first
from faultline_lite.web.visits import Values, Visit, begin_visit

Show = Callable[[Visit], Awaitable[Response]]
Change = Callable[[Visit, Form], Awaitable[Response]]
#: Everybody may see a public page; all others need the master key, if there is one.
Access = Literal["public", "master"]

#: Fields of a form; a selection of a page of errors has one for each.
MAX_FIELDS = 1100
#: All of a form: three times what a selection takes. Anybody may send one, and to take megabytes
#: of it apart holds up the event loop for a second.
MAX_FORM_BYTES = 128 * 1024

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
#: Under these everything is for programs.
_NO_PAGES = ("/v0/", "/api/", "/metrics", "/healthz")
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer": with it browsers send "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Page(Endpoint):
    """The ASGI application of one page: ``show`` answers GET, ``change`` a form sent with POST."""

    def __init__(self, path: str, show: Show | None, change: Change | None, access: Access) -> None:
        super().__init__(path)
        self._show = show
        self._change = change
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request to this path."""
        request = Request(scope, receive, send)
        visit = begin_visit(request)
        try:
            response = await self._answer(visit)
        except (RequestError, DatabaseUnavailableError, HTTPException) as error:
            response = await refuse(request, error)
        response.headers.update(_HEADERS)
        await response(scope, receive, send)

    async def _answer(self, visit: Visit) -> Response:
        if self._access == "master" and not visit.may_enter:
            return await _send_to_login(visit)
        if visit.services.keys.is_open:
            visit.services.keys.check(visit.request.headers, "master")
        method = visit.request.method
        if method in {"GET", "HEAD"} and self._show is not None:
            return await self._show(visit)
        if method == "POST" and self._change is not None:
            return await self._change(visit, await _read_form(visit))
        raise HTTPException(405, headers={"Allow": self._allowed()})

    def _allowed(self) -> str:
        ways = {"GET, HEAD": self._show, "POST": self._change}
        return ", ".join(way for way, handler in ways.items() if handler is not None)


def page(
    path: str, show: Show | None = None, change: Change | None = None, access: Access = "master"
) -> Route:
    """Return the route of a page."""
    return Route(path, Page(path, show, change, access))


def is_for_page(request: Request) -> bool:
    """Return whether a browser asked for a page, be it one that we do not have."""
    asks = "text/html" in request.headers.get("accept", "")
    return asks and not request.scope["path"].startswith(_NO_PAGES)


async def refuse(request: Request, error: Exception) -> Response:
    """Answer with a page that says why there is no other."""
    visit = begin_visit(request)
    status, reason, headers = 500, "", dict[str, str]()
    if isinstance(error, ForbiddenError):
        # The page says what it means itself.
        status = error.status
    elif isinstance(error, RequestError):
        status, reason = error.status, error.problems[0].message
    elif isinstance(error, DatabaseUnavailableError):
        status, reason = 503, error.reason
    elif isinstance(error, HTTPException):
        status, headers = error.status_code, dict(error.headers or {})
    retry_after_seconds = getattr(error, "retry_after_seconds", None)
    if retry_after_seconds is not None:
        headers["Retry-After"] = str(retry_after_seconds)
    project = _project_of(request) if isinstance(error, NotFoundError) else None

    def read(connection: sqlite3.Connection) -> Values:
        exists = project is not None and get_project_id(connection, project) is not None
        return {"status": status, "reason": reason, "project": project if exists else None}

    response = await visit.show("refusal.html", read, status)
    response.headers.update({**_HEADERS, **headers})
    return response


def _project_of(request: Request) -> str | None:
    """Return the project that the path is in, None where it is in none that could be."""
    try:
        return project_of(request) if "project" in request.path_params else None
    except BadRequestError:
        return None


async def _send_to_login(visit: Visit) -> Response:
    if visit.wants_part:
        # A login page in the middle of another would help nobody.
        return Response(status_code=403, headers={"HX-Refresh": "true"})
    is_change = visit.request.method not in {"GET", "HEAD"}
    if visit.request.headers.get("sec-fetch-site") == "cross-site":
        if is_change:
            raise ForbiddenError
        # A link in a mail or a chat: browsers keep a SameSite=Strict cookie back, as nobody on
        # this site asked for the page. So the page asks for itself.
        return await visit.show_plain("bounce.html")
    wanted = "/" if is_change else visit.path
    return visit.redirect("/login" if wanted == "/" else f"/login?next={quote(wanted, safe='')}")


async def _read_form(visit: Visit) -> Form:
    """Return the fields of a form that carries the visitor's token. Raises RequestError."""
    body = await read_request_body(visit.request, MAX_FORM_BYTES)
    try:
        form = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise BadRequestError(Problem(say("the form cannot be read"))) from None
    if not visit.pages.sessions.is_token(first(form, "token"), visit.session):
        raise ForbiddenError
    return form
