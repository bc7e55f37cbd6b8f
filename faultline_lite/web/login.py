"""Log in with the master key, log out, choose a language."""

from starlette.responses import Response

from faultline_lite.exceptions import Problem, RateLimitedError
from faultline_lite.sentences import say
from faultline_lite.store.ended_sessions import insert_ended_session
from faultline_lite.web.forms import Form, first, local_path
from faultline_lite.web.languages import LANGUAGES
from faultline_lite.web.sessions import SESSION_SECONDS
from faultline_lite.web.visits import LANGUAGE_COOKIE, SESSION_COOKIE, Visit

#: Attempts to log in that an address has in a minute: plenty for people.
LOGIN_ATTEMPTS_PER_MINUTE = 10
LANGUAGE_SECONDS = 365 * 24 * 3600


async def show_login(visit: Visit) -> Response:
    """Show the form, or where it would lead whoever needs none."""
    wanted = local_path(visit.request.query_params.get("next", ""))
    if visit.session is not None or visit.services.keys.is_open:
        return visit.redirect(wanted)
    return await _show_form(visit, wanted, refused=False)


async def log_in(visit: Visit, form: Form) -> Response:
    """Begin a session where the key is the master key."""
    wanted = local_path(first(form, "next"))
    client = visit.request.client
    wait_seconds = visit.pages.login_limiter.take(client.host if client else "", 1)
    if wait_seconds:
        problem = Problem(
            say("too many attempts to log in: try again in {seconds} s", seconds=wait_seconds)
        )
        raise RateLimitedError(problem, retry_after_seconds=wait_seconds)
    if not visit.services.keys.is_master_key(first(form, "key").strip()):
        return await _show_form(visit, wanted, refused=True)
    response = visit.redirect(wanted)
    now = visit.services.clock.now_ms() // 1000
    _set_cookie(visit, response, SESSION_COOKIE, visit.pages.sessions.begin(now), SESSION_SECONDS)
    return response


async def log_out(visit: Visit, _: Form) -> Response:
    """End the session, for good once that is stored.

    Where it cannot be stored the session goes on, and who logs out is told: a cookie that somebody
    has copied would be valid again after a restart.
    """
    session = visit.session
    if session is not None:
        now_ms, expires_ms = visit.services.clock.now_ms(), session.expires_at * 1000
        await visit.services.database.write(insert_ended_session, session.id, expires_ms, now_ms)
        visit.pages.sessions.end(session)
    response = visit.redirect("/login")
    response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict")
    # The pages that were looked at must not come back with the browser's back button.
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


async def choose(visit: Visit, form: Form) -> Response:
    """Remember a language and show the page again."""
    response = visit.redirect(local_path(first(form, "next")))
    language = first(form, "language")
    if language in LANGUAGES:
        _set_cookie(visit, response, LANGUAGE_COOKIE, language, LANGUAGE_SECONDS)
    return response


async def _show_form(visit: Visit, wanted: str, *, refused: bool) -> Response:
    return await visit.show_plain(
        "login.html",
        403 if refused else 200,
        next=wanted,
        refused=refused,
        possible=visit.services.config.master_api_key is not None,
    )


def _set_cookie(visit: Visit, response: Response, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        name, value, max_age=seconds, httponly=True, samesite="strict", secure=visit.is_https
    )
