"""Occurrences of an error: all kept, each at an address of its own, paged without a gap."""

import re
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reports import errors_path, make_entry, make_report, new_project, occurrences_path

SECOND = "2016-12-07T00:00:00+09:00"
ADDRESS = "9007197773704591"


def post_same_second(client: httpx.Client, project: str, count: int, entries: int = 1) -> None:
    """Report ``count`` occurrences of the error "same", numbered in params, in one second."""
    for start in range(0, count, entries):
        numbers = range(start, min(start + entries, count))
        errors = [make_entry("same", params={"number": number}) for number in numbers]
        assert client.post(errors_path(project), json={"errors": errors}).status_code == 201


def read_page(client: httpx.Client, project: str, **query: Any) -> list[dict[str, Any]]:
    answer = client.get(occurrences_path("same", project), params=query)
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    assert data["totalCount"] == len(data["errors"])
    page: list[dict[str, Any]] = data["errors"]
    return page


def read_all(client: httpx.Client, project: str, limit: int) -> list[dict[str, Any]]:
    found = page = read_page(client, project, limit=limit)
    while page:
        page = read_page(client, project, limit=limit, after=page[-1]["reversedUnixtime"])
        assert len(page) <= limit
        found = found + page
    return found


@pytest.mark.parametrize("entries", [1, 50])
def test_two_hundred_of_one_second_are_paged_without_a_gap(
    standing_client: httpx.Client, project: str, entries: int
) -> None:
    post_same_second(standing_client, project, 200, entries)
    found = read_all(standing_client, project, 7)
    addresses = [each["reversedUnixtime"] for each in found]
    numbers = [each["params"]["number"] for each in found]

    assert numbers == list(reversed(range(200)))
    assert addresses == [*(f"{ADDRESS}-{ordinal}" for ordinal in range(200, 1, -1)), ADDRESS]


def test_each_is_fetched_by_its_own_address(standing_client: httpx.Client, project: str) -> None:
    post_same_second(standing_client, project, 12)
    found = read_all(standing_client, project, 100)
    path = occurrences_path("same", project)
    fetched = [
        standing_client.get(f"{path}/{each['reversedUnixtime']}").json()["data"]["error"]
        for each in found
    ]

    assert fetched == found
    assert len(found) == 12


def test_newest_come_first_whenever_they_arrived(
    standing_client: httpx.Client, project: str
) -> None:
    for hour in (3, 1, 2):
        entry = make_entry("same", timestamp=f"2016-12-01T0{hour}:00:00Z")
        standing_client.post(errors_path(project), json={"errors": [entry]})
    found = read_page(standing_client, project)
    addresses = [each["reversedUnixtime"] for each in found]

    assert [each["timestamp"][12] for each in found] == ["3", "2", "1"]
    assert addresses == sorted(addresses)


def test_ten_are_listed_by_default_and_a_thousand_at_most(
    standing_client: httpx.Client, project: str
) -> None:
    post_same_second(standing_client, project, 1010, 505)

    assert len(read_page(standing_client, project)) == 10
    assert len(read_page(standing_client, project, limit="")) == 10
    assert len(read_page(standing_client, project, limit=10**30)) == 1000


def test_place_between_two_occurrences_is_good_to_go_on_from(
    standing_client: httpx.Client, project: str
) -> None:
    post_same_second(standing_client, project, 3)

    assert len(read_page(standing_client, project, after="0000000000000000")) == 3
    assert len(read_page(standing_client, project, after=f"{ADDRESS}-9999999999")) == 3
    assert len(read_page(standing_client, project, after=f"{ADDRESS}-3")) == 2
    assert len(read_page(standing_client, project, after=ADDRESS)) == 0
    assert len(read_page(standing_client, project, after="9999999999999999")) == 0


@pytest.mark.parametrize(
    "place",
    [
        "x",
        "0",
        "900719777370459",
        f"{ADDRESS}-",
        f"{ADDRESS}-1",
        f"{ADDRESS}-02",
        f" {ADDRESS}",
        "９" * 16,
    ],
)
def test_what_is_no_address_is_refused(
    standing_client: httpx.Client, project: str, place: str
) -> None:
    post_same_second(standing_client, project, 3)
    listed = standing_client.get(occurrences_path("same", project), params={"after": place})
    fetched = standing_client.get(f"{occurrences_path('same', project)}/{place}")

    assert (listed.status_code, listed.json()["errors"]) == (
        400,
        [{"message": "not a reversedUnixtime", "path": ["after"], "detail": place}],
    )
    assert fetched.status_code == 404


@pytest.mark.parametrize("place", [f"{ADDRESS}-4", "9007197773704590", "9999999999999999"])
def test_address_of_nothing_is_404(standing_client: httpx.Client, project: str, place: str) -> None:
    post_same_second(standing_client, project, 3)
    answer = standing_client.get(f"{occurrences_path('same', project)}/{place}")

    assert (answer.status_code, answer.json()["message"]) == (404, "there is no such occurrence")


def test_page_of_large_occurrences_is_cut_and_goes_on(
    standing_client: httpx.Client, project: str
) -> None:
    for number in range(12):
        entry = make_entry("same", params={"number": number, "filler": "x" * 1_000_000})
        standing_client.post(errors_path(project), json={"errors": [entry]})
    page = read_page(standing_client, project, limit=100)
    found = read_all(standing_client, project, 100)

    assert len(page) < 12
    assert [each["params"]["number"] for each in found] == list(reversed(range(12)))


@given(
    seconds=st.lists(st.integers(0, 3), min_size=1, max_size=30),
    limit=st.integers(1, 7),
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_paging_loses_and_repeats_nothing(
    standing_client: httpx.Client, seconds: list[int], limit: int
) -> None:
    project = new_project()
    for index, second in enumerate(seconds):
        timestamp = f"2016-12-07T00:00:0{second}Z"
        entry = make_entry("same", timestamp=timestamp, params={"number": index})
        standing_client.post(errors_path(project), json={"errors": [entry]})
    found = read_all(standing_client, project, limit)
    places = [each["timestamp"] for each in found]

    assert sorted(each["params"]["number"] for each in found) == list(range(len(seconds)))
    assert all(one >= other for one, other in pairwise(places))
    assert all(re.fullmatch(r"\d{16}(-\d+)?", each["reversedUnixtime"]) for each in found)


def test_report_gives_back_the_address_of_its_first_occurrence(
    standing_client: httpx.Client, project: str
) -> None:
    ids = [
        standing_client.post(errors_path(project), json=make_report("same")).json()["id"]
        for _ in range(3)
    ]

    assert ids == [ADDRESS, f"{ADDRESS}-2", f"{ADDRESS}-3"]
    assert read_page(standing_client, project)[0]["timestamp"] == SECOND
