"""What is read out of a payload, and which program a user agent is."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultline_lite.facets import (
    FACETS,
    MAX_VALUE_CHARACTERS,
    Facet,
    name_program,
    read_facets,
    read_user_and_version,
)

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 "
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(("user", "id", "url", "Auth", "User", "x")), inner)
    ),
    max_leaves=8,
)


def facets_of(payload: bytes) -> dict[Facet, str]:
    """Return the facets that the payload has."""
    values = zip(FACETS, read_facets(payload), strict=True)
    return {facet: value for facet, value in values if value is not None}


def payload(**parts: Any) -> bytes:
    return json.dumps({"message": "boom", "type": "_", **parts}).encode()


def test_every_facet_is_read_from_where_clients_put_it() -> None:
    context = {
        "environment": "production",
        "version": "1.4.2",
        "url": "https://shop.example.com/cart/77/items?coupon=a%20b#top",
        "userAgent": CHROME + "Safari/537.36",
        "hostname": "web01",
        "component": "orders",
        "action": "checkout",
        "user": {"id": 42, "name": "taro"},
        "severity": "error",
    }

    assert facets_of(payload(context=context)) == {
        "environment": "production",
        "version": "1.4.2",
        "path": "/cart/<int>/items",
        "userAgent": "Chrome",
        "hostname": "web01",
        "component": "orders",
        "action": "checkout",
        "user": "42",
    }


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"context": None, "session": None, "params": None},
        # An empty map of PHP's.
        {"context": [], "session": [], "params": []},
        {"context": {"version": "", "hostname": "  ", "url": None, "environment": {"a": 1}}},
        {"context": {"version": "[scrubbed]", "user": {"id": "[scrubbed]"}, "action": True}},
        {"session": {"user": {}, "Auth": [], "warden.user.user.key": [[]]}},
    ],
)
def test_what_says_nothing_is_no_value(parts: dict[str, Any]) -> None:
    assert facets_of(payload(**parts)) == {}


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://example.com", "/"),
        ("https://example.com?page=2", "/"),
        ("/users/6fa459ea-ee8a-3ca4-894e-db77e160355e/edit", "/users/<uuid>/edit"),
        ("//example.com/a/b/", "/a/b/"),
        ("https://user:secret@example.com/private", "/private"),
        ("https://例え.jp/商品/注文123", "/商品/注文<int>"),
        ("https://example.com/?return=https://example.com/other", "/"),
    ],
)
def test_path_of_a_url_stands_for_all_of_its_kind(url: str, path: str) -> None:
    assert facets_of(payload(context={"url": url})) == {"path": path}


@pytest.mark.parametrize(
    ("parts", "user"),
    [
        ({"context": {"user": {"id": 7, "email": "a@example.com"}}}, "7"),
        ({"context": {"user": {"email": "a@example.com", "name": "taro"}}}, "a@example.com"),
        ({"context": {"user": {"id": None, "username": "taro"}}}, "taro"),
        ({"context": {"user": "taro"}}, "taro"),
        ({"context": {"userId": 0}}, "0"),
        ({"session": {"user_id": "s7"}}, "s7"),
        ({"session": {"user": {"id": "s8"}}}, "s8"),
        ({"session": {"Auth": {"User": {"id": "9", "username": "cake"}}}}, "9"),
        ({"session": {"Auth": {"id": 10, "username": "cake"}}}, "10"),
        ({"session": {"warden.user.user.key": [[11], "$2a$11$abc"]}}, "11"),
        ({"params": {"user_id": "12"}}, "12"),
        ({"params": {"user_id": "1"}, "context": {"user": {"id": "2"}}}, "2"),
        ({"session": {"user_id": ""}, "params": {"userId": "13"}}, "13"),
        ({"params": {"id": "14"}}, None),
    ],
)
def test_user_is_found_where_it_is_known(parts: dict[str, Any], user: str | None) -> None:
    assert read_user_and_version(payload(**parts)) == (user, None)


@pytest.mark.parametrize(
    ("user_agent", "program"),
    [
        (CHROME + "Safari/537.36", "Chrome"),
        (CHROME + "Safari/537.36 Edg/140.0", "Edge"),
        (CHROME + "Safari/537.36 OPR/120.0", "Opera"),
        (CHROME.replace("Chrome", "HeadlessChrome") + "Safari/537.36", "Headless Chrome"),
        (CHROME + "Mobile Safari/537.36 SamsungBrowser/25.0", "Samsung Internet"),
        ("Mozilla/5.0 (iPhone) AppleWebKit/605 Version/17.0 Mobile Safari/604", "Safari"),
        ("Mozilla/5.0 (iPhone) AppleWebKit/605 CriOS/120.0 Mobile Safari/604", "Chrome"),
        ("Mozilla/5.0 (iPhone) AppleWebKit/605 Safari Line/14.1.0", "LINE"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox"),
        ("Mozilla/5.0 (Windows NT 10.0; Trident/7.0; rv:11.0) like Gecko", "Internet Explorer"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://google.com/bot.html)", "Googlebot"),
        ("Mozilla/5.0 (X11) Test", "Mozilla"),
        ("curl/7.88.1", "curl"),
        ("GuzzleHttp/6.5.5 curl/7.88.1 PHP/8.2.36", "GuzzleHttp"),
        ("python-requests/2.32", "python-requests"),
        ("Go-http-client/1.1", "Go-http-client"),
        ("(nothing)", ""),
    ],
)
def test_program_is_named_whatever_its_version(user_agent: str, program: str) -> None:
    assert name_program(user_agent) == program


def test_long_values_are_cut() -> None:
    found = facets_of(payload(context={"action": "a" * 10_000, "userAgent": "b" * 10_000}))

    assert {len(value) for value in found.values()} == {MAX_VALUE_CHARACTERS}


@given(JSON, JSON, JSON)
def test_any_shape_is_read(context: Any, session: Any, params: Any) -> None:
    maps = [each if isinstance(each, dict | list) else None for each in (context, session, params)]
    parts = dict(zip(("context", "session", "params"), maps, strict=True))

    found = facets_of(payload(**parts))

    assert all(value == value.strip() and value for value in found.values())
    assert (found.get("user"), found.get("version")) == read_user_and_version(payload(**parts))
