"""The load that the original was seeded with: ``python -m tests.bench.seeds``.

25,800 occurrences of 35 KB in nine projects and three languages took 916 MB there. Each is a POST
of its own here, over HTTP; the file is measured once all can be searched and the server has ended.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import uvloop

from tests.bench.corpus import MESSAGES, PLACES, TYPES, WORDS, Corpus
from tests.bench.footprint import await_index
from tests.bench.servers import run_ours
from tests.bench.table import print_table

OCCURRENCES = 25_800
PROJECTS = 9
LANGUAGES = ("php", "ruby", "js")
#: One for each project and language.
ERRORS = PROJECTS * len(LANGUAGES)
#: Frames of a backtrace, out of those that an application of that language has on its way.
FRAMES = 70
POOL_FRAMES = 90
#: Lines of source that come with a frame.
CODE_LINES = 9
CONNECTIONS = 8
#: Bodies that are made before they are posted.
AHEAD = 1000


class Seeds:
    """Reports of some 35 KB: deep backtraces with source, and all that a server knows of itself."""

    def __init__(self) -> None:
        self._source = random.Random(20170701)
        pools = {
            language: [self._make_frame(language) for _ in range(POOL_FRAMES)]
            for language in LANGUAGES
        }
        self._backtraces = [
            self._make_backtrace(pools[LANGUAGES[number % len(LANGUAGES)]])
            for number in range(ERRORS)
        ]

    def bodies(self, count: int) -> Iterator[tuple[str, bytes]]:
        """Yield pairs of a project and a body."""
        for _, report in Corpus(ERRORS).entries(count):
            number = self._source.randrange(ERRORS)
            language = LANGUAGES[number % len(LANGUAGES)]
            word = WORDS[number % len(WORDS)]
            text = MESSAGES[language][number % 5].replace("%s", f"{word}_{'xyz'[number % 3]}")
            entry = {
                "type": TYPES[language][number % 4],
                "message": text.replace("%d", str(self._source.randint(1, 10**7))),
                "backtrace": self._backtraces[number],
            }
            environment = {**report["environment"], **self._make_environment()}
            body = {**report, "errors": [entry], "environment": environment}
            yield f"seed-{number % PROJECTS}", msgspec.json.encode(body)

    def _make_backtrace(self, pool: list[dict[str, Any]]) -> msgspec.Raw:
        chosen = sorted(self._source.sample(range(POOL_FRAMES), FRAMES))
        return msgspec.Raw(msgspec.json.encode([pool[each] for each in chosen]))

    def _make_frame(self, language: str) -> dict[str, Any]:
        file, function = PLACES[language]
        first, second = self._source.sample(WORDS, 2)
        line = self._source.randint(10, 900)
        return {
            "file": file.format(first, second),
            "line": line,
            "function": function.format(first.title(), second),
            "code": {str(line + step): self._make_line() for step in range(CODE_LINES)},
        }

    def _make_line(self) -> str:
        first, second, third = self._source.sample(WORDS, 3)
        return f"    {first} = {second}.{third}({first}_id)"

    def _make_environment(self) -> dict[str, Any]:
        return {
            f"SERVER_{word.upper()}": f"/srv/app/shared/{word}/{WORDS[index - 1]}"
            for index, word in enumerate(WORDS[:40])
        }


async def _post_all(url: str, bodies: list[tuple[str, bytes]]) -> None:
    """Post each body once, over CONNECTIONS connections at a time."""
    target = urlsplit(url)
    requests = iter([_make_request(target.netloc, *each) for each in bodies])

    async def post_some() -> None:
        reader, writer = await asyncio.open_connection(target.hostname, target.port)
        for request in requests:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if not head.startswith(b"http/1.1 201"):
                raise RuntimeError(f"a report was refused: {head.decode()}")
            _, _, rest = head.partition(b"content-length:")
            await reader.readexactly(int(rest.split(b"\r", 1)[0]))
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(post_some() for _ in range(CONNECTIONS)))


def _make_request(host: str, project: str, body: bytes) -> bytes:
    head = (
        f"POST /v0/projects/{project}/errors HTTP/1.1\r\nHost: {host}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--occurrences", type=int, default=OCCURRENCES)
    occurrences = parser.parse_args().occurrences
    posted_bytes, seconds = 0, 0.0
    waiting = Seeds().bodies(occurrences)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with run_ours(folder) as server, httpx.Client(base_url=server.url, timeout=60) as client:
            started = time.perf_counter()
            # Bodies are made ahead, so that making them does not count.
            while chunk := list(islice(waiting, AHEAD)):
                chunk_started = time.perf_counter()
                uvloop.run(_post_all(server.url, chunk))
                seconds += time.perf_counter() - chunk_started
                posted_bytes += sum(len(body) for _, body in chunk)
            await_index(client)
            searchable_seconds = time.perf_counter() - started
        file_bytes = (folder / "bench.db").stat().st_size
    print_table(
        ("what", "unit", "ours", "goal"),
        [
            ("posted", "MB", f"{posted_bytes / 1e6:,.0f}", ""),
            ("file", "MB", f"{file_bytes / 1e6:,.1f}", "<= 20"),
            ("file, each occurrence", "bytes", f"{file_bytes / occurrences:,.0f}", ""),
            ("until all is stored", "s", f"{seconds:.1f}", "<= 15"),
            ("until all is searchable", "s", f"{searchable_seconds:.1f}", ""),
        ],
    )


if __name__ == "__main__":
    main()
