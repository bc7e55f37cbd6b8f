"""Every kind of channel beside every way in which the other side can fail."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from faultline_lite.exceptions import ChannelConfigError, NotifyError
from faultline_lite.notifications.channels import ChannelConfig
from faultline_lite.notifiers import NOTIFIERS, notifier_of, parse_config
from tests.fakes import (
    Answer,
    FakeGitHub,
    FakeGitLab,
    FakeServer,
    FakeSlack,
    FakeTrackedIssues,
    Fault,
    Request,
)
from tests.fakes.github import TOKEN as GITHUB_TOKEN
from tests.fakes.gitlab import TOKEN as GITLAB_TOKEN
from tests.fakes.http import Reply
from tests.messages import make_message
from tests.outgoing import open_way_out

SECRETS = ("T0/B0/secret", GITHUB_TOKEN, GITLAB_TOKEN, "hook-secret", "signing-secret")


SERVERS: dict[str, Callable[[], FakeServer]] = {
    "slack": FakeSlack,
    "github": FakeGitHub,
    "gitlab": FakeGitLab,
    "webhook": lambda: FakeServer(lambda request: Answer(200)),
}
KINDS = list(SERVERS)
every_kind = pytest.mark.parametrize("kind", KINDS)


def make_config(kind: str, url: str) -> ChannelConfig:
    fields = {
        "slack": {"endpoint": f"{url}/services/T0/B0/secret", "channel": "#random"},
        "github": {
            "endpoint": f"{url}/api/v3",
            "userToken": GITHUB_TOKEN,
            "owner": "owner",
            "repo": "repo",
        },
        "gitlab": {
            "endpoint": url,
            "personalAccessToken": GITLAB_TOKEN,
            "owner": "group/sub",
            "repo": "repo",
        },
        "webhook": {"endpoint": f"{url}/hook-secret", "secret": "signing-secret"},
    }
    return parse_config({"type": kind, **fields[kind]})


def deliver(
    kind: str,
    server: FakeServer,
    *,
    issues: FakeTrackedIssues | None = None,
    timeout_seconds: float = 5.0,
) -> str:
    """Send one message to the server; return what was done, or raise NotifyError."""

    async def run() -> str:
        async with server.run(), open_way_out(timeout_seconds) as http:
            config = make_config(kind, server.url)
            memory = issues or FakeTrackedIssues()
            return await notifier_of(config).send(http, config, make_message(), memory)

    return asyncio.run(run())


def outcome_of(kind: str, server: FakeServer, **how: Any) -> tuple[bool | None, float | None, str]:
    """Return whether the failure is final, when it asks to be tried again, and what it says."""
    try:
        return (None, None, deliver(kind, server, **how))
    except NotifyError as failure:
        return (failure.permanent, failure.retry_after_seconds, failure.reason)


@every_kind
@pytest.mark.parametrize(
    ("status", "headers", "permanent", "retry_after_seconds"),
    [
        (302, {"Location": "http://169.254.169.254/"}, True, None),
        (400, {}, True, None),
        (401, {}, True, None),
        (403, {}, True, None),
        (404, {}, True, None),
        (408, {}, False, None),
        (410, {}, True, None),
        (422, {}, True, None),
        (429, {"Retry-After": "17"}, False, 17),
        (500, {}, False, None),
        (502, {}, False, None),
        (503, {"Retry-After": "17"}, False, 17),
    ],
)
def test_answer_is_final_or_to_be_tried_again(
    kind: str,
    status: int,
    headers: dict[str, str],
    permanent: bool,
    retry_after_seconds: float | None,
) -> None:
    server = SERVERS[kind]()
    server.replies.append(Answer(status, b"", headers))

    outcome = outcome_of(kind, server)

    assert outcome[:2] == (permanent, retry_after_seconds)
    assert str(status) in outcome[2]
    assert len(server.requests) == 1


@every_kind
@pytest.mark.parametrize("fault", [Fault.HANG, Fault.DRIP, Fault.RESET, Fault.CUT, Fault.GARBAGE])
def test_fault_on_the_way_is_to_be_tried_again(kind: str, fault: Fault) -> None:
    server = SERVERS[kind]()
    server.replies.append(fault)

    permanent, retry_after_seconds, _ = outcome_of(kind, server, timeout_seconds=0.4)

    assert (permanent, retry_after_seconds) == (False, None)


@every_kind
@pytest.mark.parametrize("fault", [Fault.HUGE, Fault.BOMB])
def test_huge_answer_is_cut_and_believed_only_where_its_status_is_enough(
    kind: str, fault: Fault
) -> None:
    server = SERVERS[kind]()
    server.replies.append(fault)

    permanent, _, said = outcome_of(kind, server)

    believed = kind in {"slack", "webhook"}
    assert permanent is (None if believed else False)
    assert ("something else than expected" in said) is not believed
    assert server.sent_bytes < 20 * 2**20


@every_kind
def test_no_failure_says_a_secret(kind: str) -> None:
    server = SERVERS[kind]()

    def echo(request: Request) -> Answer:
        """Answer with all that was sent, as some gateways do."""
        sent = f"{request.target} {request.headers} {request.body!r}"
        return Answer(403, {"message": sent, "error": sent})

    server.handler = echo

    _, _, said = outcome_of(kind, server)

    assert "403" in said
    assert [secret for secret in SECRETS if secret in said] == []


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.GARBAGE, Answer(500)])
@pytest.mark.parametrize("before", [True, False], ids=["not done", "done"])
@pytest.mark.parametrize("step", range(6))
@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_failure_at_any_step_leads_to_one_issue_in_the_end(
    kind: str, step: int, before: bool, fault: Reply
) -> None:
    server = SERVERS[kind]()
    assert isinstance(server, FakeGitHub | FakeGitLab)
    work = server.handler

    def fail_once(request: Request) -> Reply:
        """Fail at that step, the request being done or not, as a lost answer leaves it open."""
        if len(server.requests) - 1 != step:
            return work(request)
        if not before:
            work(request)
        return fault

    server.handler = fail_once
    memory = FakeTrackedIssues()

    # Told twice, and each time until it is delivered.
    outcomes = [outcome_of(kind, server, issues=memory) for _ in range(4)]

    assert [permanent for permanent, *_ in outcomes if permanent] == []
    assert len(server.issues) == 1
    assert memory.numbers == {7: 1}
    assert server.problems == []


def test_every_kind_of_the_agreement_is_there() -> None:
    assert set(KINDS) <= set(NOTIFIERS)
    assert {kind: each.one_error_each for kind, each in NOTIFIERS.items() if kind in KINDS} == {
        "slack": False,
        "github": True,
        "gitlab": True,
        "webhook": False,
    }
    assert {kind for kind, each in NOTIFIERS.items() if each.close} == {"github", "gitlab"}


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("secret", ()),
        ({}, ("type",)),
        ({"type": "secret"}, ("type",)),
        ({"type": ["slack"]}, ("type",)),
        ({"type": "slack", "channel": "#a"}, ("endpoint",)),
        ({"type": "github", "userToken": {"secret": 1}, "owner": "a", "repo": "b"}, ("userToken",)),
    ],
)
def test_config_that_is_none_is_refused_by_its_field(value: Any, path: tuple[str, ...]) -> None:
    with pytest.raises(ChannelConfigError) as caught:
        parse_config(value)

    (problem,) = caught.value.problems
    assert (problem.path, "secret" in problem.message) == (path, False)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    restrict = {"expires": "tomorrow", "max_per_hour": 0}
    value = {"type": "github", "owner": "a b", "timezone": "Mars", "restrict": restrict}
    with pytest.raises(ChannelConfigError) as caught:
        parse_config({**value, "endpoint": "secret"})

    assert {problem.path for problem in caught.value.problems} == {
        ("timezone",),
        ("restrict", "expires"),
        ("restrict", "max_per_hour"),
        ("owner",),
        ("repo",),
        ("userToken",),
        ("endpoint",),
    }
    assert "secret" not in str(caught.value)
