"""What a reader asks of a filled server: named requests, each drawn anew for every measurement."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from tests.bench.corpus import PROJECTS, WORDS

#: A path with its query.
Draw = Callable[["Drawing"], str]

JAPANESE_WORDS = ("在庫", "決済", "認証", "接続", "配送")
SYMBOLS = ("User->export()", "(*Order).cursor", "Cart.review", "block in order_")
PATHS = ("/srv/app/php/src/order/", "app/models/cart", "shop/user/stock.go", "assets/order-")


@dataclass
class Drawing:
    """What requests are made of: chance, and what is in the server."""

    source: random.Random
    errors: list[tuple[str, str]]
    list_cursors: list[str]
    search_cursors: list[str]

    def project(self) -> str:
        return f"shop-{self.source.randrange(PROJECTS):02d}"

    def word(self) -> str:
        return self.source.choice(WORDS)

    def search(self, q: str, **parameters: Any) -> str:
        return "/v0/search?" + urlencode({"q": q, **parameters})

    def list(self, **parameters: Any) -> str:
        return f"/v0/projects/{self.project()}/errors?" + urlencode({"limit": 50, **parameters})

    def error(self, rest: str = "") -> str:
        project, message = self.source.choice(self.errors)
        return f"/v0/projects/{project}/errors/{quote(message, safe='')}{rest}"

    def page(self, rest: str = "") -> str:
        return self.error(rest).removeprefix("/v0")


#: By their names in the table. A feature that is read adds its own.
PROBES: dict[str, Draw] = {
    "list": lambda draw: draw.list(),
    "list, unresolved, by count": lambda draw: draw.list(status="unresolved", sort="count"),
    "list, searched": lambda draw: draw.list(q=f"{draw.word()} failed"),
    "list, deep": lambda draw: (
        f"/v0/projects/shop-00/errors?limit=50&cursor={draw.source.choice(draw.list_cursors)}"
    ),
    "search, rare word": lambda draw: draw.search(str(draw.source.randint(10**5, 10**6))),
    "search, three digits": lambda draw: draw.search(str(draw.source.randint(100, 999))),
    "search, nothing": lambda draw: draw.search(f"{draw.word()}zq{draw.word()}"),
    "search, common word": lambda draw: draw.search(
        draw.source.choice(("production", "nginx", "safari", "example.com"))
    ),
    "search, 1 word": lambda draw: draw.search(draw.word()),
    "search, 2 words": lambda draw: draw.search(f"{draw.word()} {draw.word()}"),
    "search, 3 words": lambda draw: draw.search(f"{draw.word()} {draw.word()} tokyo"),
    "search, 4 words": lambda draw: draw.search(
        f"{draw.word()} {draw.word()} chrome/1{draw.source.randint(10, 30)} staging"
    ),
    "search, Japanese": lambda draw: draw.search(draw.source.choice(JAPANESE_WORDS)),
    "search, path": lambda draw: draw.search(draw.source.choice(PATHS)),
    "search, symbol": lambda draw: draw.search(draw.source.choice(SYMBOLS)),
    "search, phrase": lambda draw: draw.search(f'"{draw.word()} {draw.word()}"'),
    "search, without": lambda draw: draw.search(f"{draw.word()} -production"),
    "search, filters": lambda draw: draw.search(
        f"{draw.word()} project:{draw.project()} environment:staging count:>10"
    ),
    "search, two characters": lambda draw: draw.search(draw.source.choice(("ms", "qx", "42"))),
    "search, deep": lambda draw: draw.search(
        "order", cursor=draw.source.choice(draw.search_cursors)
    ),
    "error": lambda draw: draw.error(),
    "occurrences": lambda draw: draw.error("/occurrences?limit=20"),
    "facets": lambda draw: draw.error("/facets"),
    "timeline of an error, hours": lambda draw: draw.error("/timeline?timeunit=hour"),
    "timeline of a project, days": lambda draw: (
        f"/v0/projects/{draw.project()}/timeline?timeunit=day"
    ),
    "timeline of all, hours": lambda draw: "/v0/timeline?timeunit=hour",
    "projects": lambda draw: "/v0/projects",
    "page: projects": lambda draw: "/",
    "page: errors": lambda draw: f"/projects/{draw.project()}",
    "page: errors, searched": lambda draw: f"/projects/{draw.project()}?q={draw.word()}",
    "page: errors, of an environment": lambda draw: (
        f"/projects/{draw.project()}?environment=staging&sort=count"
    ),
    "page: error": lambda draw: draw.page(),
    "page: error, chart of a month": lambda draw: draw.page("/chart?range=30d"),
    "page: error, facets": lambda draw: draw.page("/facets"),
    "page: error, occurrences": lambda draw: draw.page("/occurrences"),
}


class Reader:
    """A client on one connection."""

    def __init__(self, url: str) -> None:
        target = urlsplit(url)
        assert target.hostname is not None
        self._connection = HTTPConnection(target.hostname, target.port, timeout=60)

    def read(self, path: str) -> bytes:
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:200]!r}")
        return body

    def data(self, path: str) -> dict[str, Any]:
        data: dict[str, Any] = msgspec.json.decode(self.read(path))["data"]
        return data

    def cursors(self, path: str, pages: int) -> list[str]:
        """Return the cursors of so many pages behind the first, as far as there are any."""
        cursors: list[str] = []
        cursor = None
        for _ in range(pages):
            cursor = self.data(path + (f"&cursor={cursor}" if cursor else ""))["nextCursor"]
            if cursor is None:
                break
            cursors.append(cursor)
        return cursors


def draw_from(reader: Reader, seed: int) -> Drawing:
    """Return what to make requests of for the server that the reader reads from."""
    errors = [
        (f"shop-{number:02d}", each["message"])
        for number in range(PROJECTS)
        for each in reader.data(f"/v0/projects/shop-{number:02d}/errors?limit=200")["errors"]
    ]
    return Drawing(
        random.Random(seed),
        errors,
        reader.cursors("/v0/projects/shop-00/errors?limit=50", 10)[-5:],
        reader.cursors("/v0/search?q=order", 10)[-5:],
    )
