"""JSON that any decoder can read is told from JSON that has to be looked at, whatever it says."""

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from faultline_lite.protocols.plain import MAX_DEPTH, is_plain

CONFUSING = st.text(alphabet='[]{}"\\,:ae019.+- \n', max_size=8)
NUMBERS = st.from_regex(
    re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII), fullmatch=True
)
NUMBER_VALUES = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.none() | st.booleans() | NUMBER_VALUES | CONFUSING
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(CONFUSING, inner), max_leaves=20
)


def nest(levels: int, value: Any) -> Any:
    for level in range(levels):
        value = [value] if level % 2 else {"in": value}
    return value


@given(DOCUMENTS, st.sampled_from([None, 2]))
def test_plain_json_can_be_decoded(document: Any, indent: int | None) -> None:
    body = json.dumps(document, indent=indent).encode()

    assert not is_plain(body) or msgspec.json.decode(body) == document


@given(st.lists(NUMBERS, max_size=3))
@example(["1e999"])
@example(["9" * 5000])
def test_number_beyond_all_bounds_is_not_plain(numbers: list[str]) -> None:
    body = "[{}]".format(",".join(numbers)).encode()
    try:
        msgspec.json.decode(body)
    except msgspec.DecodeError:
        assert not is_plain(body)


@given(
    st.recursive(
        st.integers(-(10**19) + 1, 10**19 - 1) | st.sampled_from([1.5, -2e10, 1e-7]) | CONFUSING,
        lambda inner: st.lists(inner) | st.dictionaries(CONFUSING, inner),
        max_leaves=20,
    )
)
def test_everyday_json_is_plain(document: Any) -> None:
    assert is_plain(json.dumps(document).encode())


@given(CONFUSING)
def test_depth_decides_whatever_strings_hold(text: str) -> None:
    assert is_plain(json.dumps(nest(MAX_DEPTH, text)).encode())
    assert not is_plain(json.dumps(nest(MAX_DEPTH + 1, text)).encode())


@pytest.mark.parametrize("text", ["1e999", "12345678901234567890", "[{", '"'])
def test_what_a_string_holds_does_not_count(text: str) -> None:
    assert is_plain(json.dumps({text: [text]}).encode())


@pytest.mark.parametrize("body", [b"[" * 10, b"]" * 10, b'{"a":"', b"{]["])
def test_brackets_that_do_not_pair_up_are_not_plain(body: bytes) -> None:
    assert not is_plain(body)
