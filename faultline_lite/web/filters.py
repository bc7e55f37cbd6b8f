"""Which errors of a project a list shows, as its address says it."""

from typing import Literal, get_args
from urllib.parse import urlencode

import msgspec
from starlette.datastructures import QueryParams

from faultline_lite.search.query import Query, parse_query
from faultline_lite.store.errors import Sort
from faultline_lite.timekeys import DAY_MS, HOUR_MS

#: What a visitor means by a status: a muted error is none that waits for anybody.
State = Literal["unresolved", "resolved", "muted", "all"]
STATES: tuple[State, ...] = get_args(State)
SORTS: tuple[Sort, ...] = get_args(Sort)
#: Times since when an error must have occurred, by their names in an address.
SINCE_MS = {
    "1h": HOUR_MS,
    "24h": 24 * HOUR_MS,
    "7d": 7 * DAY_MS,
    "30d": 30 * DAY_MS,
}
MAX_CHARACTERS = 500


class Filters(msgspec.Struct, frozen=True):
    """What a visitor asks for. An empty text asks for nothing."""

    q: str = ""
    state: State = "unresolved"
    type: str = ""
    environment: str = ""
    version: str = ""
    since: str = ""
    sort: Sort = "lastUpdated"

    @property
    def is_narrowed(self) -> bool:
        """Whether anything beside the state keeps errors out of the list."""
        return bool(self.q or self.narrowing_count)

    @property
    def narrowing_count(self) -> int:
        """How many of the fields beside the search keep errors out of the list."""
        return sum(map(bool, (self.type, self.environment, self.version, self.since)))

    def address(self, **changes: str) -> str:
        """Return the query of an address that asks for this, with changes, or an empty text."""
        values = {**msgspec.structs.asdict(self), **changes}
        given = {name: value for name, value in values.items() if value != _DEFAULTS.get(name, "")}
        return f"?{urlencode(given, errors='replace')}" if given else "?"

    def to_query(self, project: str, now_ms: int) -> Query:
        """Return what to search for."""
        query = parse_query(self.q, now_ms).narrow("project", project)
        if self.state in {"unresolved", "resolved"}:
            query = query.narrow("status", self.state)
        if self.state in {"unresolved", "muted"}:
            query = query.narrow("muted", int(self.state == "muted"))
        if self.since:
            query = query.narrow("last_seen_ms", now_ms - SINCE_MS[self.since], ">=")
        if self.type:
            query = query.narrow("type", self.type)
        if self.environment:
            query = query.narrow_text("environment", self.environment)
        if self.version:
            query = query.narrow_text("release", self.version)
        return query


_DEFAULTS = msgspec.structs.asdict(Filters())


def read_filters(parameters: QueryParams) -> Filters:
    """Return what an address asks for; what cannot be read asks for nothing."""

    def text(name: str) -> str:
        return parameters.get(name, "")[:MAX_CHARACTERS].strip()

    return Filters(
        q=text("q"),
        state=next((each for each in STATES if each == text("state")), "unresolved"),
        type=text("type"),
        environment=text("environment"),
        version=text("version"),
        since=text("since") if text("since") in SINCE_MS else "",
        sort=next((each for each in SORTS if each == text("sort")), "lastUpdated"),
    )
