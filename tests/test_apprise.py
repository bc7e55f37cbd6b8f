"""Apprise beside the server: what it sends, what it may reach, how it fails."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from faultline_lite.egress.destinations import Destinations
from faultline_lite.egress.guard import Egress
from faultline_lite.exceptions import ChannelConfigError, NotifyError
from faultline_lite.notifications.messages import Message
from faultline_lite.notifiers import parse_config
from faultline_lite.notifiers.apprise import AppriseConfig, make_texts, send
from tests.fakes import Answer, FakeServer, FakeTrackedIssues, Fault
from tests.fakes.http import Reply
from tests.messages import HOSTILE, make_error, make_hostile_error, make_message, make_occurrence
from tests.outgoing import open_way_out

CONFIG = AppriseConfig(url="json://hooks.example.com/secret-path")


async def outcome_of(http: Egress, url: str, message: Message | None = None) -> Any:
    """Return what was done, or whether the failure is final, when to try again, what it says."""
    config = AppriseConfig(url=url)
    try:
        return await send(http, config, message or make_message(), FakeTrackedIssues())
    except NotifyError as failure:
        return (failure.permanent, failure.retry_after_seconds, failure.reason)


def texts_sent(message: Message) -> list[dict[str, Any]]:
    """Return what arrives where a URL asks for what is too long to come in several messages."""

    async def run() -> list[dict[str, Any]]:
        server = FakeServer(lambda request: Answer(200))
        async with server.run(), open_way_out() as http:
            url = f"json://127.0.0.1:{server.port}/secret-path?overflow=split"
            assert await outcome_of(http, url, message) == "sent to JSON"
        return [request.json for request in server.requests]

    return asyncio.run(run())


def test_message_is_sent_as_text() -> None:
    (sent,) = texts_sent(make_message())

    assert (sent["title"], sent["type"]) == ("[notice] Undefined index: faultline", "failure")
    assert sent["message"] == (
        "Undefined index: faultline\n"
        "sample-project: notice\n"
        "2016-12-06T15:00:00+00:00, its first occurrence\n"
        "/var/www/user.php(15) User->edit()\n"
        "/var/www/index.php(3)\n"
        "https://errors.example.com/projects/sample-project/errors/1"
    )


def test_message_that_is_too_long_for_the_service_is_cut_and_one() -> None:
    huge = "long " * 20_000
    frames = [{"file": huge, "line": 1, "function": None}] * 3
    error = make_error(message=huge, occurrence=make_occurrence(backtrace=frames))
    (sent,) = texts_sent(make_message(*[error] * 20))

    # The limit of this service in Apprise, NotifyJSON.body_maxlen.
    assert 20_000 < len(sent["message"]) <= 32_768


def test_answers_and_faults_mean_what_they_mean_to_other_channels() -> None:
    replies: list[tuple[Reply, Any]] = [
        (Answer(404), (True, None, "Apprise (JSON) answered 404")),
        (Answer(429, headers={"Retry-After": "17"}), (False, 17, "Apprise (JSON) answered 429")),
        (Answer(500), (False, None, "Apprise (JSON) answered 500")),
        (Fault.RESET, (False, None, "Apprise (JSON) could not be reached")),
        (Fault.HANG, (False, None, "Apprise (JSON) could not be reached")),
        (Fault.HUGE, "sent to JSON"),
    ]

    async def run() -> list[Any]:
        async with open_way_out() as http:
            return await asyncio.gather(*[fail(http, reply) for reply, _ in replies])

    async def fail(http: Egress, reply: Reply) -> Any:
        server = FakeServer(lambda request: reply)
        async with server.run():
            # Apprise's own time limits, in the URL, are what makes the one that hangs short.
            return await outcome_of(http, f"json://127.0.0.1:{server.port}/?rto=0.2&cto=2.0")

    assert asyncio.run(run()) == [outcome for _, outcome in replies]


def test_redirect_is_not_followed_even_where_the_url_asks_for_it() -> None:
    async def run() -> tuple[Any, list[str]]:
        server = FakeServer(lambda request: Answer(307, headers={"Location": "/elsewhere"}))
        async with server.run(), open_way_out() as http:
            url = f"json://127.0.0.1:{server.port}/here/?redirect=yes"
            outcome = await outcome_of(http, url)
        return outcome, [request.path for request in server.requests]

    outcome, paths = asyncio.run(run())

    assert outcome == (True, None, "Apprise (JSON) answered 307")
    assert [path.rstrip("/") for path in paths] == ["/here"]


def test_destinations_are_those_of_the_guard_whatever_the_service() -> None:
    async def run() -> list[Any]:
        server = FakeServer(lambda request: Answer(200))
        async with server.run():
            port = server.port
            urls = [
                f"json://127.0.0.1:{port}/secret",
                f"json://2130706433:{port}/secret",
                "xml://169.254.169.254/latest/meta-data",
                f"mailto://user:secret@example.com?smtp=localhost&port={port}&mode=insecure",
                f"jsons://127.0.0.1:{port}/secret",
            ]
            http = Egress(Destinations(), allow_http=True, process_timeout_seconds=60)
            outcomes = await asyncio.gather(*[outcome_of(http, url) for url in urls])
            closed = Egress(Destinations(["127.0.0.1"]), process_timeout_seconds=60)
            outcomes.append(await outcome_of(closed, urls[0]))

        assert server.connections == 0
        return outcomes

    exception = "where the host is, is no public address: the server's allow_hosts can permit it"
    json_refusal = (True, None, f"Apprise (JSON): 127.0.0.1, {exception}")
    assert asyncio.run(run()) == [
        json_refusal,
        json_refusal,
        (True, None, f"Apprise (XML): 169.254.169.254, {exception}"),
        (True, None, f"Apprise (E-Mail): 127.0.0.1, {exception}"),
        json_refusal,
        (
            True,
            None,
            "Apprise (JSON) would not be encrypted: the server's allow_http can permit it",
        ),
    ]


def test_url_cannot_have_files_of_this_machine_sent(tmp_path: Path) -> None:
    template = tmp_path / "faultline.key"
    template.write_text('{"text": "secret"}')

    async def run() -> Any:
        server = FakeServer(lambda request: Answer(200))
        async with server.run(), open_way_out() as http:
            url = f"workflows://127.0.0.1:{server.port}/abc/def/?template={template}"
            outcome = await outcome_of(http, url)

        assert server.connections == 0
        return outcome

    permanent, _, reason = asyncio.run(run())

    assert (permanent, reason.partition(": ")[2]) == (
        True,
        "files of this machine are not to be read or written",
    )


def test_service_that_apprise_does_not_know_or_that_is_this_machine_is_final() -> None:
    async def run() -> list[Any]:
        async with open_way_out() as http:
            urls = ["nosuchservice://secret", "discord://secret", "syslog://", "dbus://"]
            return await asyncio.gather(*[outcome_of(http, url) for url in urls])

    unknown = (True, None, "Apprise knows no such service, or the URL lacks something")
    assert asyncio.run(run()) == [unknown] * 4


def test_missing_extra_is_a_clear_and_final_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    # As Python has it for a module that cannot be imported.
    monkeypatch.setitem(sys.modules, "apprise", None)

    async def run() -> Any:
        async with open_way_out() as http:
            return await outcome_of(http, CONFIG.url)

    assert asyncio.run(run()) == (
        True,
        None,
        "Apprise is not installed: pip install 'faultline-lite[apprise]'",
    )


def test_batch_is_one_text() -> None:
    errors = [make_error(error_id=n, message=f"error {n}", occurrences=3) for n in range(3)]
    message = make_message(*errors, error_count=5, occurrence_count=40, notes=("2 held back",))

    title, body = make_texts(CONFIG, message)

    paragraphs = body.split("\n\n")
    assert title == "40 occurrences of 5 errors"
    assert (paragraphs[0], paragraphs[-1], len(paragraphs)) == (
        "2 held back",
        "… and 2 more errors",
        5,
    )


def test_message_without_errors_is_its_notes() -> None:
    message = Message(errors=(), error_count=0, occurrence_count=0, notes=("12 were held back",))

    assert make_texts(CONFIG, message) == ("faultline-lite", "12 were held back")


def test_hostile_report_mentions_nobody_and_links_nowhere() -> None:
    title, body = make_texts(CONFIG, make_message(make_hostile_error(link=f"https://e/{HOSTILE}")))

    for text in (title, body.rpartition("\n")[0]):
        assert not [
            sign for sign in ("@e", "@o", "<!", "<@", "<#", "<h", "<s", "](") if sign in text
        ]
        assert "\0" not in text
    assert "@\u200beveryone" in body
    assert body.rpartition("\n")[2].startswith("https://e/%3C!channel%3E")


def test_long_report_is_cut() -> None:
    huge = "x" * 100_000
    error = make_error(message=huge, type=huge, project=huge)

    title, body = make_texts(CONFIG, make_message(*[error] * 20))
    single, _ = make_texts(CONFIG, make_message(error))

    assert (len(title), len(single), len(body) < 20 * 2_500) == (27, 200, True)


def test_config_shows_the_service_only() -> None:
    config = parse_config({"type": "apprise", "url": "discord://webhook_id/webhook_token"})

    assert (config.label, config.conceal("x discord://webhook_id/webhook_token")) == (
        "apprise discord",
        "x [concealed]",
    )


@pytest.mark.parametrize("url", ["discord", "://secret", "secret@", "a" * 50 + "://x"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ChannelConfigError) as caught:
        parse_config({"type": "apprise", "url": url})

    (problem,) = caught.value.problems
    assert (problem.path, "secret" in problem.message) == (("url",), False)
