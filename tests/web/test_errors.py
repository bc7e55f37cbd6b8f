import re
from typing import Any

import httpx
import pytest

from faultline_lite.web.errors import MAX_ROWS, PAGE_ERRORS
from tests.fakes import FakeClock
from tests.reports import make_entry
from tests.servers import RunningServer
from tests.web.visiting import Site

_MESSAGE = re.compile(r'class="message breakable" href="[^"]*">([^<]*)</a>')
_ID = re.compile(r'<tr id="error-(\d+)"')
_FINGERPRINT = re.compile(r'name="error" value="([0-9a-f]+)"')


def _messages(answer: httpx.Response) -> list[str]:
    return _MESSAGE.findall(answer.text)


def _listed(site: Site, **parameters: Any) -> list[str]:
    return sorted(_messages(site.get(site.list_path, **parameters)))


@pytest.fixture
def three(site: Site) -> Site:
    """A project with errors of two types, one resolved, one muted."""
    site.report("open", type="notice")
    site.report("done", type="fatal")
    site.report("quiet", type="fatal")
    site.send(site.path_of("done"), action="resolve")
    site.send(site.path_of("quiet"), action="mute")
    return site


@pytest.mark.parametrize(
    ("parameters", "messages"),
    [
        ({}, ["open"]),
        ({"state": "resolved"}, ["done"]),
        ({"state": "muted"}, ["quiet"]),
        ({"state": "all"}, ["done", "open", "quiet"]),
        ({"state": "all", "type": "fatal"}, ["done", "quiet"]),
        ({"state": "all", "type": "fat"}, []),
        ({"state": "all", "since": "1h"}, ["done", "open", "quiet"]),
        ({"state": "all", "q": "count:>1"}, []),
    ],
)
def test_list_shows_what_is_asked_for(
    three: Site, parameters: dict[str, str], messages: list[str]
) -> None:
    assert _listed(three, **parameters) == messages


def test_what_was_no_filter_is_said_in_the_visitors_language(three: Site) -> None:
    answer = three.client.get(
        three.list_path, params={"q": "status:foo"}, headers={"Accept-Language": "ja"}
    )

    assert "status: は文字列として検索しました" in answer.text


def test_environment_and_version_are_searched_for_whole(
    client: httpx.Client, server: RunningServer
) -> None:
    site = Site(client, "sample-project")
    for version in ("1.2", "1.2.3"):
        context = {"environment": "staging", "version": version}
        site.report_all([make_entry(f"in {version}x")], context=context)
    server.run(server.services.indexing.catch_up())

    assert _listed(site, version="1.2") == ["in 1.2x"]
    assert _listed(site, environment="staging") == ["in 1.2.3x", "in 1.2x"]
    assert _listed(site, environment="stag") == []


def test_pages_of_the_list_lose_and_repeat_nothing(site: Site) -> None:
    count = PAGE_ERRORS * 2 + 3
    site.report_all([make_entry(f"error {chr(0x3042 + n)}") for n in range(count)])
    found: list[str] = []
    path = site.list_path
    while path:
        page = site.get(path)
        found += _messages(page)
        path = page.text.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")

    assert (len(found), len(set(found))) == (count, count)


def test_rows_are_those_that_are_asked_for_and_pass_the_filters(three: Site) -> None:
    ids = _ID.findall(three.get(three.list_path, state="all").text)
    rows = three.get(f"{three.list_path}/rows", state="all", type="fatal", id=ids[:2])

    assert len(_messages(rows)) <= 2
    assert set(_messages(rows)) <= {"done", "quiet"}
    assert "<html" not in rows.text


@pytest.mark.parametrize("ids", [[], ["x"], ["-1"], ["9" * 30], ["999999999"], ["0"] * 1000])
def test_rows_of_no_error_are_none(three: Site, ids: list[str]) -> None:
    answer = three.get(f"{three.list_path}/rows", id=ids)

    assert (answer.status_code, _messages(answer)) == (200, [])


def test_rows_of_another_project_are_not_shown(three: Site, standing_client: httpx.Client) -> None:
    ids = _ID.findall(three.get(three.list_path, state="all").text)
    other = Site(standing_client, f"{three.project}-other")
    other.report("elsewhere")

    rows = other.get(f"{other.list_path}/rows", state="all", id=ids)
    assert _messages(rows) == []
    assert len(ids) <= MAX_ROWS


def _select(site: Site, **form: Any) -> httpx.Response:
    selected = _FINGERPRINT.findall(site.get(site.list_path, state="all").text)
    return site.send(site.list_path, error=selected, **form)


def test_selected_errors_are_changed_and_the_list_says_so(three: Site) -> None:
    answer = _select(three, action="resolve", back=f"{three.list_path}?type=fatal&cursor=x")

    assert answer.headers["location"] == f"{three.list_path}?type=fatal&done=resolve&n=3"
    assert "3 errors resolved." in three.get(answer.headers["location"]).text
    assert _listed(three) == []


def test_selected_errors_are_deleted_once_it_is_confirmed(three: Site) -> None:
    asked = _select(three, action="delete")
    still_there = _listed(three, state="all")
    _select(three, action="delete", confirmed="yes")

    assert "Delete these 3 errors?" in asked.text
    assert len(still_there) == 3
    assert _listed(three, state="all") == []


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"action": "explode"}, 400),
        ({"action": "resolve", "error": ["xyz"]}, 400),
        ({"action": "resolve", "error": ["00" * 16]}, 303),
        ({"action": "resolve"}, 303),
        ({"action": "resolve", "back": "https://evil.example.com/"}, 303),
        ({"action": "resolve", "back": "//evil.example.com/"}, 303),
    ],
)
def test_odd_selection_changes_nothing_and_leads_nowhere_else(
    three: Site, form: dict[str, Any], status: int
) -> None:
    answer = three.send(three.list_path, **form)

    assert answer.status_code == status
    assert answer.headers.get("location", three.list_path).startswith(three.list_path)
    assert _listed(three) == ["open"]


def test_error_that_is_seen_again_is_first(
    client: httpx.Client, server: RunningServer, clock: FakeClock
) -> None:
    site = Site(client, "sample-project")
    for message in ("one", "two", "one"):
        server.run(clock.advance(60))
        site.report(message)

    assert _messages(site.get(site.list_path)) == ["one", "two"]
    assert _messages(site.get(site.list_path, sort="firstSeen")) == ["two", "one"]
    assert _messages(site.get(site.list_path, sort="count")) == ["one", "two"]


@pytest.mark.parametrize(
    ("q", "shown"),
    [
        ('"><script>alert(1)</script>', "&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("{{7*7}}", "{{7*7}}"),
        ("a\x00\x1bb", "a␀␛b"),
        ("' OR 1=1 --", "&#39; OR 1=1 --"),
    ],
)
def test_reflected_query_is_text(three: Site, q: str, shown: str) -> None:
    page = three.get(three.list_path, q=q).text

    assert f'name="q" value="{shown}"' in page
    assert "<script>alert" not in three.get(f"{three.list_path}/rows", q=q, id=["1"]).text


def test_what_was_found_in_a_message_is_marked_there_and_not_told_twice(
    client: httpx.Client, server: RunningServer
) -> None:
    site = Site(client, "web")
    site.report("payment failed")
    site.report("boom", type="payment")
    server.run(server.services.indexing.catch_up())
    page = site.get(site.list_path, q="payment").text
    found, elsewhere = sorted(page.split("<tr id=")[1:], key=lambda row: "boom" in row)

    assert "<mark>payment</mark> failed</a>" in found
    assert 'class="snippet' not in found
    assert ">boom</a>" in elsewhere
    assert 'class="snippet' in elsewhere


def test_search_without_result_leads_on_to_all_statuses(three: Site) -> None:
    path = three.list_path
    among_open = three.get(path, q="nothing of that kind").text
    among_all = three.get(path, q="nothing of that kind", state="all").text

    assert f'href="{path}?q=nothing+of+that+kind&amp;state=all">Look among all</a>' in among_open
    assert f'href="{path}?state=all">Show all</a>' in among_all
