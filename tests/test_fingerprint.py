import hashlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from faultline_lite.fingerprint import (
    KEY_BYTES,
    PATTERN_CHARACTERS,
    TRUNCATION_BYTES,
    TRUNCATION_MARK,
    address_key,
    group_key,
    is_truncated,
    normalise,
    truncate,
)


@pytest.mark.parametrize(
    ("message", "pattern"),
    [
        ("User 123 not found", "User <int> not found"),
        ("注文123が失敗、注文１２３も", "注文<int>が失敗、注文<int>も"),
        ("faultline2 utf8 mp3 x86_64 Größe2", "faultline2 utf8 mp3 x86_64 Größe2"),
        ("cart c-77, v1", "cart c-77, v1"),
        ("utf-8 or cp-1252 in order-1601656", "utf-8 or cp-1252 in order-<int>"),
        ("req-12345: a-12345x, x-12345ms", "req-<int>: a-12345x, x-<int>ms"),
        ("#<Thread:0x00007f2bdaebfc28 run>", "#<Thread:<hex> run>"),
        ("took 5003ms, 1.5s, 10MB of 3GiB", "took <int>ms, <float>s, <int>MB of <int>GiB"),
        ("x=-5 +3 (-1.5e-3) 1e10 1,234,567", "x=<int> <int> (<float>) <float> <int>"),
        ("from 5-6 to 1,2345", "from <int>-<int> to <int>,<int>"),
        ("ruby 3.2.1", "ruby <int>.<int>.<int>"),
        ("a 550e8400-e29b-41d4-a716-446655440000", "a <uuid>"),
        ("deadbeef facade1 d41d8cd98f00b204", "deadbeef facade1 <hex>"),
        ("10.0.0.1:8080 10.0.0.1/24 ::1 fe80::1", "<ip> <ip>/<int> <ip> <ip>"),
        ("[::ffff:1.2.3.4]:80 2001:db8::8a2e:370:7334", "[<ip>]:<int> <ip>"),
        ("uninitialized constant A::B, ::Face", "uninitialized constant A::B, ::Face"),
        ("no x.y+z@example.co.jp or react@18.2.0", "no <email> or react@<int>.<int>.<int>"),
        ("2016-12-07T00:00:00.123+09:00!", "<datetime>!"),
        ("2024-01-05 10:00:00 +0900, 20240105T100000Z", "<datetime>, <datetime>"),
        ("Mon, 05 Jan 2024 10:00:00 GMT", "<datetime>"),
        ("2024/1/5 2024-01-05 2024年1月5日 12月3日に", "<date> <date> <date> <date>に"),
        ("at 10:00:00: 9:05", "at <time>: <time>"),
        ("app.rb:12:34:in host:8080", "app.rb:<int>:<int>:in host:<int>"),
        ("", ""),
    ],
)
def test_values_become_placeholders(message: str, pattern: str) -> None:
    assert normalise(message) == pattern


_PIECES = st.sampled_from(
    [
        *("1", "23", "5.5", "0x1f", "deadbeef1", "1.2.3.4", "::", "cafe", "10:00", ":", "-", "+"),
        *(".", ",", "@", "b.co", "e5", "ms", " ", "T", "Z", "注文", "é", "_", "<", ">", "<int>"),
        *("2024-01-05", "年", "月", "日", "abcdefab-abcd-abcd-abcd-abcdefabcdef", "/", "１", "Jan"),
    ]
)
_MESSAGES = st.lists(_PIECES, max_size=8).map("".join) | st.text(max_size=20)


@given(_MESSAGES)
@example("1.5::beef1")
@example("10:00+@b.co")
def test_normalising_is_idempotent(message: str) -> None:
    assert normalise(normalise(message)) == normalise(message)


@given(_MESSAGES, _MESSAGES, st.integers(400, 5000))
def test_normalising_long_messages_is_idempotent_and_bounded(
    message: str, end: str, times: int
) -> None:
    pattern = normalise(message * times + end)

    assert len(pattern) <= PATTERN_CHARACTERS
    assert normalise(pattern) == pattern


def test_messages_that_differ_far_behind_are_one_error() -> None:
    beginning = "stack: " * 1000

    assert normalise(beginning + "a" * 100_000) == normalise(beginning + "b")


@pytest.mark.parametrize(
    "unit", ["a@", "1.", "1:", "::", "a.", "-", "1-", "a:", "1,111", "1e", "0x"]
)
def test_megabyte_of_hostile_text_is_normalised(unit: str) -> None:
    pattern = normalise(unit * (2**20 // len(unit)))

    assert normalise(pattern) == pattern


def test_group_key_is_that_of_the_pattern() -> None:
    key = group_key("User 123 not found", exact=False, fingerprint=None)

    assert len(key) == KEY_BYTES
    assert key == group_key("User 456 not found", exact=False, fingerprint=None)
    assert key != group_key("User 123 not found", exact=True, fingerprint=None)


def test_exact_group_key_tells_messages_apart() -> None:
    keys = {group_key(f"User {n} not found", exact=True, fingerprint=None) for n in (1, 2, 2)}

    assert len(keys) == 2


def test_fingerprint_overrides_the_message() -> None:
    first = group_key("a", exact=False, fingerprint=("db", "timeout"))

    assert first == group_key("b", exact=True, fingerprint=("db", "timeout"))
    assert first != group_key("a", exact=False, fingerprint=("dbt", "imeout"))


@pytest.mark.parametrize("default", ["{{ default }}", "{{default}}"])
def test_default_in_a_fingerprint_stands_for_the_message(default: str) -> None:
    def key(message: str, *fingerprint: str) -> bytes:
        return group_key(message, exact=False, fingerprint=fingerprint)

    assert key("a 1", default, "x") == key("a 2", default, "x")
    assert key("a 1", default, "x") != key("b 1", default, "x")
    assert key("a 1", default) == group_key("a 1", exact=False, fingerprint=None)


def test_empty_fingerprint_is_none() -> None:
    assert group_key("a", exact=False, fingerprint=()) == group_key(
        "a", exact=False, fingerprint=None
    )


@given(
    st.lists(st.text(max_size=3), min_size=1, max_size=3),
    st.lists(st.text(max_size=3), min_size=1, max_size=3),
)
def test_different_fingerprints_have_different_keys(one: list[str], other: list[str]) -> None:
    keys = {group_key("a", exact=False, fingerprint=tuple(each)) for each in (one, other)}

    assert len(keys) == 1 + (one != other)


def test_message_below_the_limit_is_its_own_address() -> None:
    message = "あ" * 208 + "ab"

    assert len(message.encode()) == TRUNCATION_BYTES - 1
    assert truncate(message) is message


def test_truncated_form_reaches_the_limit_and_ends_in_the_hash_of_the_rest() -> None:
    digest = hashlib.sha256("あrest".encode()).hexdigest()

    assert truncate("あ" * 210 + "rest") == "あ" * 209 + f"{TRUNCATION_MARK}{digest}"


def test_character_that_crosses_the_limit_stays_whole() -> None:
    digest = hashlib.sha256(b"").hexdigest()

    assert truncate("a" * 626 + "😀") == "a" * 626 + f"😀{TRUNCATION_MARK}{digest}"


@given(st.text(max_size=300), st.integers(1, 5))
def test_truncated_form_is_taken_as_it_is(text: str, times: int) -> None:
    message = text * times
    truncated = truncate(message)

    assert truncate(truncated) == truncated
    assert is_truncated(truncated) == (len(message.encode()) >= TRUNCATION_BYTES)
    if is_truncated(truncated):
        assert normalise(truncated) == truncated


@pytest.mark.parametrize(
    "text",
    [
        "a" * 627 + TRUNCATION_MARK,
        "a" * 627 + TRUNCATION_MARK + "0" * 63,
        "a" * 626 + TRUNCATION_MARK + "0" * 64,
        "a" * 628 + TRUNCATION_MARK + "0" * 64,
    ],
)
def test_text_of_another_shape_is_no_truncated_form(text: str) -> None:
    assert not is_truncated(text)


def test_address_key_is_of_its_own_kind() -> None:
    truncated = truncate("a" * 700)

    assert address_key(truncated) != group_key(truncated, exact=True, fingerprint=None)
    assert address_key(truncated) == address_key(truncated)
