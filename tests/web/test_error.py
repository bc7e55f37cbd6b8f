import json
import re
from typing import Any

import httpx
import pytest

from faultline_lite.web.occurrences import PAGE_OCCURRENCES
from tests.fakes import FakeClock
from tests.reports import make_entry
from tests.servers import RunningServer, wait_until
from tests.web.visiting import Site

MESSAGE = "a/occurrences/b?x=%2F#y"
LINK = 'class="message breakable" href="'


@pytest.mark.parametrize(
    "message", [MESSAGE, "..", ".", "%", "a\nb", "在庫", "<script>", "x" * 3000, "\x1b[31m"]
)
def test_link_in_the_list_leads_to_the_error(site: Site, message: str) -> None:
    site.report(message)
    listed = site.get(site.list_path).text
    href = listed.partition(LINK)[2].partition('"')[0]

    page = site.get(href.replace("&amp;", "&"))
    assert page.status_code == 200
    assert 'id="occurrence"' in page.text


def test_errors_that_share_a_message_have_pages_of_their_own(site: Site) -> None:
    site.report("boom", fingerprint=["one"], type="first-type")
    site.report("boom", fingerprint=["two"], type="second-type")
    listed = site.get(site.list_path).text
    links = [part.partition('"')[0] for part in listed.split(LINK)[1:]]

    pages = [site.get(link).text for link in links]
    assert [("first-type" in page, "second-type" in page) for page in pages] == [
        (False, True),
        (True, False),
    ]


def test_error_is_resolved_and_reopened(site: Site) -> None:
    site.report(MESSAGE)
    resolved = site.send(site.path_of(MESSAGE), action="resolve")
    after_resolving = site.summary(MESSAGE)["status"]
    site.send(site.path_of(MESSAGE), action="reopen")

    assert (resolved.status_code, resolved.headers["location"]) == (303, site.path_of(MESSAGE))
    assert after_resolving == "resolved"
    assert site.summary(MESSAGE)["status"] == "unresolved"


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ({}, {}),
        ({"seconds": "3600"}, {"mutedUntil": "2016-12-06T16:00:00+00:00"}),
        ({"until": "2017-01-01T00:00:00.000Z"}, {"mutedUntil": "2017-01-01T00:00:00+00:00"}),
        ({"until": "2017-01-01T09:30"}, {"mutedUntil": "2017-01-01T09:30:00+00:00"}),
        ({"count": "5"}, {"mutedUntilCount": 5}),
    ],
)
def test_error_is_muted_for_good_until_a_time_or_for_some_more(
    site: Site, form: dict[str, str], shown: dict[str, Any]
) -> None:
    site.report(MESSAGE)
    site.send(site.path_of(MESSAGE), action="mute", **form)

    summary = site.summary(MESSAGE)
    assert summary["muted"] is True
    assert {name: value for name, value in summary.items() if name.startswith("mutedU")} == shown
    site.send(site.path_of(MESSAGE), action="unmute")
    assert site.summary(MESSAGE)["muted"] is False


def test_mute_that_is_over_is_not_shown(
    server: RunningServer, client: httpx.Client, clock: FakeClock
) -> None:
    site = Site(client, "web")
    site.report(MESSAGE)
    site.send(site.path_of(MESSAGE), action="mute", seconds="60")
    during = site.get(site.path_of(MESSAGE)).text
    server.run(clock.advance(60))
    after = site.get(site.path_of(MESSAGE)).text

    assert ("Muted until" in during, 'value="unmute"' in during) == (True, True)
    assert ("Muted until" in after, 'value="unmute"' in after) == (False, False)


@pytest.mark.parametrize(
    "form",
    [
        {"action": "explode"},
        {},
        {"action": "mute", "seconds": "-1"},
        {"action": "mute", "seconds": "1e9"},
        {"action": "mute", "until": "soon"},
        {"action": "mute", "count": "0"},
        {"action": "mute", "count": "99999999999"},
    ],
)
def test_form_that_asks_for_nothing_possible_is_refused(site: Site, form: dict[str, str]) -> None:
    site.report(MESSAGE)

    assert site.send(site.path_of(MESSAGE), **form).status_code == 400
    assert site.summary(MESSAGE)["muted"] is False


def test_occurrences_lead_to_their_neighbours(site: Site) -> None:
    times = [f"2016-12-06T14:00:0{second}Z" for second in range(3)]
    places = [site.report(MESSAGE, timestamp=time) for time in times]
    page = site.path_of(MESSAGE)
    middle = site.get(site.path_of(MESSAGE, "occurrences", places[1])).text
    latest = site.get(site.path_of(MESSAGE)).text

    assert f'rel="prev" data-key="p" href="{page}/occurrences/{places[2]}"' in middle
    assert f'rel="next" data-key="n" href="{page}/occurrences/{places[0]}"' in middle
    assert f'rel="next" data-key="n" href="{page}/occurrences/{places[1]}"' in latest
    assert 'rel="prev"' not in latest


def test_neighbours_that_are_not_there_keep_their_places(site: Site) -> None:
    site.report(MESSAGE)
    page = site.get(site.path_of(MESSAGE)).text
    paging = re.findall(r'class="button[^>]*>([^<]*)<', page.partition('class="paging"')[2])

    assert paging[:4] == ["‹ Newer", "Older ›", "Latest", "A newer one has come: show"]
    assert page.count('class="button off" role="link" aria-disabled="true"') == 3


def test_versions_stand_beside_the_times_that_they_were_seen_at(
    client: httpx.Client, server: RunningServer, clock: FakeClock
) -> None:
    site = Site(client, "web")
    for hour, version in ((10, "1.0"), (11, "1.1"), (12, "1.2"), (13, "1.1")):
        entry = make_entry(MESSAGE, timestamp=f"2016-12-06T{hour}:00:00Z")
        site.report_all([entry], context={"version": version})
    # The census counts versions some seconds later.
    server.run(clock.advance(5))

    def versions() -> list[str]:
        page = site.get(site.path_of(MESSAGE)).text
        return re.findall(r'class="version breakable"[^>]*>([^<]*)<', page)

    wait_until(lambda: len(versions()) == 2)
    assert versions() == ["1.0", "1.1"]


def test_occurrences_are_paged(site: Site) -> None:
    entries = [make_entry(MESSAGE, timestamp=f"2016-12-06T14:{n:02}:00Z") for n in range(60)]
    site.report_all(entries)

    first, second = _read_pages(site)

    assert (first.count('class="when"'), second.count('class="when"')) == (50, 10)
    assert "These were all that are kept." in second


def test_page_of_occurrences_that_ends_with_them_is_the_last(site: Site) -> None:
    site.report_all([make_entry(MESSAGE)] * PAGE_OCCURRENCES)

    (page,) = _read_pages(site)

    assert "These were all that are kept." in page


def test_page_of_large_occurrences_is_cut_and_goes_on(site: Site) -> None:
    for _ in range(10):
        site.report_all([make_entry(MESSAGE)], params={"filler": "x" * 1_000_000})

    first, second = _read_pages(site)

    assert first.count('class="when"') + second.count('class="when"') == 10


def _read_pages(site: Site) -> list[str]:
    """Return the pages of the error's occurrences, each of which leads to the next."""
    path, pages = site.path_of(MESSAGE, "occurrences"), list[str]()
    while path:
        pages.append(site.get(path).text)
        path = pages[-1].partition('rel="next" href="')[2].partition('"')[0]
    return pages


@pytest.mark.parametrize("place", ["1", "x", "0000000000000001", "9007197718255999-2"])
def test_occurrence_that_is_not_there_is_404(site: Site, place: str) -> None:
    site.report(MESSAGE)

    assert site.get(site.path_of(MESSAGE, "occurrences", place)).status_code == 404
    assert site.get(site.path_of(MESSAGE, "occurrences", place, "raw")).status_code == 404


def test_page_of_what_is_not_there_is_404(site: Site) -> None:
    site.report(MESSAGE)

    for path in ("/projects/other", site.path_of("other"), site.path_of("other", "facets")):
        assert site.get(path).status_code == 404


def test_raw_occurrence_is_json_to_keep(site: Site) -> None:
    place = site.report(MESSAGE, backtrace=[{"file": "<b>", "line": 1, "function": "f"}])
    raw = site.get(site.path_of(MESSAGE, "occurrences", place, "raw"))
    context = site.get(site.path_of(MESSAGE, "occurrences", place, "raw"), part="context")
    backtrace = site.get(site.path_of(MESSAGE, "occurrences", place, "raw"), part="backtrace")
    other = site.get(site.path_of(MESSAGE, "occurrences", place, "raw"), part="message")

    assert raw.headers["content-type"] == "application/json"
    assert raw.json()["message"] == MESSAGE
    assert json.loads(context.text)["environment"] == "production"
    assert backtrace.headers["content-type"] == "text/plain; charset=utf-8"
    assert backtrace.text == "<b>:1 in f"
    assert other.status_code == 404


def test_facets_are_counted_for_the_range_that_is_asked_for(site: Site) -> None:
    site.report(MESSAGE, timestamp="2016-12-06T14:00:00Z")
    everything = site.get(site.path_of(MESSAGE, "facets")).text
    before = site.get(site.path_of(MESSAGE, "facets"), start="1", end="2").text

    assert "production" in everything
    assert "</html>" in everything
    assert "production" not in before


def test_share_of_few_is_not_said_to_be_none_nor_that_of_most_to_be_all(site: Site) -> None:
    for environment, count in (("production", 399), ("staging", 1)):
        site.report_all([make_entry(MESSAGE)] * count, context={"environment": environment})
    page = site.get(site.path_of(MESSAGE, "facets")).text

    assert re.findall(r'class="share">([^<]*)<', page)[:2] == ["&gt;99%", "&lt;1%"]
