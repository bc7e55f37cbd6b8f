"""GitHub's issues: one repository, owner/repo, as docs.github.com describes its REST API.

Every request is held against GitHub's own OpenAPI description, and every answer too.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.http import Answer, FakeServer, Request
from tests.fakes.openapi import github_description

TOKEN = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"
PREFIX = "/api/v3"
_TIME = "2016-12-07T00:00:00Z"
_QUALIFIER = re.compile(r"(\w+):(\S+)")
_REPOSITORY = "/repos/owner/repo"


@dataclass
class StoredIssue:
    number: int
    title: str
    body: str | None = None
    state: str = "open"
    labels: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    is_pull_request: bool = False


class FakeGitHub(FakeServer):
    """Answers for one token. ``issues`` is the repository's content, by number.

    A search knows what was there when ``index`` was called last, or everything where
    ``search_is_current``. ``gone`` says with which status issues that are not there any more
    answer: 410 where they were deleted, 301 where they were moved.
    """

    def __init__(self, *, search_is_current: bool = True) -> None:
        super().__init__(self._answer)
        self.issues: dict[int, StoredIssue] = {}
        self.gone: dict[int, int] = {}
        self.problems: list[str] = []
        self.search_is_current = search_is_current
        self._indexed: set[int] = set()

    @property
    def endpoint(self) -> str:
        return self.url + PREFIX

    def add(self, title: str, **fields: Any) -> StoredIssue:
        number = max([0, *self.issues, *self.gone]) + 1
        self.issues[number] = StoredIssue(number, title, **fields)
        return self.issues[number]

    def remove(self, number: int, status: int) -> None:
        del self.issues[number]
        self.gone[number] = status

    def index(self) -> None:
        self._indexed = set(self.issues)

    def _answer(self, request: Request) -> Answer:
        path = request.path.removeprefix(PREFIX)
        body = request.json if request.body else None
        self.problems += github_description().find_problems(
            request.method, path, request.query, body
        )
        answer = self._act(request.method, path, request.query, body)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            # "Authenticating to the REST API": 401, without the token 404 where it is private.
            return Answer(401, {"message": "Bad credentials", "documentation_url": "https://d"})
        self.problems += github_description().find_answer_problems(
            request.method, path, answer.status, answer.body
        )
        return answer

    def _act(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        if path == "/search/issues":
            return self._search(query)
        found = re.fullmatch(rf"{_REPOSITORY}/issues(?:/(\d+)(/comments)?)?", path)
        if found is None:
            return _failure(404, "Not Found")
        if found[1] is None:
            return self._list(query) if method == "GET" else self._open(body)
        number = int(found[1])
        if number in self.gone:
            return _failure(self.gone[number], "This issue is gone")
        if number not in self.issues:
            return _failure(404, "Not Found")
        if found[2]:
            return self._comment(number, body)
        return self._change(number, body or {})

    def _list(self, query: dict[str, str]) -> Answer:
        state = query.get("state", "open")
        kept = [each for each in self.issues.values() if state in {"all", each.state}]
        kept.sort(key=lambda each: each.number, reverse=query.get("direction", "desc") == "desc")
        return Answer(200, [self._show(each) for each in kept[: _per_page(query)]])

    def _open(self, body: dict[str, Any]) -> Answer:
        if len(str(body["title"])) > 256 or len(body.get("body") or "") > 65_536:
            return _invalid("body is too long (maximum is 65536 characters)")
        issue = self.add(
            str(body["title"]), body=body.get("body"), labels=list(body.get("labels", []))
        )
        return Answer(201, self._show(issue))

    def _change(self, number: int, body: dict[str, Any]) -> Answer:
        issue = self.issues[number]
        issue.title = str(body.get("title", issue.title))
        issue.body = body.get("body", issue.body)
        issue.state = body.get("state", issue.state)
        issue.labels = list(body.get("labels", issue.labels))
        return Answer(200, self._show(issue))

    def _comment(self, number: int, body: dict[str, Any]) -> Answer:
        if len(body["body"]) > 65_536:
            return _invalid("body is too long (maximum is 65536 characters)")
        self.issues[number].comments.append(body["body"])
        url = f"https://github.example{_REPOSITORY}/issues/{number}"
        return Answer(
            201,
            {
                "id": 1,
                "node_id": "C",
                "html_url": url,
                "issue_url": url,
                "url": url,
                "user": None,
                "created_at": _TIME,
                "updated_at": _TIME,
                "body": body["body"],
            },
        )

    def _search(self, query: dict[str, str]) -> Answer:
        qualifiers = dict(_QUALIFIER.findall(query["q"]))
        words = _QUALIFIER.sub("", query["q"]).strip()
        if len(words) > 256:
            return _invalid("The search is longer than 256 characters.")
        if qualifiers.get("repo") != "owner/repo":
            return _invalid("The listed repositories cannot be searched")
        wanted = _words(words)
        known = set(self.issues) if self.search_is_current else self._indexed & set(self.issues)
        found = [
            self.issues[number]
            for number in sorted(known)
            if wanted <= _words(self._text(self.issues[number], qualifiers.get("in", "title")))
            and not (qualifiers.get("is") == "issue" and self.issues[number].is_pull_request)
        ]
        shown = [self._show(each) | {"score": 1.0} for each in found[: _per_page(query)]]
        content = {
            "total_count": len(found),
            "incomplete_results": False,
            "items": shown,
            "search_type": "lexical",
        }
        return Answer(200, content)

    def _text(self, issue: StoredIssue, where: str) -> str:
        return issue.title if where == "title" else issue.body or ""

    def _show(self, issue: StoredIssue) -> dict[str, Any]:
        url = f"https://github.example{_REPOSITORY}/issues/{issue.number}"
        shown: dict[str, Any] = dict.fromkeys(
            ("url", "repository_url", "labels_url", "comments_url", "events_url", "html_url"), url
        )
        shown |= dict.fromkeys(("user", "assignee", "milestone", "closed_at"))
        shown |= {
            "id": issue.number,
            "node_id": "I",
            "number": issue.number,
            "title": issue.title,
            "body": issue.body,
            "state": issue.state,
            "labels": issue.labels,
            "comments": len(issue.comments),
            "locked": False,
            "author_association": "OWNER",
            "created_at": _TIME,
            "updated_at": _TIME,
        }
        if issue.is_pull_request:
            shown["pull_request"] = dict.fromkeys(("url", "html_url", "diff_url", "patch_url"), url)
        return shown


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _per_page(query: dict[str, str]) -> int:
    return min(int(query.get("per_page", "30")), 100)


def _failure(status: int, message: str) -> Answer:
    return Answer(status, {"message": message, "documentation_url": "https://docs.github.example"})


def _invalid(message: str) -> Answer:
    problem = {"resource": "Issue", "field": "body", "code": "custom", "message": message}
    content = {"message": "Validation Failed", "documentation_url": "https://d"}
    return Answer(422, {**content, "errors": [problem]})
