"""GitLab's issues (docs.gitlab.com, "Issues API", "Notes API", "REST API")."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from faultline_lite.egress.guard import HttpResponse
from faultline_lite.notifications.channels import Check, Secret, Text
from faultline_lite.notifiers.answers import (
    decode_answer,
    failure_of,
    is_success,
    seconds_until_reset,
)
from faultline_lite.notifiers.endpoints import join_url
from faultline_lite.notifiers.json_api import JsonApi
from faultline_lite.notifiers.notifier import Http
from faultline_lite.notifiers.texts import show
from faultline_lite.notifiers.trackers import (
    LIST_BYTES,
    MAX_DETAIL_CHARACTERS,
    PAGE_ISSUES,
    Draft,
    Issue,
    TrackerConfig,
    make_notifier,
)
from faultline_lite.sentences import Sentence, say

DEFAULT_ENDPOINT = "https://gitlab.com"
API_PATH = "/api/v4"
MAX_QUERY_WORDS = 10

#: "Reserved project and group names": letters, digits, underscores, hyphens, dots; an owner may be
#: a group in a group.
_NAME = re.compile(r"(?!\.+\Z)[\w.-]{1,255}")


def check_owner(owner: str) -> Sentence | None:
    """Return what should be a user, a group, or a group in a group."""
    if all(_NAME.fullmatch(part) for part in owner.split("/")):
        return None
    return say("expected a user or group, as in the project's path")


def check_repository(name: str) -> Sentence | None:
    """Return what a project should be called."""
    return None if _NAME.fullmatch(name) else say("expected a project's name, as in its path")


class GitLabConfig(TrackerConfig, frozen=True, kw_only=True):
    """``endpoint`` is the server, with or without the path of its API."""

    TYPE: ClassVar[str] = "gitlab"
    CHECKS: ClassVar[Mapping[str, Check]] = {
        **TrackerConfig.CHECKS,
        "owner": check_owner,
        "repo": check_repository,
    }

    personal_access_token: Secret
    endpoint: Text = DEFAULT_ENDPOINT

    @property
    def token(self) -> str:
        """What we are known by there."""
        return self.personal_access_token

    def issue_page(self, number: int) -> str:
        """Return where people look at the issue: the same server without the path of its API."""
        site = self.endpoint.rstrip("/").removesuffix(API_PATH)
        return join_url(site, *self.owner.split("/"), self.repo, "-", "issues", number)


class _Found(msgspec.Struct):
    iid: int
    title: str
    state: str
    description: str | None = None
    #: The id of the issue that this one was moved to.
    moved_to_id: int | None = None


class _Said(msgspec.Struct):
    """``message`` is a text, or an object of lists of texts; ``error`` is an OAuth failure's."""

    message: Any = None
    error: Any = None


class GitLab:
    """The issues of one project."""

    #: GitLab looks for mentions and references in titles as it does in descriptions.
    mentions_in_titles = True

    def __init__(self, http: Http, config: GitLabConfig) -> None:
        self._api = JsonApi(http, {"PRIVATE-TOKEN": config.personal_access_token})
        self._conceal = config.conceal
        # "Namespaced paths": the project's path with its slashes encoded stands for its id.
        base = config.endpoint.rstrip("/").removesuffix(API_PATH) + API_PATH
        self._base = join_url(base, "projects", f"{config.owner}/{config.repo}", "issues")
        self.place = self._base.lower()

    async def find_newest(self) -> Sequence[Issue]:
        """Return nothing: searches are of the database itself."""
        return ()

    async def find_in_bodies(self, marker: str) -> Sequence[Issue]:
        """Search for the marker."""
        return await self._search("description", marker)

    async def find_in_titles(self, title: str) -> Sequence[Issue]:
        """Search for the first words of the title."""
        # A cut title ends in half a word.
        words = " ".join(re.findall(r"\w+", title)[:MAX_QUERY_WORDS])
        return await self._search("title", words) if words else ()

    async def open(self, draft: Draft) -> int:
        """Open an issue."""
        response = await self._api.request("POST", self._base, content=_fields(draft))
        self._check(response)
        return decode_answer("GitLab", response, _Found).iid

    async def exists(self, number: int) -> bool:
        """Return whether the issue is there."""
        return await self._look(number) is not None

    async def reopen(self, number: int, draft: Draft | None) -> bool:
        """Have it open; one that was moved away stays as it is."""
        found = await self._look(number)
        if found is None:
            return False
        if found.state == "opened" and draft is None:
            return True
        return await self._edit(number, {"state_event": "reopen"} | _fields(draft))

    async def close(self, number: int) -> bool:
        """Have it closed."""
        return await self.exists(number) and await self._edit(number, {"state_event": "close"})

    async def comment(self, number: int, text: str) -> bool:
        """Comment on it: add a note."""
        url = join_url(self._base, number, "notes")
        return await self._ask_issue("POST", url, {"body": text}) is not None

    async def _search(self, where: str, words: str) -> Sequence[Issue]:
        query = {
            "search": words,
            "in": where,
            "state": "all",
            "order_by": "created_at",
            "sort": "desc",
            "per_page": PAGE_ISSUES,
        }
        response = await self._api.request("GET", self._base, query=query, max_bytes=LIST_BYTES)
        self._check(response)
        found = decode_answer("GitLab", response, list[_Found])
        return [
            Issue(each.iid, each.title, each.description or "", each.state == "opened")
            for each in found
            if each.moved_to_id is None
        ]

    async def _look(self, number: int) -> _Found | None:
        """Return the issue, None where it was deleted or moved away."""
        response = await self._ask_issue("GET", join_url(self._base, number))
        found = response and decode_answer("GitLab", response, _Found)
        return found if found and found.moved_to_id is None else None

    async def _edit(self, number: int, content: Mapping[str, Any]) -> bool:
        return await self._ask_issue("PUT", join_url(self._base, number), content) is not None

    async def _ask_issue(
        self, method: str, url: str, content: Mapping[str, Any] | None = None
    ) -> HttpResponse | None:
        """Send a request about one issue; return None where it was deleted (404)."""
        response = await self._api.request(method, url, content=content)
        if response.status == 404:
            return None
        self._check(response)
        return response

    def _check(self, response: HttpResponse) -> None:
        """Raise NotifyError unless the request was done.

        "REST API", "Status codes": 400 a parameter is missing or wrong, 401 the token is, 403 it
        may not do this, 404 there is no such project for it, 409 and 422 it cannot be done; all
        these are final. 429 is a rate limit, with ``Retry-After`` or ``RateLimit-Reset`` ("User and
        IP rate limits", "Response headers").
        """
        if is_success(response):
            return
        said = show(self._conceal(_message_of(response)), MAX_DETAIL_CHARACTERS)
        failure = failure_of("GitLab", response, said)
        if response.status == 429 and failure.retry_after_seconds is None:
            failure.retry_after_seconds = seconds_until_reset(response, "ratelimit-reset")
        raise failure


NOTIFIER = make_notifier(GitLabConfig, GitLab)


def _message_of(response: HttpResponse) -> str:
    try:
        said = msgspec.json.decode(response.body, type=_Said)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    words = said.message if said.message is not None else said.error
    if words is None or isinstance(words, str):
        return words or ""
    return msgspec.json.encode(words).decode()


def _fields(draft: Draft | None) -> dict[str, Any]:
    if draft is None:
        return {}
    fields = {"title": draft.title, "description": draft.body}
    return {**fields, "labels": ",".join(draft.labels)} if draft.labels else fields
