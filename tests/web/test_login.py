from pathlib import Path

import httpx
import pytest

from faultline_lite.sealedbox import create_key_file
from faultline_lite.store.ended_sessions import list_ended_sessions
from faultline_lite.web.forms import local_path
from faultline_lite.web.login import LOGIN_ATTEMPTS_PER_MINUTE
from faultline_lite.web.sessions import SESSION_SECONDS
from tests.disks import failing_writes
from tests.fakes import FakeClock
from tests.servers import running_server
from tests.web.visiting import MASTER_KEY, find_token, log_in, server_with_key


def test_page_sends_a_stranger_to_the_login_and_back(tmp_path: Path) -> None:
    with server_with_key(tmp_path) as server, server.client() as visitor:
        turned_away = visitor.get("/setup?project=a%2Fb&x=1")
        let_in = log_in(visitor, next="/setup?project=a%2Fb&x=1")

        assert turned_away.status_code == 303
        assert turned_away.headers["location"] == (
            "/login?next=%2Fsetup%3Fproject%3Da%252Fb%26x%3D1"
        )
        assert let_in.headers["location"] == "/setup?project=a%2Fb&x=1"


def test_session_cookie_is_out_of_reach_of_scripts_and_of_other_sites(tmp_path: Path) -> None:
    with server_with_key(tmp_path) as server, server.client() as visitor:
        cookie = log_in(visitor).headers["set-cookie"]

        assert "; HttpOnly" in cookie
        assert "; SameSite=strict" in cookie
        assert "; Secure" not in cookie
        assert visitor.get("/").status_code == 200


def test_session_cookie_is_secure_behind_https(tmp_path: Path) -> None:
    with (
        server_with_key(tmp_path, public_url="https://errors.example.com") as server,
        server.client() as visitor,
    ):
        visitor.headers["Host"] = "errors.example.com"
        assert "; Secure" in log_in(visitor).headers["set-cookie"]


@pytest.mark.parametrize("key", ["", "wrong", MASTER_KEY[:-1], "é" * 100])
def test_other_key_opens_nothing(tmp_path: Path, key: str) -> None:
    with server_with_key(tmp_path) as server, server.client() as visitor:
        refused = log_in(visitor, key)

        assert refused.status_code == 403
        assert "set-cookie" not in refused.headers
        assert visitor.get("/").status_code == 303


def test_client_key_opens_no_page(tmp_path: Path) -> None:
    with (
        server_with_key(tmp_path, client_api_keys=("c" * 32,)) as server,
        server.client() as visitor,
    ):
        assert log_in(visitor, "c" * 32).status_code == 403


def test_attempts_are_limited_and_then_the_right_key_waits_too(
    tmp_path: Path, clock: FakeClock
) -> None:
    with server_with_key(tmp_path, clock) as server, server.client() as visitor:
        for _ in range(LOGIN_ATTEMPTS_PER_MINUTE):
            log_in(visitor, "wrong")
        limited = log_in(visitor)
        server.run(clock.advance(60))

        assert limited.status_code == 429
        assert int(limited.headers["retry-after"]) > 0
        assert log_in(visitor).status_code == 303


def test_log_out_ends_the_session_wherever_its_cookie_is(tmp_path: Path) -> None:
    with server_with_key(tmp_path) as server, server.client() as visitor:
        log_in(visitor)
        copied = dict(visitor.cookies)
        visitor.post("/logout", data={"token": find_token(visitor.get("/"))})
        with server.client(cookies=copied) as thief:
            stolen = thief.get("/")

        assert visitor.get("/").status_code == 303
        assert stolen.status_code == 303


def test_session_outlives_a_restart_and_ends_with_the_key(tmp_path: Path) -> None:
    create_key_file(tmp_path / "faultline.key", 0)
    with server_with_key(tmp_path) as server, server.client() as visitor:
        log_in(visitor)
        cookies = dict(visitor.cookies)
    with server_with_key(tmp_path) as server, server.client(cookies=cookies) as visitor:
        again = visitor.get("/")
    with (
        running_server(tmp_path, master_api_key="another") as server,
        server.client(cookies=cookies) as visitor,
    ):
        changed = visitor.get("/")

    assert (again.status_code, changed.status_code) == (200, 303)


def test_session_that_was_logged_out_stays_so_after_a_restart_until_it_expires(
    tmp_path: Path,
) -> None:
    create_key_file(tmp_path / "faultline.key", 0)
    clock = FakeClock()
    with server_with_key(tmp_path, clock) as server, server.client() as visitor:
        log_in(visitor)
        cookies = dict(visitor.cookies)
        visitor.post("/logout", data={"token": find_token(visitor.get("/"))})
        log_in(visitor)
        others = dict(visitor.cookies)
    later = FakeClock(clock.now_ms() + (SESSION_SECONDS - 1) * 1000)
    with (
        server_with_key(tmp_path, later) as server,
        server.client(cookies=cookies) as visitor,
        server.client(cookies=others) as other,
    ):
        statuses = (visitor.get("/").status_code, other.get("/").status_code)
        server.run(later.advance(1))
        log_in(other)
        other.post("/logout", data={"token": find_token(other.get("/"))})
        remembered = server.run(
            server.services.database.read(list_ended_sessions, later.now_ms() - 2000, 10)
        )

    assert statuses == (303, 200)
    assert [each for each in remembered if each in cookies["faultline_session"]] == []
    assert len(remembered) == 1


def test_log_out_that_cannot_be_stored_says_so_and_changes_nothing(tmp_path: Path) -> None:
    with server_with_key(tmp_path) as server, server.client() as visitor:
        log_in(visitor)
        token = find_token(visitor.get("/"))
        server.run(server.services.database.truncate_log())
        with failing_writes(0):
            failed = visitor.post("/logout", data={"token": token})
        still_in = visitor.get("/").status_code
        visitor.post("/logout", data={"token": token})

        assert (failed.status_code, still_in) == (503, 200)
        assert visitor.get("/").status_code == 303


def test_form_without_its_token_changes_nothing(tmp_path: Path) -> None:
    with server_with_key(tmp_path) as server, server.client() as visitor:
        log_in(visitor)
        for token in ("", "0" * 64):
            refused = visitor.post("/logout", data={"token": token})

            assert refused.status_code == 403
        assert visitor.get("/").status_code == 200


def test_no_one_can_log_in_where_there_is_no_master_key(tmp_path: Path) -> None:
    with (
        running_server(tmp_path, client_api_keys=("c" * 32,)) as server,
        server.client() as visitor,
    ):
        page = visitor.get("/login")
        refused = visitor.post("/login", data={"token": find_token(page), "key": ""})

        assert "master_api_key" in page.text
        assert refused.status_code == 403


@pytest.mark.parametrize(
    "wanted",
    [
        *("", "https://example.com", "//example.com", "/\\example.com", "javascript:alert(1)"),
        *("/\texample", "/\n/example.com", "/é", "projects"),
    ],
)
def test_login_leads_nowhere_else(wanted: str) -> None:
    assert local_path(wanted) == "/"


def test_language_is_chosen_by_a_form_and_remembered(standing_client: httpx.Client) -> None:
    page = standing_client.get("/setup", headers={"Accept-Language": "en"})
    chosen = standing_client.post(
        "/language", data={"token": find_token(page), "language": "ja", "next": "/setup"}
    )

    assert chosen.headers["location"] == "/setup"
    assert "faultline_language=ja" in chosen.headers["set-cookie"]
    standing_client.cookies.clear()
