"""Reports that try everything, and servers that are full of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from faultline_lite.sealedbox import create_key_file
from tests.fakes import FakeClock
from tests.reports import errors_path, make_entry
from tests.servers import RunningServer, running_server, wait_until

RUN = "window.hacked=1"
SCRIPT = f"\"'><script>{RUN}</script><img src=x onerror={RUN}>{{{{7*7}}}}"
LINK = f"javascript:{RUN}"
#: Right-to-left overrides, no width at all, what a terminal obeys, half a pair.
ODD = "\u202eevil\u2066\u200b\u200d\ufeff\x1b[31m\x1b]0;x\x07\u0000" + "\U0001f4a9" * 3
LONG = "W" * 100_000
PROJECT = "\"'><script>x&y"
HOOK = {"type": "webhook", "endpoint": "https://127.0.0.1:9/x"}


@contextmanager
def hostile_server(folder: Path, **settings: Any) -> Iterator[RunningServer]:
    """Run a server whose every row is hostile, with deliveries that have failed."""
    create_key_file(folder / "faultline.key", 1)
    with (
        running_server(folder, FakeClock(), max_body_bytes=2**23, **settings) as server,
        server.client(settings.get("master_api_key")) as client,
    ):
        answer = client.post(errors_path(PROJECT), json=_make_report())
        assert answer.status_code == 201, answer.text
        wait_until(lambda: _has_failures(client))
        server.run(server.services.indexing.run())
        yield server


def _has_failures(client: httpx.Client) -> bool:
    return "failed" in client.get("/v0/deliveries", params={"state": "failed"}).text


def _make_report() -> dict[str, Any]:
    tree = {SCRIPT: SCRIPT, LINK: LINK, ODD: ODD, "deep": _deep(30), "long": LONG}
    frames = [_frame(number) for number in range(2000)]
    crumb = {"message": SCRIPT, "type": SCRIPT, "category": ODD, "data": tree}
    entries = [
        make_entry(SCRIPT, type=SCRIPT, backtrace=frames, breadcrumbs=[crumb]),
        make_entry(LINK, type=LINK, causes=[{"type": SCRIPT, "message": SCRIPT}]),
        make_entry(ODD, type=ODD),
        make_entry(LONG, type=LONG[:1000]),
    ]
    return {
        "errors": entries,
        "context": {**tree, "url": LINK, "version": SCRIPT, "environment": SCRIPT, "user": tree},
        "environment": tree,
        "session": tree,
        "params": tree,
        "notifications": [HOOK, {**HOOK, "threshold": 5}, SCRIPT, "sb1.00000000.AAAA"],
    }


def _deep(depth: int) -> Any:
    value: Any = SCRIPT
    for _ in range(depth):
        value = {SCRIPT: value, LINK: [LINK, ODD]}
    return value


def _frame(number: int) -> dict[str, Any]:
    return {
        "file": f"{SCRIPT}/{LINK}/{number}.php",
        "line": number,
        "function": ODD + SCRIPT,
        "code": {str(number): SCRIPT + ODD},
    }
