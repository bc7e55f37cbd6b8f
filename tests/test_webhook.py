"""What is posted to a web hook, and how it is signed."""

import asyncio
import hashlib
import hmac
from typing import Any

import pytest

from faultline_lite.notifications.messages import Message
from faultline_lite.notifiers import parse_config
from faultline_lite.notifiers.webhook import MAX_BODY_BYTES, WebhookConfig, make_body, send, sign
from faultline_lite.timekeys import FIRST_MS, LAST_MS
from tests.fakes import Answer, FakeServer, FakeTrackedIssues, Request
from tests.messages import (
    HOSTILE,
    make_error,
    make_hostile_error,
    make_message,
    make_occurrence,
)
from tests.outgoing import open_way_out


def deliver(message: Message, **fields: Any) -> Request:
    """Return the request that the hook got."""

    async def run() -> Request:
        hook = FakeServer(lambda request: Answer(204))
        async with hook.run(), open_way_out() as http:
            config = WebhookConfig(endpoint=f"{hook.url}/hook?key=k", **fields)
            outcome = await send(http, config, message, FakeTrackedIssues())

        assert outcome == "answered 204"
        (request,) = hook.requests
        return request

    return asyncio.run(run())


def test_body_is_our_message() -> None:
    request = deliver(make_message(notes=("one more",)), timezone="Asia/Tokyo")

    assert (request.method, request.target) == ("POST", "/hook?key=k")
    assert request.headers["content-type"] == "application/json"
    assert "x-faultline-signature" not in request.headers
    assert request.json == {
        "version": 1,
        "deliveryId": 0,
        "errors": [
            {
                "project": "sample-project",
                "message": "Undefined index: faultline",
                "type": "notice",
                "reason": "first",
                "occurrences": 1,
                "total": 1,
                "timestamp": "2016-12-07T00:00:00+09:00",
                "reversedUnixtime": "9007197773704591",
                "link": "https://errors.example.com/projects/sample-project/errors/1",
                "occurrence": make_occurrence(),
            }
        ],
        "errorCount": 1,
        "occurrenceCount": 1,
        "notes": ["one more"],
    }


@pytest.mark.parametrize(
    ("timestamp_ms", "timezone", "shown"),
    [
        (FIRST_MS, "America/New_York", "0001-01-01T00:00:00+00:00"),
        (LAST_MS, "Asia/Tokyo", "9999-12-31T23:59:59+00:00"),
    ],
)
def test_time_that_its_zone_has_no_place_for_is_in_utc(
    timestamp_ms: int, timezone: str, shown: str
) -> None:
    request = deliver(make_message(make_error(timestamp_ms=timestamp_ms)), timezone=timezone)

    assert request.json["errors"][0]["timestamp"] == shown


def test_signature_is_the_hmac_of_the_very_bytes() -> None:
    request = deliver(make_message(make_hostile_error()), secret="ひみつ")

    expected = hmac.new("ひみつ".encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-faultline-signature"] == expected


def test_signature_of_a_known_message() -> None:
    # RFC 4231, section 4.3, test case 2.
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"

    assert sign("Jefe", b"what do ya want for nothing?") == expected


def test_hostile_report_arrives_as_it_is() -> None:
    (error,) = deliver(make_message(make_hostile_error())).json["errors"]

    assert (error["message"], error["type"], error["project"]) == (HOSTILE, HOSTILE, HOSTILE)
    assert error["occurrence"]["params"] == {"c": HOSTILE}


def test_large_occurrences_are_left_out_from_the_last_on() -> None:
    large = make_error(occurrence={"params": "x" * 400_000}, message="m" * 100_000)
    message = make_message(large, large, large, large)

    body = make_body(WebhookConfig(endpoint="https://h.example"), message)

    entries = deliver(message).json["errors"]
    assert len(body) <= MAX_BODY_BYTES
    assert [entry["occurrence"] is None for entry in entries] == [False, False, True, True]
    assert {len(entry["message"]) for entry in entries} == {10_000}


def test_config_shows_the_host_only() -> None:
    config = parse_config(
        {"type": "webhook", "endpoint": "https://h.example:8443/secret/path?k=1", "secret": "s" * 9}
    )

    concealed = config.conceal("https://h.example:8443/secret/path?k=1 secret/path?k=1 sssssssss")
    assert (config.label, concealed) == ("webhook h.example", "[concealed] [concealed] [concealed]")


@pytest.mark.parametrize("field", ["secret", "endpoint"])
def test_channel_is_another_one_where_url_or_secret_differ(field: str) -> None:
    given = {"type": "webhook", "endpoint": "https://h.example/a", "secret": "one"}

    other = parse_config({**given, field: "https://h.example/b"})

    assert parse_config(given).destination != other.destination
