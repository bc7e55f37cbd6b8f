"""Commands as a terminal runs them; the far side is a small HTTP server on loopback."""

import json
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner, Result

from faultline_lite.cli import cli
from tests.servers import PROGRAM_ENVIRONMENT

ERROR = {
    "project": "web",
    "message": "Undefined index",
    "type": "notice",
    "status": "unresolved",
    "count": 3,
    "firstSeen": "2026-01-01T00:00:00+00:00",
    "lastUpdated": "2026-01-02T00:00:00+00:00",
    "fingerprint": "ab12",
}
OCCURRENCE = {
    "project": "web",
    "reversedUnixtime": "9007197459229100",
    "message": "Undefined index",
    "timestamp": "2026-01-02T00:00:00+00:00",
    "backtrace": [{"file": "/var/www/user.php", "line": 15, "function": "edit()"}],
}
FORBIDDEN = {"errors": [{"message": "403 Forbidden"}]}
NOT_FOUND = {"errors": [{"message": "there is no such error"}]}


class Seen(NamedTuple):
    """A request as it arrived."""

    method: str
    path: str
    key: str | None
    body: bytes


class Far:
    """A server that gives its answers in turn, the last one for ever, and remembers requests."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes, dict[str, str]]] = []
        self.seen: list[Seen] = []
        far = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                key = self.headers.get("X-Api-Key")
                far.seen.append(Seen(self.command, self.path, key, body))
                status, content, headers = (
                    far.answers.pop(0) if len(far.answers) > 1 else far.answers[0]
                )
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        for method in ("GET", "POST", "PATCH", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.answer)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def give(self, answer: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.answers.append((status, content, headers or {}))


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(cli, arguments, catch_exceptions=False, **options)


def ask(far: Far, *arguments: str, **options: Any) -> Result:
    """Run a command on the far server with a key of its own."""
    return run(arguments[0], "--url", far.url, "--api-key", "key", *arguments[1:], **options)


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program itself, for what happens outside of click."""
    return subprocess.run(
        [sys.executable, "-m", "faultline_lite", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=PROGRAM_ENVIRONMENT,
    )


def write_config(**values: Any) -> Path:
    path = Path("faultline.toml")
    values = {"db": "faultline.db", "key_file": "faultline.key", "min_free_bytes": 0, **values}
    path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()))
    path.chmod(0o600)
    return path
