"""What is posted to Slack, and that nothing in it is more than text."""

import asyncio
from typing import Any

import pytest

from faultline_lite.exceptions import ChannelConfigError
from faultline_lite.notifications.channels import ChannelConfig
from faultline_lite.notifications.messages import Message
from faultline_lite.notifiers import parse_config
from faultline_lite.notifiers.slack import SlackConfig, escape, make_payload, send
from faultline_lite.notifiers.texts import visible
from tests.fakes import FakeSlack, FakeTrackedIssues
from tests.fakes.slack import controls_in, shown_as, texts_of
from tests.messages import HOSTILE, make_error, make_hostile_error, make_message, make_occurrence
from tests.outgoing import open_way_out

CONFIG = SlackConfig(endpoint="https://hooks.slack.com/services/T0/B0/secret", channel="#random")


def deliver(message: Message, **fields: Any) -> dict[str, Any]:
    """Return the payload that Slack posted for the message."""

    async def run() -> dict[str, Any]:
        slack = FakeSlack()
        async with slack.run(), open_way_out() as http:
            config = SlackConfig(**{"endpoint": slack.endpoint, "channel": "#random", **fields})
            outcome = await send(http, config, message, FakeTrackedIssues())

        assert outcome == "posted"
        (payload,) = slack.messages
        return payload

    return asyncio.run(run())


def test_single_occurrence_looks_as_the_original_sends_it() -> None:
    payload = deliver(
        make_message(),
        username="faultline-notify",
        icon_emoji=":sushi:",
        icon_url="https://example.com/icon.png",
        timezone="Asia/Tokyo",
    )

    assert payload == {
        "channel": "#random",
        "username": "faultline-notify",
        "icon_emoji": ":sushi:",
        "icon_url": "https://example.com/icon.png",
        "attachments": [
            {
                "fallback": "Undefined index: faultline",
                "title": "Undefined index: faultline",
                "title_link": "https://errors.example.com/projects/sample-project/errors/1",
                "color": "#E06A3B",
                "ts": 1_481_036_400,
                "fields": [
                    {"title": "project", "value": "sample-project", "short": True},
                    {"title": "type", "value": "notice", "short": True},
                    {"title": "timestamp", "value": "2016-12-07T00:00:00+09:00", "short": True},
                    {
                        "title": "backtrace",
                        "value": "/var/www/user.php(15) User-&gt;edit()\n/var/www/index.php(3)",
                        "short": False,
                    },
                ],
                "mrkdwn_in": [],
            }
        ],
        "mrkdwn": False,
        "parse": "none",
        "link_names": 0,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def test_backtrace_that_is_empty_has_no_heading() -> None:
    error = make_error(occurrence=make_occurrence(backtrace=[]))

    (attachment,) = make_payload(CONFIG, make_message(error))["attachments"]

    titles = [field["title"] for field in attachment["fields"]]
    assert titles == ["project", "type", "timestamp"]


def test_batch_says_how_many_and_shows_twenty() -> None:
    errors = [make_error(error_id=n, message=f"error {n}", occurrences=2) for n in range(25)]
    message = make_message(
        *errors, error_count=30, occurrence_count=1234, notes=("7 were held back by the cap",)
    )

    payload = deliver(message)

    assert payload["text"] == (
        "1,234 occurrences of 30 errors\n7 were held back by the cap\n… and 10 more errors"
    )
    titles = [attachment["title"] for attachment in payload["attachments"]]
    assert titles == [f"error {n}" for n in range(20)]


def test_message_without_errors_says_its_notes() -> None:
    message = Message(errors=(), error_count=0, occurrence_count=0, notes=("12 were held back",))

    payload = deliver(message)

    assert (payload["text"], "attachments" in payload) == ("12 were held back", False)


@pytest.mark.parametrize(
    ("reason", "occurrences", "total", "text"),
    [
        ("first", 1, 1, None),
        ("repeated", 5, 5, "5 occurrences"),
        ("repeated", 1, 12, "12 in all"),
        ("regression", 2, 1200, "came back after it was resolved, 2 occurrences, 1,200 in all"),
    ],
)
def test_attachment_counts(reason: str, occurrences: int, total: int, text: str | None) -> None:
    error = make_error(reason=reason, occurrences=occurrences, total=total)

    (attachment,) = make_payload(CONFIG, make_message(error))["attachments"]

    assert attachment.get("text") == text


@pytest.mark.parametrize("link", [None, "javascript:alert(1)"])
def test_title_links_to_web_pages_only(link: str | None) -> None:
    (attachment,) = make_payload(CONFIG, make_message(make_error(link=link)))["attachments"]

    assert "title_link" not in attachment


def test_hostile_report_shows_as_text_and_mentions_nobody() -> None:
    payload = deliver(make_message(*[make_hostile_error(error_id=n) for n in range(25)]))

    assert controls_in(payload) == []
    attachment = payload["attachments"][0]
    assert (
        shown_as(attachment["title"])
        == visible(HOSTILE)[: len(shown_as(attachment["title"])) - 1] + "…"
    )
    assert len(payload["attachments"]) == 20


def test_short_hostile_text_is_shown_whole() -> None:
    for line in HOSTILE.split("\n"):
        title = make_payload(CONFIG, make_message(make_error(message=line)))["attachments"][0][
            "title"
        ]

        assert (controls_in({"text": title}), shown_as(title)) == ([], visible(line))


def test_long_texts_are_cut_where_slack_cuts_them() -> None:
    frames = [{"file": "x" * 5_000, "line": 1, "function": "<" * 5_000}] * 100
    error = make_error(
        message="<" * 100_000,
        type="&" * 100_000,
        project="p" * 100_000,
        occurrence=make_occurrence(backtrace=frames),
    )
    message = make_message(*[error] * 20, notes=("n" * 100_000,))

    payload = deliver(message)

    sizes = [len(text) for text in texts_of(payload)]
    assert max(sizes) <= 4_000
    assert sum(sizes) <= 40_000
    assert controls_in(payload) == []


@pytest.mark.parametrize(
    ("text", "limit", "escaped"),
    [
        ("a<b>&c", 100, "a&lt;b&gt;&amp;c"),
        ("&lt;", 100, "&amp;lt;"),
        ("abcdef", 5, "abcd…"),
        ("abcde", 5, "abcde"),
        # An escape is never cut through.
        ("abc<", 5, "abc…"),
        ("a<b", 6, "a&lt;b"),
        ("a<<", 6, "a&lt;…"),
    ],
)
def test_escape_is_whole_and_within_the_limit(text: str, limit: int, escaped: str) -> None:
    assert escape(text, limit) == escaped


def test_config_is_read_in_both_spellings_and_shows_no_secret() -> None:
    given = {"type": "slack", "endpoint": CONFIG.endpoint, "channel": "#random"}
    camel = parse_config({**given, "iconEmoji": ":sushi:", "iconUrl": "https://i.example"})
    snake = parse_config({**given, "icon_emoji": ":sushi:", "icon_url": "https://i.example"})

    assert camel == snake
    assert isinstance(camel, ChannelConfig)
    assert (camel.label, repr(camel)) == ("slack #random", "SlackConfig(slack #random)")
    assert camel.conceal(f"{CONFIG.endpoint} services/T0/B0/secret") == "[concealed] [concealed]"


@pytest.mark.parametrize(
    "endpoint",
    [
        "hooks.slack.com/services/x",
        "ftp://a/secret",
        "https://",
        "https://u:p@a/secret",
        "https://[a",
    ],
)
def test_endpoint_that_cannot_work_is_named_but_not_quoted(endpoint: str) -> None:
    with pytest.raises(ChannelConfigError) as caught:
        parse_config({"type": "slack", "endpoint": endpoint, "channel": "#random"})

    (problem,) = caught.value.problems
    assert (problem.path, "secret" in problem.message) == (("endpoint",), False)
