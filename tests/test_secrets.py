"""No secret at rest or in sight: a run through every channel, and then a search for its tokens."""

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from faultline_lite.sealedbox import KeyStore, create_key_file
from tests.fakes import Answer, FakeServer, Fault, Request
from tests.fakes.http import Reply
from tests.reports import error_path, errors_path, make_report, occurrences_path
from tests.servers import PROGRAM_ENVIRONMENT, ServerProcess, server_process

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="it reads /proc"),
]

#: What must be nowhere. Each occurs in one config only.
SECRETS = {
    name: f"zq{name}Xw7Kd9Lm3"
    for name in (
        *("SlackPath", "HubToken", "LabToken", "HookPath", "HookSecret", "AppriseToken"),
        *("SealedSlack", "SealedHub", "SealedHook", "SealedOther", "BrokenToken", "EncryptToken"),
    )
}
MASTER, CLIENT = "zqMasterKeyXw7Kd9Lm3aaaaaaaaaaaa", "zqClientKeyXw7Kd9Lm3aaaaaaaaaaaa"
KEYS = {"master": MASTER, "client": CLIENT}
ENVIRONMENT = {
    "FAULTLINE_LITE_ALLOW_HOSTS": "127.0.0.1",
    "FAULTLINE_LITE_ALLOW_HTTP": "true",
    "FAULTLINE_LITE_BATCH_SECONDS": "0",
    "FAULTLINE_LITE_MASTER_API_KEY": MASTER,
    "FAULTLINE_LITE_CLIENT_API_KEYS": CLIENT,
    "FAULTLINE_LITE_LOG_LEVEL": "debug",
}
PATIENCE_SECONDS = 30.0
#: What the other side does with the messages of a channel, in turn.
REPLIES: list[Reply] = [
    Answer(500),
    Answer(404),
    Answer(403, {"message": "x"}, {"Retry-After": "1"}),
    Fault.RESET,
    Fault.GARBAGE,
    Answer(200),
]


class Parrot(FakeServer):
    """Every service at once, which repeats in its answer all that it was sent."""

    def __init__(self, look: Callable[[], None]) -> None:
        super().__init__(self._take)
        self._look = look
        self._arrived = asyncio.Event()

    def _take(self, request: Request) -> Reply:
        # Whatever runs while a message is under way can be seen in the list of processes.
        self._look()
        self._arrived.set()
        reply = REPLIES[len(self.requests) % len(REPLIES)]
        if isinstance(reply, Fault):
            return reply
        said = {
            "message": f"{request.target} {request.headers} {request.body!r}",
            "errors": [{"message": request.target, "field": str(request.headers)}],
            "number": 1,
            "iid": 1,
            "items": [],
        }
        return Answer(reply.status, said, reply.headers)


@dataclass
class Evidence:
    """All that anybody may see of a run, by where it was seen."""

    seen: dict[str, list[bytes]] = field(default_factory=dict)

    def add(self, place: str, content: bytes) -> None:
        self.seen.setdefault(place, []).append(content)

    def find(self, secret: str) -> set[str]:
        """Return the places where the secret is, as it is or in a usual disguise."""
        raw = secret.encode()
        disguises = {
            raw,
            raw[::-1],
            raw.hex().encode(),
            quote(secret).encode(),
            *(base64.b64encode(b"x" * shift + raw)[4:-4] for shift in range(3)),
        }
        return {
            place
            for place, contents in self.seen.items()
            for content in contents
            if any(disguise in content for disguise in disguises)
        }


def list_arguments(pid: int) -> Iterator[bytes]:
    """Yield the command lines and environments of a process and all that it has started."""
    for path in Path("/proc").iterdir():
        if not path.name.isdigit():
            continue
        try:
            stat = (path / "stat").read_text()
            parent = int(stat.rpartition(")")[2].split()[1])
            if pid in {int(path.name), parent}:
                yield (path / "cmdline").read_bytes()
                if parent == pid:
                    yield (path / "environ").read_bytes()
        except OSError:
            # It has ended meanwhile.
            continue


def make_configs(url: str, port: int) -> tuple[list[Any], list[Any]]:
    """Return configs to send in the clear, and to seal."""
    plain = [
        {"type": "slack", "endpoint": f"{url}/{SECRETS['SlackPath']}", "channel": "#plain"},
        {
            "type": "github",
            "endpoint": url,
            "userToken": SECRETS["HubToken"],
            "owner": "owner",
            "repo": "repo",
            "close_on_resolve": True,
        },
        {
            "type": "gitlab",
            "endpoint": url,
            "personalAccessToken": SECRETS["LabToken"],
            "owner": "owner",
            "repo": "repo",
        },
        {
            "type": "webhook",
            "endpoint": f"{url}/{SECRETS['HookPath']}",
            "secret": SECRETS["HookSecret"],
        },
        {"type": "apprise", "url": f"json://127.0.0.1:{port}/{SECRETS['AppriseToken']}"},
        # Refused: a value in the wrong place, a type that nobody knows, an endpoint that is none.
        {"type": "slack", "endpoint": SECRETS["BrokenToken"], "channel": 5},
        {"type": SECRETS["BrokenToken"], "token": SECRETS["BrokenToken"]},
        {"type": "webhook", "endpoint": f"https://{SECRETS['BrokenToken']}:{port}x/"},
        f"sb1.{SECRETS['BrokenToken']}.x",
    ]
    sealed = [
        {"type": "slack", "endpoint": f"{url}/{SECRETS['SealedSlack']}", "channel": "#sealed"},
        {
            "type": "github",
            "endpoint": url,
            "userToken": SECRETS["SealedHub"],
            "owner": "owner",
            "repo": "other",
        },
        {"type": "webhook", "endpoint": f"{url}/{SECRETS['SealedHook']}"},
        {
            "type": "webhook",
            "endpoint": f"{url}/{SECRETS['SealedOther']}",
            "restrict": {"projects": ["other"]},
        },
    ]
    return plain, sealed


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await condition():
            pass


async def run_channels(process: ServerProcess, configs: list[Any], evidence: Evidence) -> None:
    """Have every channel tried, and look at everything that the server answers meanwhile."""

    async def keep(response: httpx.Response) -> None:
        await response.aread()
        evidence.add(f"answer to {response.request.method} {response.url.path}", response.content)
        evidence.add("headers of answers", repr(response.headers).encode())

    async with httpx.AsyncClient(
        base_url=process.url,
        headers={"X-Api-Key": MASTER},
        event_hooks={"response": [keep]},
        timeout=PATIENCE_SECONDS,
        trust_env=False,
    ) as client:

        async def are_tried() -> bool:
            data = (await client.get("/v0/deliveries", params={"limit": 200})).json()["data"]
            tried = [each for each in data["deliveries"] if each["attempts"]]
            return len({each["channel"] for each in tried}) >= 7

        for message in ("oops", "ouch"):
            report = make_report(message, notifications=configs)
            answer = await client.post(errors_path(), json=report)
            assert answer.status_code == 201
            await until(are_tried)
        for delivery in (await client.get("/v0/deliveries")).json()["data"]["deliveries"]:
            await client.post(f"/v0/deliveries/{delivery['id']}/retry")
        place = answer.json()["id"]
        for path in (
            *("/v0/projects", errors_path(), error_path("oops"), occurrences_path("oops")),
            *(f"{occurrences_path('ouch')}/{place}/decisions", "/v0/info", "/metrics"),
            *("/v0/search?q=oops", "/v0/search?q=concealed", "/projects", "/"),
        ):
            await client.get(path)
        await client.patch(error_path("oops"), json={"status": "resolved"})
        secret = {"type": "slack", "endpoint": SECRETS["EncryptToken"], "channel": "#x"}
        await client.post("/v0/encrypt", json=secret)
        good = {**secret, "endpoint": f"https://a.example/{SECRETS['EncryptToken']}"}
        await client.post("/v0/encrypt", json=good)
        broken = {"errors": [{"message": 5}], "notifications": configs}
        await client.post(errors_path(), json=broken)
        await until(are_tried)
        evidence.add("backup", (await client.get("/v0/backup")).content)


def keep_files(folder: Path, when: str, evidence: Evidence) -> None:
    for path in folder.iterdir():
        if path.is_file() and path.name != "faultline.key":
            evidence.add(f"{path.name} {when}", path.read_bytes())


def try_commands(folder: Path, configs: list[Any], evidence: Evidence) -> None:
    """Run the commands that are given configs, the failing ones too."""
    environment = {
        **PROGRAM_ENVIRONMENT,
        **ENVIRONMENT,
        "FAULTLINE_LITE_KEY_FILE": str(folder / "faultline.key"),
    }
    for command in ("seal", "notify-test"):
        for config in configs:
            done = subprocess.run(
                [sys.executable, "-m", "faultline_lite", command, "-"],
                input=json.dumps(config).encode(),
                capture_output=True,
                check=False,
                env=environment,
            )
            evidence.add(f"output of {command}", done.stdout + done.stderr)


@pytest.fixture
async def parrot(anyio_backend: str) -> AsyncIterator[Parrot]:
    async with AsyncExitStack() as stack:
        parrot = Parrot(lambda: None)
        await stack.enter_async_context(parrot.run())
        yield parrot


async def test_no_token_is_anywhere_after_a_run_through_all_channels(
    tmp_path: Path, parrot: Parrot
) -> None:
    evidence = Evidence()
    create_key_file(tmp_path / "faultline.key", 1)
    plain, to_seal = make_configs(parrot.url, parrot.port)
    store = KeyStore(tmp_path / "faultline.key")
    sealed = [store.seal(json.dumps(config).encode()) for config in to_seal]

    with server_process(tmp_path, environment=ENVIRONMENT) as process:

        def look() -> None:
            for content in list_arguments(process.process.pid):
                evidence.add("list of processes", content)

        parrot._look = look
        await run_channels(process, [*plain, *sealed], evidence)
        keep_files(tmp_path, "while it runs", evidence)
        process.kill()
    keep_files(tmp_path, "after a crash", evidence)
    with server_process(tmp_path, environment=ENVIRONMENT) as process:
        assert process.stop() == 0
    keep_files(tmp_path, "at the end", evidence)
    parrot._look = lambda: None
    await asyncio.to_thread(try_commands, tmp_path, [plain[:5], *plain[5:7]], evidence)

    arrived = " ".join(f"{each.target} {each.headers} {each.body!r}" for each in parrot.requests)
    used = {name for name, secret in SECRETS.items() if secret in arrived}
    found = {name: evidence.find(secret) for name, secret in (SECRETS | KEYS).items()}
    # The run would show nothing if the tokens had not been used, or nothing had been looked at.
    assert used >= {"SlackPath", "HubToken", "LabToken", "HookPath", "AppriseToken", "SealedHook"}
    assert {"faultline.db-wal while it runs", "faultline.log at the end", "list of processes"} <= (
        evidence.seen.keys()
    )
    assert {name: places for name, places in found.items() if places} == {}


def test_search_finds_what_is_hidden_badly() -> None:
    evidence = Evidence()
    secret = SECRETS["SlackPath"]
    for shift in range(3):
        evidence.add(f"base64 {shift}", base64.b64encode(b"y" * shift + secret.encode() + b"yy"))
    evidence.add("plain", f"<{secret}>".encode())
    evidence.add("hex", secret.encode().hex().encode())
    evidence.add("nothing", b"nothing")

    assert evidence.find(secret) == {"base64 0", "base64 1", "base64 2", "plain", "hex"}
