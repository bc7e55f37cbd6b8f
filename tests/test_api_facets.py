"""The API of facets."""

import httpx
import pytest

from tests.reports import error_path, errors_path, make_entry, make_report


def post(client: httpx.Client, *versions: str) -> None:
    for second, version in enumerate(versions):
        entry = make_entry("boom", timestamp=f"2016-12-06T14:00:{second:02}Z")
        client.post(errors_path(), json=make_report(errors=[entry], context={"version": version}))


def test_facets_show_values_with_counts_and_times(client: httpx.Client) -> None:
    post(client, "1.0", "1.1", "1.1")

    shown = client.get(f"{error_path('boom')}/facets", params={"limit": "1"}).json()["data"]

    assert shown["facets"]["version"] == {
        "values": [
            {
                "value": "1.1",
                "count": 2,
                "firstSeen": "2016-12-06T14:00:01+00:00",
                "lastSeen": "2016-12-06T14:00:02+00:00",
            }
        ],
        "distinct": 2,
        "known": 3,
    }
    assert shown["facets"]["user"] == {"values": [], "distinct": 0, "known": 0}
    assert (shown["countedFrom"], shown["kept"], shown["count"]) == (3, 3, 3)


@pytest.mark.parametrize(
    ("parameters", "count"),
    [
        ({"start": "2016-12-06T14:00:59Z"}, 3),
        ({"start": "2016-12-06T14:01:00Z"}, 0),
        ({"end": "2016-12-06T14:00:00Z"}, 3),
        ({"end": "2016-12-06T13:59:59Z"}, 0),
        ({"start": "2016-12-06T13:00:00Z", "end": "2016-12-06T14:00:00Z"}, 3),
    ],
)
def test_time_range_is_of_whole_minutes(
    client: httpx.Client, parameters: dict[str, str], count: int
) -> None:
    post(client, "1.0", "1.1", "1.1")

    shown = client.get(f"{error_path('boom')}/facets", params=parameters).json()["data"]

    assert (shown["countedFrom"], shown["kept"], shown["count"]) == (count, count, count)


def test_facets_of_an_unknown_error_are_404(client: httpx.Client) -> None:
    post(client, "1.0")

    assert client.get(f"{error_path('other')}/facets").status_code == 404
