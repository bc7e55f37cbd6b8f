"""GitLab's own ways: how a project is addressed, its limits, issues that moved."""

import asyncio
from dataclasses import replace

import pytest

from faultline_lite.exceptions import ChannelConfigError, NotifyError
from faultline_lite.notifiers import parse_config
from faultline_lite.notifiers.gitlab import NOTIFIER, GitLabConfig
from faultline_lite.notifiers.trackers import IfExist
from tests.fakes import Answer, FakeGitLab, FakeTrackedIssues
from tests.fakes.gitlab import PROJECT, TOKEN
from tests.messages import make_message
from tests.outgoing import open_way_out

GIVEN = {"type": "gitlab", "personalAccessToken": TOKEN, "owner": "group/sub", "repo": "repo"}
DATE = {"Date": "Wed, 07 Dec 2016 00:00:00 GMT"}


def tell(
    gitlab: FakeGitLab,
    *,
    path: str = "",
    repo: str = "repo",
    issues: FakeTrackedIssues | None = None,
    if_exist: IfExist = "reopen-and-comment",
) -> str:
    async def run() -> str:
        async with gitlab.run(), open_way_out() as http:
            config = GitLabConfig(
                personal_access_token=TOKEN,
                owner="group/sub",
                repo=repo,
                endpoint=f"{gitlab.url}{path}",
                if_exist=if_exist,
            )
            return await NOTIFIER.send(http, config, make_message(), issues or FakeTrackedIssues())

    return asyncio.run(run())


@pytest.mark.parametrize("path", ["", "/", "/api/v4", "/api/v4/"])
def test_project_is_addressed_by_its_encoded_path(path: str) -> None:
    gitlab = FakeGitLab()

    assert tell(gitlab, path=path) == "issue #1 opened"
    assert {request.path for request in gitlab.requests} == {PROJECT}


@pytest.mark.parametrize(
    ("status", "headers", "body", "permanent", "seconds", "words"),
    [
        (429, {"Retry-After": "30"}, b"Retry later\n", False, 30, ""),
        (429, {"RateLimit-Reset": "1481068890"}, b"", False, 90, ""),
        (429, {}, b"", False, None, ""),
        (
            500,
            {},
            {"message": "500 Internal Server Error"},
            False,
            None,
            ": 500 Internal Server Error",
        ),
        (502, {}, b"<html>", False, None, ""),
        (
            400,
            {},
            {"message": {"title": ["is too long"]}},
            True,
            None,
            ': {"title":["is too long"]}',
        ),
        (401, {}, {"message": "401 Unauthorized"}, True, None, ": 401 Unauthorized"),
        (
            403,
            {},
            {"error": "insufficient_scope", "error_description": "x"},
            True,
            None,
            ": insufficient_scope",
        ),
        (404, {}, {"message": f"404 {TOKEN}"}, True, None, ": 404 [concealed]"),
        (422, {}, {"message": None}, True, None, ""),
    ],
)
def test_answers_are_read_as_gitlab_documents_them(
    status: int,
    headers: dict[str, str],
    body: object,
    permanent: bool,
    seconds: float | None,
    words: str,
) -> None:
    gitlab = FakeGitLab()
    gitlab.replies.append(Answer(status, body, DATE | headers))

    with pytest.raises(NotifyError) as caught:
        tell(gitlab)

    failure = caught.value
    assert (failure.permanent, failure.retry_after_seconds) == (permanent, seconds)
    assert failure.reason == f"GitLab answered {status}{words}"


def test_project_that_is_not_there_is_final() -> None:
    with pytest.raises(NotifyError) as caught:
        tell(FakeGitLab(), repo="other")

    assert (caught.value.permanent, caught.value.reason) == (
        True,
        "GitLab answered 404: 404 Project Not Found",
    )


@pytest.mark.parametrize("if_exist", ["reopen-and-comment", "comment", "none"])
@pytest.mark.parametrize("is_remembered", [True, False])
def test_issue_that_was_moved_away_is_left_alone_and_another_opened(
    is_remembered: bool, if_exist: IfExist
) -> None:
    gitlab = FakeGitLab()
    issues = FakeTrackedIssues()
    tell(gitlab, issues=issues)
    moved = replace(gitlab.issues[1], moved_to_id=99, state="closed")
    gitlab.issues[1] = replace(moved)
    memory = issues if is_remembered else FakeTrackedIssues()

    assert tell(gitlab, issues=memory, if_exist=if_exist) == "issue #2 opened"
    assert (memory.numbers, gitlab.issues[1]) == ({7: 2}, moved)


def test_issues_that_were_moved_away_do_not_hide_one_that_was_not() -> None:
    gitlab = FakeGitLab()
    for _ in range(3):
        gitlab.add("[notice] Undefined index: faultline", state="closed", moved_to_id=99)
    gitlab.add("[notice] Undefined index: faultline", state="closed")

    assert tell(gitlab) == "issue #4 open and commented on"


def test_config_is_read_with_its_defaults() -> None:
    config = parse_config({**GIVEN, "labels": ["a", "b"]})

    assert config == GitLabConfig(
        personal_access_token=TOKEN, owner="group/sub", repo="repo", labels=("a", "b")
    )
    assert (config.label, config.conceal(TOKEN)) == ("gitlab group/sub/repo", "[concealed]")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("owner", ".."),
        ("owner", "a//b"),
        ("owner", "a/../b"),
        ("owner", "/a"),
        ("repo", "a/b"),
        ("repo", ".."),
        ("endpoint", "https://user:word@gitlab.example"),
    ],
)
def test_field_that_leads_nowhere_is_named(field: str, value: str) -> None:
    with pytest.raises(ChannelConfigError) as caught:
        parse_config({**GIVEN, field: value})

    (problem,) = caught.value.problems
    assert problem.path == (field,)
