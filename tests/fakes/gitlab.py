"""GitLab's issues: one project, group/sub/repo, as docs.gitlab.com describes its REST API.

"Issues API": the parameters of listing, opening and editing; "Notes API": a note on an issue;
"Quick actions": lines of a description or note that are commands.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.http import Answer, FakeServer, Request

TOKEN = "glpat-0123456789abcdefghij"
PROJECT = "/api/v4/projects/group%2Fsub%2Frepo/issues"
MAX_TITLE_CHARACTERS = 255
MAX_DESCRIPTION_CHARACTERS = 1_048_576

#: Documented parameters that are used here, with what they take.
_LIST = {
    "search": r".*",
    "in": r"title|description|title,description",
    "state": r"all|opened|closed",
    "order_by": r"created_at|updated_at|due_date|title|weight",
    "sort": r"asc|desc",
    "per_page": r"\d{1,3}",
    "page": r"\d+",
}
_OPEN = {"title", "description", "labels", "confidential", "assignee_ids", "milestone_id"}
_EDIT = {*_OPEN, "state_event", "add_labels", "remove_labels"}
#: What GitLab's extractor of quick actions takes for code, where nothing is a command; and a
#: command (lib/gitlab/quick_actions/extractor.rb).
_CODE = re.compile(r"^```.+?\n```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^/(\w+)", re.MULTILINE)
_MENTION = re.compile(r"@\w+|[#!]\d+")


@dataclass
class StoredIssue:
    iid: int
    title: str
    description: str | None = None
    state: str = "opened"
    labels: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    moved_to_id: int | None = None


class FakeGitLab(FakeServer):
    """Answers for one token. ``issues`` is the project's content, by number.

    ``commands`` are the quick actions that were run, ``mentions`` those who were mentioned in
    titles; whatever was not as documented is in ``problems``.
    """

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.issues: dict[int, StoredIssue] = {}
        self.problems: list[str] = []
        self.commands: list[str] = []
        self.mentions: list[str] = []

    def add(self, title: str, **fields: Any) -> StoredIssue:
        number = max(self.issues, default=0) + 1
        self.issues[number] = StoredIssue(number, title, **fields)
        return self.issues[number]

    def _answer(self, request: Request) -> Answer:
        if request.headers.get("private-token") != TOKEN:
            return Answer(401, {"message": "401 Unauthorized"})
        path = request.path
        found = re.fullmatch(rf"{re.escape(PROJECT)}(?:/(\d+)(/notes)?)?", path)
        if found is None:
            return Answer(404, {"message": "404 Project Not Found"})
        body = request.json if request.body else {}
        if found[1] is None:
            return self._list(request.query) if request.method == "GET" else self._open(body)
        issue = self.issues.get(int(found[1]))
        if issue is None:
            return Answer(404, {"message": "404 Not found"})
        if found[2]:
            return self._note(issue, body)
        return self._edit(issue, body) if request.method == "PUT" else Answer(200, _show(issue))

    def _list(self, query: dict[str, str]) -> Answer:
        self.problems += [
            f"{name}={value}"
            for name, value in query.items()
            if not re.fullmatch(_LIST.get(name, r"(?!)"), value, re.DOTALL)
        ]
        wanted = _words(query.get("search", ""))
        where = query.get("in", "title,description").split(",")
        state = query.get("state", "all")
        found = [
            issue
            for issue in sorted(self.issues.values(), key=lambda each: -each.iid)
            if state in {"all", issue.state}
            and wanted <= _words(" ".join(getattr(issue, name) or "" for name in where))
        ]
        per_page = min(int(query.get("per_page", "20")), 100)
        return Answer(200, [_show(issue) for issue in found[:per_page]])

    def _open(self, body: dict[str, Any]) -> Answer:
        self.problems += [f"{name} on opening" for name in body if name not in _OPEN]
        if not body.get("title"):
            return Answer(400, {"error": "title is missing"})
        wrong = self._read(body)
        if wrong is not None:
            return wrong
        labels = [each for each in body.get("labels", "").split(",") if each]
        issue = self.add(body["title"], description=body.get("description"), labels=labels)
        return Answer(201, _show(issue))

    def _edit(self, issue: StoredIssue, body: dict[str, Any]) -> Answer:
        self.problems += [f"{name} on editing" for name in body if name not in _EDIT]
        if not body:
            return Answer(400, {"error": "at least one parameter must be provided"})
        wrong = self._read(body)
        if wrong is not None:
            return wrong
        event = body.get("state_event")
        if event not in {None, "close", "reopen"}:
            return Answer(400, {"error": "state_event does not have a valid value"})
        issue.state = {"close": "closed", "reopen": "opened", None: issue.state}[event]
        issue.title = body.get("title", issue.title)
        issue.description = body.get("description", issue.description)
        if "labels" in body:
            issue.labels = body["labels"].split(",")
        return Answer(200, _show(issue))

    def _note(self, issue: StoredIssue, body: dict[str, Any]) -> Answer:
        self.problems += [f"{name} in a note" for name in body if name != "body"]
        wrong = self._read({"description": body["body"]})
        if wrong is not None:
            return wrong
        issue.notes.append(body["body"])
        return Answer(201, {"id": len(issue.notes), "body": body["body"]})

    def _read(self, body: dict[str, Any]) -> Answer | None:
        """Do what the texts make GitLab do; return an answer where they are too long."""
        title, text = body.get("title", ""), body.get("description") or ""
        if len(title) > MAX_TITLE_CHARACTERS:
            return Answer(400, {"message": {"title": ["is too long (maximum is 255 characters)"]}})
        if len(text) > MAX_DESCRIPTION_CHARACTERS:
            return Answer(400, {"message": {"description": ["is too long"]}})
        self.commands += _COMMAND.findall(_CODE.sub("", text))
        self.mentions += _MENTION.findall(title)
        return None


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _show(issue: StoredIssue) -> dict[str, Any]:
    return {
        "id": 1000 + issue.iid,
        "iid": issue.iid,
        "project_id": 5,
        "title": issue.title,
        "description": issue.description,
        "state": issue.state,
        "labels": issue.labels,
        "moved_to_id": issue.moved_to_id,
        "web_url": f"https://gitlab.example/group/sub/repo/-/issues/{issue.iid}",
    }
