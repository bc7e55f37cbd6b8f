import pytest

from faultline_lite.web.sessions import SESSION_SECONDS, Sessions

NOW = 1_700_000_000


@pytest.fixture
def sessions() -> Sessions:
    return Sessions(b"a key")


def test_session_is_read_back_until_it_expires(sessions: Sessions) -> None:
    cookie = sessions.begin(NOW)

    assert sessions.read(cookie, NOW) is not None
    assert sessions.read(cookie, NOW + SESSION_SECONDS - 1) is not None
    assert sessions.read(cookie, NOW + SESSION_SECONDS) is None


def test_ended_session_is_refused_and_others_are_not(sessions: Sessions) -> None:
    ended, other = sessions.begin(NOW), sessions.begin(NOW)
    session = sessions.read(ended, NOW)
    assert session is not None
    sessions.end(session)

    assert sessions.read(ended, NOW) is None
    assert sessions.read(other, NOW) is not None


@pytest.mark.parametrize("place", [0, 12, 50, -1])
def test_changed_cookie_is_refused(sessions: Sessions, place: int) -> None:
    cookie = sessions.begin(NOW)
    characters = list(cookie)
    characters[place] = "1" if characters[place] == "0" else "0"

    assert sessions.read("".join(characters), NOW) is None


def test_cookie_of_another_key_is_refused(sessions: Sessions) -> None:
    assert Sessions(b"another key").read(sessions.begin(NOW), NOW) is None


@pytest.mark.parametrize("cookie", ["", "1.2.3", "é" * 200, "9" * 5000, "\n"])
def test_nonsense_is_no_session(sessions: Sessions, cookie: str) -> None:
    assert sessions.read(cookie, NOW) is None


def test_token_is_of_one_session(sessions: Sessions) -> None:
    first, second = (sessions.read(sessions.begin(NOW), NOW) for _ in range(2))

    assert sessions.is_token(sessions.token(first), first)
    assert not sessions.is_token(sessions.token(first), second)
    assert not sessions.is_token(sessions.token(None), first)
    assert not sessions.is_token("é", first)
