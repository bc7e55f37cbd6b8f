"""How deep a report may be nested, whatever its strings hold."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultline_lite.exceptions import BadRequestError
from faultline_lite.protocols.faultline import decode_report
from faultline_lite.protocols.plain import MAX_DEPTH

CONFUSING = st.text(alphabet='[]{}"\\\\,:a', max_size=8)


def nest(levels: int, strings: list[str], *, as_lists: bool) -> Any:
    """Return ``levels`` containers in each other, each with strings that look like more."""
    value: Any = list(strings) if as_lists else dict.fromkeys(strings, "")
    for _ in range(levels - 1):
        value = [*strings, value] if as_lists else {**dict.fromkeys(strings, ""), "in": value}
    return value


def decode(params: Any) -> None:
    body = json.dumps({"errors": [{"message": "m"}], "params": {"p": params}}).encode()
    decode_report(body, project="p", event={}, received_ms=0, max_entries=1)


@given(st.lists(CONFUSING, max_size=4, unique=True), st.booleans())
def test_brackets_in_strings_count_for_nothing(strings: list[str], as_lists: bool) -> None:
    # The report itself and its params are two levels more.
    decode(nest(MAX_DEPTH - 2, strings, as_lists=as_lists))

    with pytest.raises(BadRequestError, match=f"deeper than {MAX_DEPTH} levels"):
        decode(nest(MAX_DEPTH - 1, strings, as_lists=as_lists))


def test_wide_report_is_not_deep() -> None:
    decode([[{}]] * 1000)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b"]" * 1000 + b"[" * 1000])
def test_brackets_that_do_not_pair_up_are_refused(body: bytes) -> None:
    with pytest.raises(BadRequestError):
        decode_report(body, project="p", event={}, received_ms=0, max_entries=1)
