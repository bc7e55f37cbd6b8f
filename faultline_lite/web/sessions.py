"""Who is logged in: signed session cookies, and the tokens that every change must carry.

The signing key is derived from the key file and the master key, so that sessions outlive a
restart and end when the master key is changed; whoever has a cookie but not the key file cannot
try out master keys on it. Nothing of a session is stored but that it was logged out, until it would
have expired: who makes ``Sessions`` gives it those, and stores what is ended.
"""

import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

SESSION_SECONDS = 7 * 24 * 3600
#: Logged-out sessions that are remembered; each took the master key to make.
MAX_REVOKED = 10_000

_COOKIE = re.compile(r"(\d{1,12})\.([0-9a-f]{32})\.([0-9a-f]{64})", re.ASCII)


class Session(NamedTuple):
    """A visitor who gave the master key."""

    expires_at: int
    id: str


class Sessions:
    """Makes and checks cookies and tokens under one signing key. Times are epoch seconds.

    ``ended`` are the ids of sessions that were logged out before, the oldest first.
    """

    def __init__(self, signing_key: bytes, ended: Iterable[str] = ()) -> None:
        self._signing_key = signing_key
        self._revoked = OrderedDict.fromkeys(ended)

    def begin(self, now: int) -> str:
        """Return the cookie's value of a new session."""
        session = Session(now + SESSION_SECONDS, secrets.token_hex(16))
        return f"{session.expires_at}.{session.id}.{self._sign_session(session)}"

    def read(self, cookie: str, now: int) -> Session | None:
        """Return the session of a cookie, None where it is forged, expired or logged out."""
        found = _COOKIE.fullmatch(cookie)
        if found is None:
            return None
        session = Session(int(found[1]), found[2])
        if not hmac.compare_digest(found[3], self._sign_session(session)):
            return None
        return session if session.expires_at > now and session.id not in self._revoked else None

    def end(self, session: Session) -> None:
        """Refuse the session from now on, wherever its cookie is."""
        self._revoked[session.id] = None
        if len(self._revoked) > MAX_REVOKED:
            self._revoked.popitem(last=False)

    def token(self, session: Session | None) -> str:
        """Return what a form must carry (against cross-site request forgery).

        Visitors without a session share one: what they can do without it is to log in, or, on a
        server without keys, all that a page of another origin cannot read the token for.
        """
        return self._sign("token", session.id if session else "")

    def is_token(self, given: str, session: Session | None) -> bool:
        """Return whether ``given`` is the token of the session."""
        return hmac.compare_digest(given.encode(), self.token(session).encode())

    def _sign_session(self, session: Session) -> str:
        return self._sign("session", f"{session.expires_at}.{session.id}")

    def _sign(self, purpose: str, text: str) -> str:
        message = f"{purpose}:{text}".encode()
        return hashlib.blake2b(message, key=self._signing_key, digest_size=32).hexdigest()
