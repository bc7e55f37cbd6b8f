import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from faultline_lite.web.filters import SINCE_MS, SORTS, STATES, Filters, read_filters

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(str.strip)
FILTERS = st.builds(
    Filters,
    q=TEXT,
    state=st.sampled_from(STATES),
    type=TEXT,
    environment=TEXT,
    version=TEXT,
    since=st.sampled_from(["", *SINCE_MS]),
    sort=st.sampled_from(SORTS),
)


@given(FILTERS)
def test_address_is_read_back(filters: Filters) -> None:
    assert read_filters(QueryParams(filters.address()[1:])) == filters


def test_address_says_only_what_is_asked_for() -> None:
    assert Filters().address() == "?"
    assert Filters(q="a&b", state="all").address(sort="count") == "?q=a%26b&state=all&sort=count"
    assert Filters(q="a").address(q="", cursor="x") == "?cursor=x"


@pytest.mark.parametrize(
    "query", ["state=gone", "sort=price", "since=1y", "state=", "q=%20%20", "unknown=1", "q=%ff"]
)
def test_what_cannot_be_read_asks_for_nothing(query: str) -> None:
    read = read_filters(QueryParams(query))

    assert read == Filters(q=read.q)
    assert read.q in {"", "\ufffd"}
