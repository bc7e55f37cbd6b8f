"""The issues that stand for an error in trackers, on its page."""

from pathlib import Path

import pytest

from faultline_lite.notifiers import parse_config
from faultline_lite.sealedbox import create_key_file
from tests.fakes import FakeGitHub
from tests.fakes.github import TOKEN
from tests.reports import make_entry
from tests.servers import running_server, wait_until
from tests.web.visiting import Site


@pytest.mark.parametrize(
    ("config", "page"),
    [
        ({"type": "github", "userToken": "t"}, "https://github.com/owner/repo/issues/7"),
        (
            {"type": "github", "userToken": "t", "endpoint": "https://git.example.com/api/v3/"},
            "https://git.example.com/owner/repo/issues/7",
        ),
        (
            {"type": "gitlab", "personalAccessToken": "t"},
            "https://gitlab.com/owner/repo/-/issues/7",
        ),
        (
            {
                "type": "gitlab",
                "personalAccessToken": "t",
                "endpoint": "https://git.example.com/api/v4",
                "owner": "group/sub",
            },
            "https://git.example.com/group/sub/repo/-/issues/7",
        ),
    ],
)
def test_issue_is_where_people_look_at_it(config: dict[str, str], page: str) -> None:
    parsed = parse_config({"owner": "owner", "repo": "repo", **config})

    assert parsed.issue_page(7) == page


def test_channel_without_issues_leads_to_none() -> None:
    config = {"type": "slack", "endpoint": "https://hooks.example.com/x", "channel": "#random"}

    assert parse_config(config).issue_page(7) is None


def test_page_of_an_error_leads_to_its_issue_and_marks_the_message(tmp_path: Path) -> None:
    create_key_file(tmp_path / "faultline.key", 0)
    with (
        running_server(tmp_path, allow_hosts=("127.0.0.1",), allow_http=True) as server,
        server.client() as client,
    ):
        github = FakeGitHub()
        listening = github.run()
        server.run(listening.__aenter__())
        config = {
            "type": "github",
            "userToken": TOKEN,
            "owner": "owner",
            "repo": "repo",
            "endpoint": github.endpoint,
        }
        site = Site(client, "sample-project")
        try:
            site.report_all([make_entry("boom", timestamp=None)], notifications=[config])
            path = site.path_of("boom")
            wait_until(lambda: "#1</a>" in site.get(path).text)
            page = site.get(path).text
            chart = site.get(site.path_of("boom", "chart"), range="1h").json()
        finally:
            server.run(listening.__aexit__(None, None, None))

    base = github.endpoint.removesuffix("/api/v3")
    assert f'href="{base}/owner/repo/issues/1" rel="noreferrer">github owner/repo #1</a>' in page
    assert TOKEN not in page
    assert ("notification", "github owner/repo") in [
        (mark["kind"], mark["name"]) for mark in chart["marks"]
    ]
