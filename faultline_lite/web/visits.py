"""A visit: one request for a page, by whom, and how it is answered."""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from faultline_lite import __version__
from faultline_lite.http.ratelimit import RateLimiter
from faultline_lite.http.services import Services, services_of
from faultline_lite.store.delivery_history import Undelivered, count_undelivered
from faultline_lite.web.alarms import find_alarms
from faultline_lite.web.assets import Assets
from faultline_lite.web.compression import MIN_BYTES, PAGE_LEVEL, choose_encoding, compress
from faultline_lite.web.languages import choose_language
from faultline_lite.web.rendering import Renderer
from faultline_lite.web.sessions import Session, Sessions

SESSION_COOKIE = "faultline_session"
LANGUAGE_COOKIE = "faultline_language"

#: What differs between visitors at one address.
_VARY = "Cookie, Accept-Language, Accept-Encoding, HX-Request"

NOTHING_UNDELIVERED = Undelivered(0, 0)

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pages:
    """What all pages of a server share."""

    assets: Assets
    renderer: Renderer
    sessions: Sessions
    login_limiter: RateLimiter


@dataclass(frozen=True, slots=True)
class Visit:
    """A request for a page. ``session`` is None where nobody is logged in.

    ``live_position`` is where the live tail was before anything was read for the page.
    """

    request: Request
    services: Services
    pages: Pages
    session: Session | None
    language: str
    live_position: str

    @property
    def path(self) -> str:
        """The path and query that were asked for."""
        query = self.request.scope["query_string"].decode("latin-1")
        path: str = self.request.scope["path"]
        return path + (f"?{query}" if query else "")

    @property
    def return_path(self) -> str:
        """Where to go back to after a change that is of no page in particular."""
        return self.path if self.request.method in {"GET", "HEAD"} else "/"

    @property
    def wants_part(self) -> bool:
        """Whether a script asks for a part of the page, to put it in its place."""
        return "hx-request" in self.request.headers

    @property
    def may_enter(self) -> bool:
        """Whether the visitor may see more than what is public."""
        return self.session is not None or self.services.keys.is_open

    @property
    def token(self) -> str:
        """What a form of this visitor must carry."""
        return self.pages.sessions.token(self.session)

    @property
    def is_https(self) -> bool:
        """Whether the visitor's browser speaks HTTPS, perhaps with a proxy before us."""
        if self.request.url.scheme == "https":
            return True
        public = urlsplit(self.services.config.public_url or "")
        return public.scheme == "https" and public.netloc == self.request.headers.get("host")

    async def show(
        self, template: str, read: Callable[[sqlite3.Connection], Values], status: int = 200
    ) -> Response:
        """Answer with a page of what ``read`` finds.

        Reading, rendering and compressing are done on a reader thread: a large page must not hold
        up the reports that come in meanwhile.
        """

        def build(connection: sqlite3.Connection) -> Response:
            values = read(connection)
            return self._render(template, values, status, self._count_undelivered(connection))

        return await self.services.database.read(build)

    async def show_plain(self, template: str, code: int = 200, **values: Any) -> Response:
        """Answer with a page that needs nothing of the database."""
        return await self.show(template, lambda _: values, code)

    def redirect(self, path: str) -> Response:
        """Send the browser to another page of ours, with GET."""
        return RedirectResponse(path, 303)

    def _count_undelivered(self, connection: sqlite3.Connection) -> Undelivered:
        """Return what the navigation says; nothing where there is none, or no reading."""
        if not self.may_enter or self.wants_part:
            return NOTHING_UNDELIVERED
        try:
            return count_undelivered(connection, self.services.clock.now_ms())
        except sqlite3.Error:
            # The page itself may need nothing of the database, or say what is wrong with it.
            return NOTHING_UNDELIVERED

    def _render(
        self, template: str, values: Values, status: int, undelivered: Undelivered
    ) -> Response:
        shared = {
            "visit": self,
            "alarms": find_alarms(self.services) if self.may_enter else [],
            "undelivered": undelivered,
            "token": self.token,
            "version": __version__,
            "now_ms": self.services.clock.now_ms(),
        }
        body = self.pages.renderer.render(template, self.language, {**shared, **values})
        headers = {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Language": self.language,
            "Cache-Control": "private, no-cache",
            "Vary": _VARY,
        }
        encoding = choose_encoding(self.request.headers.get("accept-encoding", ""))
        if encoding is not None and len(body) >= MIN_BYTES:
            body = compress(body, encoding, PAGE_LEVEL)
            headers["Content-Encoding"] = encoding
        return Response(body, status, headers)


def begin_visit(request: Request) -> Visit:
    """Return the visit that a request is."""
    services = services_of(request)
    pages: Pages = request.app.state.pages
    now = services.clock.now_ms() // 1000
    cookies = request.cookies
    return Visit(
        request=request,
        services=services,
        pages=pages,
        session=pages.sessions.read(cookies.get(SESSION_COOKIE, ""), now),
        language=choose_language(
            cookies.get(LANGUAGE_COOKIE, ""), request.headers.get("accept-language", "")
        ),
        live_position=services.live.position,
    )
