"""Reports for benchmarks: shaped like those of the real clients, varied, the same at every run.

What an application is (its language, its paths, what its client says of it) comes from the
captured requests in ``tests/fixtures``; what varies from one occurrence to the next varies as in
production: ids, addresses, tokens, times, versions, users, and the messages that name them.
"""

import json
import random
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

FIXTURES = Path(__file__).parent.parent / "fixtures"
PROJECTS = 20
ERRORS = 200

WORDS = (
    *("order", "cart", "user", "invoice", "payment", "session", "cache", "queue", "upload"),
    *("mailer", "search", "index", "worker", "profile", "stock", "address", "coupon", "refund"),
    *("export", "import", "report", "webhook", "template", "locale", "currency", "shipment"),
    *("account", "ledger", "token", "policy", "schema", "tenant", "bucket", "object", "stream"),
    *("buffer", "cursor", "batch", "event", "signal", "socket", "tunnel", "gateway", "proxy"),
    *("router", "handler", "filter", "parser", "lexer", "encoder", "decoder", "writer"),
    *("reader", "loader", "mapper", "reducer", "planner", "broker", "consumer", "producer"),
    *("topic", "partition", "replica", "shard", "backup", "archive", "ticket", "review"),
    *("rating", "comment", "thread", "channel", "message", "sticker", "avatar", "banner"),
)
#: Japanese sentences as applications there log them; %s is a word, %d an id.
JAPANESE = (
    "在庫が足りません: %s %d",
    "決済に失敗しました(注文番号 %d、%s)",
    "ユーザー「山田 太郎」が見つかりません: %s %d",
    "接続が切れました: %s サーバー %d",
    "未定義のインデックス: %s (行 %d)",
    "データベースへの書き込みがタイムアウトしました: %s %d",
    "認証トークンの有効期限が切れています %s %d",
    "配送先住所の形式が正しくありません %s %d",
)
#: What the runtimes say, by the language of the client. %s is a name, %d an id.
MESSAGES = {
    "php": (
        "Undefined index: %s (request %d)",
        "Call to undefined method %s() on order %d",
        "SQLSTATE[23000]: Integrity constraint violation: 1062 Duplicate entry for key %s: %d",
        "Allowed memory size of %d bytes exhausted in %s",
        "file_get_contents(/srv/app/storage/%s/%d.json): failed to open stream",
    ),
    "ruby": (
        "undefined method `%s' for nil:NilClass (job %d)",
        "key not found: :%s in row %d",
        "PG::UniqueViolation: ERROR: duplicate key value violates unique constraint %s (id)=(%d)",
        "execution expired while calling %s after %dms",
        "cart c-%d could not be loaded: %s",
    ),
    "js": (
        "Cannot read properties of undefined (reading '%s') at item %d",
        "%s is not a function: widget %d",
        "Request to https://api.example.com/v2/%s/%d failed with status code 502",
        "Loading chunk %s failed after %d ms",
        "Hydration failed: <%s> did not match the server, node %d",
    ),
    "go": (
        "dial tcp 10.0.3.17:5432: connect: connection refused: %s pool %d",
        "context deadline exceeded: rpc %s took %dms",
        "json: cannot unmarshal string into Go struct field %s of type int64, offset %d",
        "runtime error: index out of range in %s with length %d",
        "open /var/lib/shop/%s/%d.wal: no space left on device",
    ),
}
TYPES = {
    "php": ("notice", "runtimeexception", "PDOException", "ErrorException"),
    "ruby": ("NoMethodError", "KeyError", "PG::UniqueViolation", "Timeout::Error"),
    "js": ("TypeError", "ReferenceError", "ChunkLoadError", "AxiosError"),
    "go": ("*errors.errorString", "*net.OpError", "runtime.Error", "*json.UnmarshalTypeError"),
}
PLACES = {
    "php": ("/srv/app/php/src/{0}/{1}Service.php", "{0}->{1}()"),
    "ruby": ("/srv/app/ruby/app/models/{0}/{1}.rb", "block in {0}_{1}"),
    "js": ("https://cdn.example.com/assets/{0}-{1}.js", "{0}.{1}"),
    "go": ("/srv/app/go/src/shop/{0}/{1}.go", "(*{0}).{1}"),
}
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS %d_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0",
    "GuzzleHttp/6.5.%d curl/7.88.1 PHP/8.2.36",
)
CITIES = ("Tokyo", "大阪市", "京都", "Berlin", "Lyon", "São Paulo", "Kraków", "札幌")


class Kind(NamedTuple):
    """What all occurrences of one error share."""

    project: str
    language: str
    type: str
    message: str
    backtrace: msgspec.Raw
    context: dict[str, Any]


class Corpus:
    """Occurrences of so many errors in PROJECTS projects, a few of which make most of the noise."""

    def __init__(self, errors: int = 20_000, seed: int = 20170701) -> None:
        self._source = random.Random(seed)
        self._errors = errors

    @cached_property
    def _kinds(self) -> list[Kind]:
        contexts = _read_contexts()
        return [_make_kind(self._source, number, contexts) for number in range(self._errors)]

    def entries(self, count: int) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield ``count`` pairs of a project and a report's parts, each of one entry.

        The errors come once each, then again and again: some often, most of them rarely.
        """
        for number in range(count):
            rank = number if number < self._errors else self._draw()
            kind = self._kinds[rank]
            yield kind.project, _make_report(self._source, [kind])

    def _draw(self) -> int:
        # The error of rank r comes in proportion to 1 / (r + 100).
        spread = (self._errors + 100) / 100
        return min(self._errors - 1, int(100 * spread ** self._source.random()) - 100)


def make_bodies(count: int, entries: int = 1, *, errors: int = ERRORS) -> list[bytes]:
    """Return ``count`` bodies of ``entries`` entries each, of some 4 KB an entry."""
    source = random.Random(20170701)
    contexts = _read_contexts()
    kinds = [_make_kind(source, number, contexts) for number in range(errors)]
    return [
        msgspec.json.encode(_make_report(source, source.choices(kinds, k=entries)))
        for _ in range(count)
    ]


def _read_contexts() -> dict[str, list[dict[str, Any]]]:
    """Return the contexts that the real clients sent, by language."""
    return {
        language: [
            json.loads(json.loads(path.read_text())["body_text"])["context"]
            for path in sorted((FIXTURES / f"faultline-{language}").glob("*.json"))
            if path.stem in {"http", "handled", "chained", "context", "unhandled", "message"}
        ]
        for language in MESSAGES
    }


def _make_kind(
    source: random.Random, number: int, contexts: dict[str, list[dict[str, Any]]]
) -> Kind:
    language = source.choice(tuple(MESSAGES))
    texts = JAPANESE if source.random() < 0.2 else MESSAGES[language]
    # A letter for each digit: a number would be taken for a value, and the errors for one.
    name = f"{source.choice(WORDS)}_{source.choice(WORDS)}_{_letters(number)}"
    frames = [_make_frame(source, language) for _ in range(source.randint(12, 17))]
    return Kind(
        project=f"shop-{number % PROJECTS:02d}",
        language=language,
        type=source.choice(TYPES[language]),
        message=source.choice(texts).replace("%s", name),
        backtrace=msgspec.Raw(msgspec.json.encode(frames)),
        context=source.choice(contexts[language]),
    )


def _make_frame(source: random.Random, language: str) -> dict[str, Any]:
    first, second = source.sample(WORDS, 2)
    file, function = PLACES[language]
    line = source.randint(3, 900)
    code = {
        str(line + step): f"        {source.choice(WORDS)} = {source.choice(WORDS)}({first})"
        for step in range(-1, 2)
    }
    return {
        "file": file.format(first, second),
        "line": line,
        "function": function.format(first.title(), second),
        "code": code,
    }


def _make_report(source: random.Random, kinds: list[Kind]) -> dict[str, Any]:
    user = source.randint(1, 100_000)
    word = source.choice(WORDS)
    context = {
        **kinds[0].context,
        "environment": source.choice(("production", "production", "staging")),
        "url": f"https://shop.example.com/{word}/{source.randint(1, 10**6)}?page={user % 50}",
        "userAgent": source.choice(AGENTS) % source.randint(90, 140),
        "hostname": f"web{source.randint(1, 20):02d}",
        "version": f"1.{source.randint(0, 30)}.{source.randint(0, 9)}",
        "requestId": f"{source.getrandbits(128):032x}",
    }
    return {
        "notifier": {"name": f"faultline-{kinds[0].language}", "version": "0.6.1"},
        "errors": [
            {
                "type": kind.type,
                "message": kind.message.replace("%d", str(source.randint(1, 10**7))),
                "backtrace": kind.backtrace,
            }
            for kind in kinds
        ],
        "context": context,
        "environment": {
            "HTTP_ACCEPT_LANGUAGE": source.choice(("ja,en;q=0.8", "en-US", "de-DE", "fr")),
            "HTTP_HOST": "shop.example.com",
            "HTTP_X_FORWARDED_FOR": f"198.51.100.{source.randint(1, 254)}",
            "RAILS_ENV": "production",
            "SERVER_SOFTWARE": "nginx/1.24.0",
        },
        "session": {
            "user": {"id": user, "name": f"user{user}", "city": source.choice(CITIES)},
            "startedAt": f"2026-11-24T{user % 24:02d}:{user % 60:02d}:07+09:00",
        },
        "params": {
            "controller": f"{word}s",
            "action": source.choice(("index", "show", "create", "update")),
            "q": f"{source.choice(WORDS)} {source.choice(WORDS)}",
            "amount": source.randint(1, 9999),
            "items": [source.choice(WORDS) for _ in range(3)],
        },
    }


def _letters(number: int) -> str:
    return "".join(chr(ord("g") + int(digit)) for digit in str(number))
