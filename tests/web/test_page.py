import gzip
from pathlib import Path

import httpx
import pytest

from faultline_lite.web.page import CONTENT_SECURITY_POLICY, MAX_FORM_BYTES
from tests.servers import RunningServer
from tests.web.visiting import Site, find_token, log_in, server_with_key

BROWSER = {"Accept": "text/html,application/xhtml+xml"}


@pytest.mark.parametrize("path", ["/", "/setup", "/nothing/here"])
def test_every_page_carries_the_policy(standing_client: httpx.Client, path: str) -> None:
    headers = standing_client.get(path, headers=BROWSER).headers

    assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


def test_policy_allows_no_inline_script_or_style_and_nothing_from_elsewhere() -> None:
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'; ")
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY


def test_page_that_is_not_there_is_a_page_for_browsers_and_json_for_programs(
    standing_client: httpx.Client,
) -> None:
    for_browser = standing_client.get("/nothing", headers=BROWSER)
    for_program = standing_client.get("/nothing")
    below_api = standing_client.get("/v0/nothing", headers=BROWSER)

    assert (for_browser.status_code, for_browser.headers["content-type"]) == (
        404,
        "text/html; charset=utf-8",
    )
    assert for_program.json()["message"] == "404 Not Found"
    assert below_api.json()["message"] == "404 Not Found"


@pytest.mark.parametrize("below", ["none", "none/occurrences", "boom/occurrences/0", "none/chart"])
def test_what_a_project_does_not_have_leads_back_to_it(site: Site, below: str) -> None:
    site.report("boom")
    answer = site.get(f"{site.list_path}/errors/{below}")
    elsewhere = site.get(f"/projects/no-{site.project}/errors/{below}")
    nowhere = site.get(f"/projects/a.b/errors/{below}")

    assert answer.status_code == 404
    assert f'href="{site.list_path}">To the errors of {site.project}</a>' in answer.text
    assert 'href="/">To the projects</a>' in answer.text
    assert elsewhere.status_code == 404
    for other in (elsewhere, nowhere):
        assert "To the errors of" not in other.text
        assert 'href="/">To the projects</a>' in other.text


def test_method_that_a_page_does_not_have_is_named(standing_client: httpx.Client) -> None:
    token = find_token(standing_client.get("/setup"))
    posted = standing_client.post("/setup", data={"token": token})
    put = standing_client.put("/")

    assert (posted.status_code, posted.headers["allow"]) == (405, "GET, HEAD")
    assert put.status_code == 405


@pytest.mark.parametrize("encoding", ["br", "gzip", "identity"])
def test_page_is_compressed_as_the_browser_accepts(
    standing_client: httpx.Client, encoding: str
) -> None:
    answer = standing_client.get("/setup", headers={"Accept-Encoding": encoding})

    assert answer.headers.get("content-encoding", "identity") == encoding
    assert "Accept-Encoding" in answer.headers["vary"]
    assert "</html>" in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example.com"},
        {"Host": "faultline.example.com:7070"},
        {"Origin": "https://evil.example.com"},
        {"Origin": "null"},
    ],
)
def test_without_keys_only_this_machine_sees_a_page(
    standing_client: httpx.Client, headers: dict[str, str]
) -> None:
    answer = standing_client.get("/", headers=headers)

    assert answer.status_code == 403
    assert "curl" not in answer.text


def test_without_keys_a_form_still_needs_its_token(standing_client: httpx.Client) -> None:
    assert standing_client.post("/language", data={"language": "ja"}).status_code == 403


def test_link_from_another_site_asks_for_itself_once_more(tmp_path: Path) -> None:
    with server_with_key(tmp_path) as server, server.client() as visitor:
        from_elsewhere = visitor.get("/?a=b", headers={"Sec-Fetch-Site": "cross-site"})
        from_itself = visitor.get("/?a=b", headers={"Sec-Fetch-Site": "same-origin"})

        assert '<meta http-equiv="refresh" content="0">' in from_elsewhere.text
        assert from_itself.headers["location"] == "/login?next=%2F%3Fa%3Db"


def test_change_from_another_site_is_refused(tmp_path: Path) -> None:
    with server_with_key(tmp_path) as server, server.client() as visitor:
        form = {"action": "resolve", "token": "x"}
        answer = visitor.post("/projects/a", data=form, headers={"Sec-Fetch-Site": "cross-site"})

        assert answer.status_code == 403
        assert "Not allowed" in answer.text


def test_part_of_a_page_is_not_replaced_by_a_login(tmp_path: Path) -> None:
    with server_with_key(tmp_path) as server, server.client() as visitor:
        answer = visitor.get("/", headers={"HX-Request": "true"})

        assert (answer.status_code, answer.headers["hx-refresh"]) == (403, "true")


@pytest.mark.parametrize(
    "body", [b"\xff=1", b"&".join([b"error=1"] * 1200), b"token=%ff", b"token[]=1"]
)
def test_odd_form_is_refused(standing_client: httpx.Client, body: bytes) -> None:
    assert standing_client.post("/logout", content=body).status_code in {400, 403}


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_form_that_is_too_large_is_refused(standing_client: httpx.Client, encoding: str) -> None:
    form = b"key=" + b"%41" * (MAX_FORM_BYTES // 3)
    body = gzip.compress(form) if encoding == "gzip" else form
    headers = {"Content-Encoding": encoding}
    answer = standing_client.post("/login", content=body, headers=headers)

    assert answer.status_code == 413


def test_pages_are_counted_by_their_template(server: RunningServer, client: httpx.Client) -> None:
    client.get("/setup")
    client.get("/static/x/base.css")

    metrics = client.get("/metrics").text
    assert 'faultline_requests_total{method="GET",route="/setup",status="200"} 1.0' in metrics
    assert 'route="/static/{version}/{name:path}"' in metrics


def test_key_is_never_on_a_page(tmp_path: Path) -> None:
    with server_with_key(tmp_path) as server, server.client() as visitor:
        log_in(visitor)
        for path in ("/", "/setup", "/login"):
            assert "0123456789abcdef" not in visitor.get(path, follow_redirects=True).text
