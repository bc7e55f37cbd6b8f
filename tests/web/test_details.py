import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faultline_lite.web.details import MAX_BREADCRUMBS, read_details
from tests.web.test_tree import JSON

FIXTURES = sorted((Path(__file__).parents[1] / "fixtures").glob("faultline-*/*.json"))
#: What has a meaning for the page, and may be of any shape.
NAMES = [
    *("message", "type", "backtrace", "causes", "breadcrumbs", "context", "session", "params"),
    *("environment", "event", "timestamp"),
]


def _read(**payload: Any) -> Any:
    return read_details({"message": "m", "type": "t", **payload})


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(NAMES) | st.text(), JSON))
def test_payload_of_any_shape_is_read(payload: dict[str, Any]) -> None:
    assert read_details(payload).message_left_out == 0


@settings(max_examples=50)
@given(
    st.fixed_dictionaries(
        {
            "context": st.dictionaries(
                st.sampled_from(["url", "userAgent", "rootDirectory", "history", "version"]), JSON
            ),
            "breadcrumbs": st.lists(
                st.dictionaries(st.sampled_from(["timestamp", "type", "message", "data"]), JSON)
            ),
            "causes": st.lists(st.dictionaries(st.sampled_from(["type", "message"]), JSON)),
        }
    )
)
def test_parts_of_any_shape_are_read(payload: dict[str, Any]) -> None:
    assert read_details(payload).message == ""


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_report_of_a_real_client_is_read(fixture: Path) -> None:
    request = json.loads(fixture.read_text())
    if request["method"] != "POST":
        pytest.skip("a preflight")
    report = json.loads(request.get("body_text") or request["decoded_body_text"])
    for entry in report["errors"]:
        details = read_details({**report, **entry})

        assert details.message == entry["message"][:10_000]
        assert details.backtrace.total == len(entry.get("backtrace") or [])


@pytest.mark.parametrize(
    ("url", "is_link"),
    [
        ("https://example.com/a?b=c", True),
        ("HTTP://example.com", True),
        ("javascript:alert(1)", False),
        ("\x01javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//example.com", False),
        ("http://[", False),
        ("/users/1", False),
    ],
)
def test_only_web_addresses_become_links(url: str, is_link: bool) -> None:
    assert _read(context={"url": url}).request.is_link is is_link


def test_breadcrumbs_of_each_client_are_found() -> None:
    sentry = _read(breadcrumbs={"values": [{"timestamp": 1.5, "category": "ui", "message": "x"}]})
    airbrake = _read(
        context={"history": [{"type": "xhr", "url": "/a", "date": "1970-01-01T00:00:02Z"}]}
    )

    (first,), (second,) = sentry.breadcrumbs, airbrake.breadcrumbs
    assert first[:4] == (1500, "ui", "", "x")
    assert second[:4] == (2000, "xhr", "", "/a")


def test_what_a_breadcrumb_carries_is_not_wrapped_in_a_field_of_its_own() -> None:
    wrapped, beside = _read(
        breadcrumbs=[
            {"message": "x", "data": {"a": 1}},
            {"message": "y", "data": {}, "b": {"c": 2}},
        ]
    ).breadcrumbs

    assert [node.key for node in wrapped.rest.children] == ["a"]
    assert [node.key for node in beside.rest.children] == ["b"]


@pytest.mark.parametrize(
    ("told", "tag"),
    [
        ({"id": 7, "name": "山田 太郎", "email": "y@example.com"}, "7 · 山田 太郎 · y@example.com"),
        ({"email": "7"}, "7"),
        ("7", "7"),
        (None, "7"),
    ],
)
def test_user_is_named_beside_the_id(told: Any, tag: str) -> None:
    payload = {"message": "m", "context": {"version": "1.0", "user": told}}

    assert read_details(payload, "7").tags == (("version", "1.0"), ("user", tag))
    assert read_details(payload).tags == (("version", "1.0"),)


def test_the_latest_breadcrumbs_are_kept() -> None:
    crumbs = [{"message": str(number)} for number in range(MAX_BREADCRUMBS + 3)]

    details = _read(breadcrumbs=crumbs)
    assert (details.breadcrumbs[0].text, details.breadcrumbs_left_out) == ("3", 3)


def test_field_that_nobody_knows_has_a_place() -> None:
    trees = dict(_read(surprise={"a": 1}).trees)

    assert [node.key for node in trees["others"].children] == ["surprise"]
