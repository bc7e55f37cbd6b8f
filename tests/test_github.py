"""GitHub's own ways: its limits, its numbers of issues, what its searches miss."""

import asyncio

import pytest

from faultline_lite.exceptions import ChannelConfigError, NotifyError
from faultline_lite.notifiers import parse_config
from faultline_lite.notifiers.github import NOTIFIER, GitHubConfig
from tests.fakes import Answer, FakeGitHub, FakeTrackedIssues, Request
from tests.fakes.github import TOKEN
from tests.messages import make_error, make_message
from tests.outgoing import open_way_out

GIVEN = {"type": "github", "userToken": TOKEN, "owner": "owner", "repo": "repo"}
TITLE = "[notice] Undefined index: faultline"
DATE = {"Date": "Wed, 07 Dec 2016 00:00:00 GMT"}
#: Ninety seconds after DATE.
RESET = "1481068890"


def tell(
    github: FakeGitHub,
    *,
    token: str = TOKEN,
    issues: FakeTrackedIssues | None = None,
    message: str = "Undefined index: faultline",
) -> str:
    async def run() -> str:
        async with github.run(), open_way_out() as http:
            config = GitHubConfig(
                user_token=token, owner="owner", repo="repo", endpoint=github.endpoint
            )
            told = make_message(make_error(message=message))
            return await NOTIFIER.send(http, config, told, issues or FakeTrackedIssues())

    return asyncio.run(run())


def failure_of(github: FakeGitHub, token: str = TOKEN) -> NotifyError:
    with pytest.raises(NotifyError) as caught:
        tell(github, token=token)
    return caught.value


@pytest.mark.parametrize(
    ("status", "headers", "message", "seconds"),
    [
        # "Exceeding the rate limit": the primary one.
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": RESET}, "API rate limit", 90),
        (429, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": RESET}, "API rate limit", 90),
        # A secondary one, which may say how long it lasts.
        (403, {"retry-after": "30"}, "You have exceeded a secondary rate limit.", 30),
        (429, {"retry-after": "30", "x-ratelimit-remaining": "0"}, "", 30),
        (403, {"x-ratelimit-remaining": "4999"}, "You have exceeded a secondary rate limit.", 60),
        (429, {}, "", 60),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, "rate limit", 60),
        (503, {"retry-after": "7"}, "", 7),
        (500, {}, "", None),
    ],
)
def test_limit_and_trouble_are_waited_out(
    status: int, headers: dict[str, str], message: str, seconds: float | None
) -> None:
    github = FakeGitHub()
    github.replies.append(Answer(status, {"message": message}, DATE | headers))

    failure = failure_of(github)

    assert (failure.permanent, failure.retry_after_seconds) == (False, seconds)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (401, {}),
        (403, {"x-ratelimit-remaining": "4999", "x-ratelimit-reset": RESET}),
        (403, {}),
        (404, {}),
        (410, {}),
        (422, {}),
        (301, {"location": "https://api.github.example/repositories/1/issues"}),
    ],
)
def test_what_a_person_must_change_is_final_and_said_without_the_token(
    status: int, headers: dict[str, str]
) -> None:
    github = FakeGitHub()
    github.replies.append(Answer(status, {"message": f"Not so, {TOKEN}\x1b[2J\n"}, headers))

    failure = failure_of(github)

    assert (failure.permanent, failure.retry_after_seconds) == (True, None)
    assert failure.reason == f"GitHub answered {status}: Not so, [concealed]␛[2J\n"


def test_wrong_token_is_final() -> None:
    failure = failure_of(FakeGitHub(), token="ghp_wrong_one")

    assert (failure.permanent, failure.reason) == (True, "GitHub answered 401: Bad credentials")


def test_repository_with_issues_switched_off_is_final() -> None:
    def refuse(request: Request) -> Answer:
        if request.method == "POST":
            return Answer(410, {"message": "Issues has been disabled in this repository."})
        return github._answer(request)

    github = FakeGitHub()
    github.handler = refuse

    assert failure_of(github).reason == (
        "GitHub answered 410: Issues has been disabled in this repository."
    )


@pytest.mark.parametrize("status", [410, 301, 404])
def test_issue_that_is_gone_or_moved_is_opened_anew(status: int) -> None:
    github = FakeGitHub()
    issues = FakeTrackedIssues()
    tell(github, issues=issues)
    github.remove(1, status)

    assert tell(github, issues=issues) == "issue #2 opened"
    assert (issues.numbers, github.problems) == ({7: 2}, [])


def test_issue_opened_a_moment_ago_is_found_though_no_search_knows_it() -> None:
    github = FakeGitHub(search_is_current=False)
    tell(github)

    # As after a crash between opening and remembering.
    assert tell(github) == "issue #1 open and commented on"
    assert len(github.issues) == 1


def test_gone_issue_that_a_search_still_names_is_not_told() -> None:
    github = FakeGitHub()
    issue = github.add(TITLE)
    stale = github._search({"q": "undefined in:title repo:owner/repo is:issue"})
    github.remove(issue.number, 410)

    def answer(request: Request) -> Answer:
        return stale if "/search/" in request.path else github._answer(request)

    github.handler = answer

    assert tell(github) == "issue #2 opened"


def test_pull_request_of_that_title_is_left_alone() -> None:
    github = FakeGitHub()
    github.add(TITLE, is_pull_request=True)

    assert tell(github) == "issue #2 opened"


def test_page_of_the_largest_bodies_is_read_whole() -> None:
    github = FakeGitHub()
    for number in range(30):
        github.add(f"[notice] another {number}", body="🍣" * 65_536)

    assert tell(github) == "issue #31 opened"


@pytest.mark.parametrize(
    "message", ["!?!", "AND OR NOT " * 40, "x" * 5_000, "repo:other/repo " * 9]
)
def test_title_that_is_no_good_query_is_searched_for_within_the_limits(message: str) -> None:
    github = FakeGitHub()

    tell(github, message=message)

    queries = [request.query["q"] for request in github.requests if "q" in request.query]
    words = [query.partition(" in:")[0] for query in queries]
    assert github.problems == []
    assert all(len(each) <= 200 and ":" not in each for each in words)
    assert not {"and", "or", "not"} & {word.lower() for each in words for word in each.split()}


def test_issue_of_the_original_whose_title_is_one_long_word_is_found() -> None:
    github = FakeGitHub()
    message = "x" * 210
    github.add(f"[notice] {message}")
    for number in range(14):
        github.add(f"[notice] another {number}")

    assert tell(github, message=message) == "issue #1 open and commented on"


def test_config_is_read_with_its_defaults() -> None:
    config = parse_config({**GIVEN, "labels": ["a"], "if_exist": "reopen"})

    assert config == GitHubConfig(
        user_token=TOKEN, owner="owner", repo="repo", labels=("a",), if_exist="reopen"
    )
    assert (config.label, config.conceal(f"Bearer {TOKEN}")) == (
        "github owner/repo",
        "Bearer [concealed]",
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("owner", ".."),
        ("owner", "a/b"),
        ("owner", "a?b"),
        ("repo", "."),
        ("repo", "a b"),
        ("repo", "日"),
        ("repo", "r\n"),
        ("endpoint", "api.github.com"),
        ("if_exist", "always"),
        ("labels", "bug"),
    ],
)
def test_field_that_leads_nowhere_is_named(field: str, value: str) -> None:
    with pytest.raises(ChannelConfigError) as caught:
        parse_config({**GIVEN, field: value})

    (problem,) = caught.value.problems
    assert problem.path == (field,)
