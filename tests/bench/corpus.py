"""Reports for benchmarks: shaped like those of the real clients, varied, the same at every run."""

import json
import random
from typing import Any

WORDS = (
    *("order", "cart", "user", "invoice", "payment", "session", "cache", "queue", "upload"),
    *("mailer", "search", "index", "worker", "profile", "stock", "address", "coupon", "refund"),
    *("export", "import", "report", "webhook", "template", "locale", "currency", "shipment"),
)
JAPANESE = (
    "在庫が足りません",
    "決済に失敗しました",
    "ユーザーが見つかりません",
    "接続が切れました",
)
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{} Safari/537",
    "Mozilla/5.0 (iPhone; CPU iPhone OS {}_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0",
    "GuzzleHttp/6.5.{} curl/7.88.1 PHP/8.2.36",
)
ERRORS = 200


def make_bodies(count: int, entries: int = 1, *, errors: int = ERRORS) -> list[bytes]:
    """Return ``count`` bodies of ``entries`` entries each, of some 4 KB an entry."""
    source = random.Random(20170701)
    kinds = [_make_kind(source) for _ in range(errors)]
    return [
        json.dumps(_make_report(source, kinds, entries), separators=(",", ":")).encode()
        for _ in range(count)
    ]


def _make_kind(source: random.Random) -> dict[str, Any]:
    """Return what all occurrences of one error share: its message's text and its backtrace."""
    words = source.sample(WORDS, 3)
    japanese = source.random() < 0.2
    text = source.choice(JAPANESE) if japanese else f"{words[0]} {words[1]} failed"
    frames = [_make_frame(source) for _ in range(source.randint(12, 17))]
    return {
        "type": source.choice(("RuntimeError", "TypeError", "notice", "KeyError")),
        "message": f"{text} in {words[2]}_{source.randint(1, 10**6)}x for id %d",
        "backtrace": frames,
    }


def _make_frame(source: random.Random) -> dict[str, Any]:
    first, second = source.sample(WORDS, 2)
    line = source.randint(3, 900)
    code = {
        str(line + step): f"        {source.choice(WORDS)} = {source.choice(WORDS)}({first})"
        for step in range(-1, 2)
    }
    return {
        "file": f"/srv/app/{first}/{second}_controller.py",
        "line": line,
        "function": f"{first}_{second}",
        "code": code,
    }


def _make_report(
    source: random.Random, kinds: list[dict[str, Any]], entries: int
) -> dict[str, Any]:
    user = source.randint(1, 100_000)
    return {
        "notifier": {"name": "faultline-php", "version": "0.6.1", "url": "https://example.com"},
        "errors": [_make_entry(source, kinds) for _ in range(entries)],
        "context": {
            "environment": source.choice(("production", "staging")),
            "url": f"https://shop.example.com/{source.choice(WORDS)}/{user}?page={user % 50}",
            "userAgent": source.choice(AGENTS).format(source.randint(90, 140)),
            "hostname": f"web{source.randint(1, 20):02d}",
            "version": f"1.{source.randint(0, 30)}.{source.randint(0, 9)}",
        },
        "environment": {f"HTTP_X_{word.upper()}": source.choice(WORDS) for word in WORDS[:8]},
        "session": {"user": {"id": user, "name": f"user{user}", "plan": source.choice(WORDS)}},
        "params": {
            word: f"{source.choice(WORDS)} {source.randint(1, 9999)}" for word in WORDS[:10]
        },
    }


def _make_entry(source: random.Random, kinds: list[dict[str, Any]]) -> dict[str, Any]:
    kind = source.choice(kinds)
    return {**kind, "message": kind["message"] % source.randint(1, 10**7)}
