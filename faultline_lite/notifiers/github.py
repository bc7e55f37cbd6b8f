"""GitHub's issues, GitHub Enterprise's too (docs.github.com, "REST API endpoints for issues")."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from faultline_lite.egress.guard import HttpResponse
from faultline_lite.exceptions import NotifyError
from faultline_lite.notifications.channels import Check, Secret, Text
from faultline_lite.notifiers.answers import (
    decode_answer,
    failure_of,
    is_success,
    retry_after_seconds,
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

DEFAULT_ENDPOINT = "https://api.github.com"
SITE = "https://github.com"
#: "REST API endpoints for search": a query has at most 256 characters without its qualifiers.
MAX_QUERY_CHARACTERS = 200
MAX_QUERY_WORDS = 20
#: "Rate limits for the REST API": where nothing else is said, wait for at least a minute.
SECONDARY_LIMIT_SECONDS = 60.0

_OPERATORS = frozenset({"and", "or", "not"})
_NAME = re.compile(r"(?!\.+\Z)[\w.-]{1,100}", re.ASCII)


def check_name(name: str) -> Sentence | None:
    """Return what an owner or a repository should be called."""
    return None if _NAME.fullmatch(name) else say("expected a name as GitHub has them")


class GitHubConfig(TrackerConfig, frozen=True, kw_only=True):
    """``endpoint`` is the base of the API: ``https://HOST/api/v3`` for GitHub Enterprise."""

    TYPE: ClassVar[str] = "github"
    CHECKS: ClassVar[Mapping[str, Check]] = {
        **TrackerConfig.CHECKS,
        "owner": check_name,
        "repo": check_name,
    }

    user_token: Secret
    endpoint: Text = DEFAULT_ENDPOINT

    @property
    def token(self) -> str:
        """What we are known by there."""
        return self.user_token

    def issue_page(self, number: int) -> str:
        """Return where people look at the issue: GitHub, or the server that has the API."""
        # "Getting started with the REST API": https://HOST/api/v3 for GitHub Enterprise Server.
        site = self.endpoint.rstrip("/").removesuffix("/api/v3")
        site = SITE if site == DEFAULT_ENDPOINT else site
        return join_url(site, self.owner, self.repo, "issues", number)


class _Found(msgspec.Struct):
    """An issue, or a pull request, which GitHub lists among them."""

    number: int
    title: str
    state: str
    body: str | None = None
    pull_request: Any = None


class _FoundPage(msgspec.Struct):
    items: list[_Found]


class _Said(msgspec.Struct):
    message: str = ""


class GitHub:
    """The issues of one repository."""

    #: "Basic writing and formatting syntax": mentions are those in bodies and comments.
    mentions_in_titles = False

    def __init__(self, http: Http, config: GitHubConfig) -> None:
        # Without X-GitHub-Api-Version, which older GitHub Enterprise does not know.
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {config.user_token}",
        }
        self._api = JsonApi(http, headers)
        self._config = config
        self._repository = f"{config.owner}/{config.repo}"
        self.place = f"{config.endpoint} {self._repository}".lower()

    async def find_newest(self) -> Sequence[Issue]:
        """Return the newest: what was opened just now is in no search yet."""
        query = {"state": "all", "sort": "created", "direction": "desc", "per_page": PAGE_ISSUES}
        response = await self._ask("GET", self._url(), query=query, max_bytes=LIST_BYTES)
        return _issues(decode_answer("GitHub", response, list[_Found]))

    async def find_in_bodies(self, marker: str) -> Sequence[Issue]:
        """Search for the marker."""
        return await self._search("body", marker)

    async def find_in_titles(self, title: str) -> Sequence[Issue]:
        """Search for the words of the title, as far as a query goes."""
        words = _choose_words(title)
        return await self._search("title", words) if words else ()

    async def open(self, draft: Draft) -> int:
        """Open an issue. 410: the repository has its issues switched off."""
        response = await self._ask("POST", self._url(), content=_fields(draft))
        return decode_answer("GitHub", response, _Found).number

    async def exists(self, number: int) -> bool:
        """Return whether the issue is there."""
        return await self._ask_issue("GET", self._url(number))

    async def reopen(self, number: int, draft: Draft | None) -> bool:
        """Have it open; the reason is ignored where it is already."""
        content = {"state": "open", "state_reason": "reopened"}
        return await self._ask_issue("PATCH", self._url(number), content | _fields(draft))

    async def close(self, number: int) -> bool:
        """Have it closed."""
        content = {"state": "closed", "state_reason": "completed"}
        return await self._ask_issue("PATCH", self._url(number), content)

    async def comment(self, number: int, text: str) -> bool:
        """Comment on it."""
        return await self._ask_issue("POST", self._url(number, "comments"), {"body": text})

    def _url(self, *rest: str | int) -> str:
        config = self._config
        return join_url(config.endpoint, "repos", config.owner, config.repo, "issues", *rest)

    async def _search(self, where: str, words: str) -> Sequence[Issue]:
        query = {
            "q": f"{words} in:{where} repo:{self._repository} is:issue",
            "per_page": PAGE_ISSUES,
        }
        url = join_url(self._config.endpoint, "search", "issues")
        response = await self._ask("GET", url, query=query, max_bytes=LIST_BYTES)
        return _issues(decode_answer("GitHub", response, _FoundPage).items)

    async def _ask_issue(
        self, method: str, url: str, content: Mapping[str, Any] | None = None
    ) -> bool:
        """Send a request about one issue; return False where it is not there any more.

        "Get an issue": 301 where it was transferred, 410 where it was deleted and we may see the
        repository, 404 where we may not, or it never was.
        """
        response = await self._api.request(method, url, content=content)
        if response.status in {301, 404, 410}:
            return False
        self._check(response)
        return True

    async def _ask(self, method: str, url: str, **how: Any) -> HttpResponse:
        response = await self._api.request(method, url, **how)
        self._check(response)
        return response

    def _check(self, response: HttpResponse) -> None:
        """Raise NotifyError unless the request was done.

        401: the token is wrong; 403: it may not do this; 404: there is no such repository for it;
        422: what was sent is not valid. All these are final, rate limits are not.
        """
        if is_success(response):
            return
        wait_seconds = _find_wait_seconds(response)
        if wait_seconds is not None:
            raise NotifyError(
                say("GitHub answered {status}: its rate limit is reached", status=response.status),
                permanent=False,
                retry_after_seconds=wait_seconds,
            )
        said = self._config.conceal(_message_of(response))
        raise failure_of("GitHub", response, show(said, MAX_DETAIL_CHARACTERS))


NOTIFIER = make_notifier(GitHubConfig, GitHub)


def _find_wait_seconds(response: HttpResponse) -> float | None:
    """Return how long a rate limit lasts, None where the answer is not about one.

    "Rate limits for the REST API", "Exceeding the rate limit": 403 or 429; wait as long as
    ``retry-after`` says, or until ``x-ratelimit-reset`` (epoch seconds) where
    ``x-ratelimit-remaining`` is 0; a secondary limit may show in the message only.
    """
    if response.status not in {403, 429}:
        return None
    asked_seconds = retry_after_seconds(response)
    if asked_seconds is None and response.headers.get("x-ratelimit-remaining") == "0":
        asked_seconds = seconds_until_reset(response, "x-ratelimit-reset")
    if asked_seconds is not None:
        return asked_seconds
    if response.status == 429 or "rate limit" in _message_of(response).lower():
        return SECONDARY_LIMIT_SECONDS
    return None


def _message_of(response: HttpResponse) -> str:
    try:
        return msgspec.json.decode(response.body, type=_Said).message
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _choose_words(title: str) -> str:
    """Return the first words of a title, whole ones, as a query that has no operators."""
    words = [word for word in re.findall(r"\w+", title.lower()) if word not in _OPERATORS]
    chosen = ""
    for word in words[:MAX_QUERY_WORDS]:
        if len(chosen) + len(word) < MAX_QUERY_CHARACTERS:
            chosen = f"{chosen} {word}".lstrip()
    return chosen


def _issues(found: list[_Found]) -> list[Issue]:
    return [
        Issue(each.number, each.title, each.body or "", each.state == "open")
        for each in found
        if each.pull_request is None
    ]


def _fields(draft: Draft | None) -> dict[str, Any]:
    if draft is None:
        return {}
    fields: dict[str, Any] = {"title": draft.title, "body": draft.body}
    return {**fields, "labels": draft.labels} if draft.labels else fields
