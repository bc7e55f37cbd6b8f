"""GitHub and GitLab from the same side, for tests of what is the same at both."""

from typing import Any, Protocol

from faultline_lite.notifiers import github, gitlab
from faultline_lite.notifiers.notifier import Notifier
from faultline_lite.notifiers.trackers import TrackerConfig
from tests.fakes import FakeGitHub, FakeGitLab
from tests.fakes.github import TOKEN as GITHUB_TOKEN
from tests.fakes.gitlab import TOKEN as GITLAB_TOKEN


class TrackerSide(Protocol):
    """A tracker that a test plays, and what is in it."""

    server: FakeGitHub | FakeGitLab
    notifier: Notifier[Any]
    #: The most requests that an error may cost, however many issues there are.
    most_requests: int

    def config(self, **fields: Any) -> TrackerConfig: ...

    def add(self, title: str, body: str = "") -> int: ...

    def close(self, number: int) -> None: ...

    def remove(self, number: int) -> None:
        """Delete it as somebody does by hand."""

    def titles(self) -> list[str]: ...

    def is_open(self, number: int) -> bool: ...

    def body(self, number: int) -> str: ...

    def labels(self, number: int) -> list[str]: ...

    def comments(self, number: int) -> list[str]: ...

    def retitle(self, number: int, title: str) -> None: ...

    def empty(self, number: int) -> None:
        """Take its body away."""

    def effects(self) -> list[str]:
        """Return the commands that texts ran, and those who were mentioned in titles."""


class GitHubSide:
    def __init__(self) -> None:
        self.server = FakeGitHub()
        self.notifier = github.NOTIFIER
        self.most_requests = 6

    def config(self, **fields: Any) -> TrackerConfig:
        given = {"user_token": GITHUB_TOKEN, "owner": "owner", "repo": "repo"}
        return github.GitHubConfig(**{"endpoint": self.server.endpoint, **given, **fields})

    def add(self, title: str, body: str = "") -> int:
        return self.server.add(title, body=body).number

    def close(self, number: int) -> None:
        self.server.issues[number].state = "closed"

    def remove(self, number: int) -> None:
        self.server.remove(number, 410)

    def titles(self) -> list[str]:
        return [issue.title for issue in self.server.issues.values()]

    def is_open(self, number: int) -> bool:
        return self.server.issues[number].state == "open"

    def body(self, number: int) -> str:
        return self.server.issues[number].body or ""

    def labels(self, number: int) -> list[str]:
        return self.server.issues[number].labels

    def comments(self, number: int) -> list[str]:
        return self.server.issues[number].comments

    def retitle(self, number: int, title: str) -> None:
        self.server.issues[number].title = title

    def empty(self, number: int) -> None:
        self.server.issues[number].body = ""

    def effects(self) -> list[str]:
        # GitHub has no commands, and mentions nobody in titles.
        return []


class GitLabSide:
    def __init__(self) -> None:
        self.server = FakeGitLab()
        self.notifier = gitlab.NOTIFIER
        self.most_requests = 5

    def config(self, **fields: Any) -> TrackerConfig:
        given = {"personal_access_token": GITLAB_TOKEN, "owner": "group/sub", "repo": "repo"}
        return gitlab.GitLabConfig(**{"endpoint": self.server.url, **given, **fields})

    def add(self, title: str, body: str = "") -> int:
        return self.server.add(title, description=body).iid

    def close(self, number: int) -> None:
        self.server.issues[number].state = "closed"

    def remove(self, number: int) -> None:
        # GitLab does not use a number again.
        self.server.add("the next number is another one")
        del self.server.issues[number]

    def titles(self) -> list[str]:
        return [issue.title for issue in self.server.issues.values()]

    def is_open(self, number: int) -> bool:
        return self.server.issues[number].state == "opened"

    def body(self, number: int) -> str:
        return self.server.issues[number].description or ""

    def labels(self, number: int) -> list[str]:
        return self.server.issues[number].labels

    def comments(self, number: int) -> list[str]:
        return self.server.issues[number].notes

    def retitle(self, number: int, title: str) -> None:
        self.server.issues[number].title = title

    def empty(self, number: int) -> None:
        self.server.issues[number].description = ""

    def effects(self) -> list[str]:
        return self.server.commands + self.server.mentions
