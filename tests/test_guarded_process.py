"""What a process beside the server can do, and what it cannot."""

import asyncio
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from faultline_lite.egress.guarded_process import GuardedProcesses, Policy
from faultline_lite.exceptions import NotifyError
from tests.fakes import Answer, FakeServer

LOOPBACK = Policy(allow_hosts=("127.0.0.1",))
REFUSAL = (
    "127.0.0.1, where the host is, is no public address: the server's allow_hosts can permit it"
)


async def do(processes: GuardedProcesses, *deed: Any) -> Any:
    output = await processes.run("tests.errands", msgspec.json.encode(deed))
    return msgspec.json.decode(output)


def results_of(policy: Policy, *deeds: tuple[Any, ...]) -> list[Any]:
    """Return what became of each deed, all in processes of their own, beside a server."""

    async def run() -> list[Any]:
        server = FakeServer(lambda request: Answer(200))
        async with server.run():
            processes = GuardedProcesses(policy, 60)
            placed = [[server.port if each == "PORT" else each for each in deed] for deed in deeds]
            return await asyncio.gather(*[do(processes, *deed) for deed in placed])

    return asyncio.run(run())


def test_connections_are_made_where_they_are_allowed() -> None:
    deeds = [
        ("fetch", "127.0.0.1", "PORT"),
        ("fetch in thread", "127.0.0.1", "PORT"),
        ("send datagram", "127.0.0.1", 9),
    ]

    assert results_of(LOOPBACK, *deeds) == [
        {"result": "HTTP/1.1 200 ", "refusals": []},
        {"result": ["HTTP/1.1 200 "], "refusals": []},
        {"result": 1, "refusals": []},
    ]
    assert results_of(Policy(allow_hosts=("localhost",)), ("fetch", "localhost", "PORT")) == [
        {"result": "HTTP/1.1 200 ", "refusals": []}
    ]


def test_connections_are_refused_everywhere_else() -> None:
    refused = {"result": "PermissionError", "refusals": [REFUSAL]}
    metadata = REFUSAL.replace("127.0.0.1", "169.254.169.254")
    deeds = [
        ("fetch", "127.0.0.1", "PORT"),
        ("fetch in thread", "2130706433", "PORT"),
        ("send datagram", "127.0.0.1", 9),
        ("fetch", "169.254.169.254", 80),
        ("connect without looking up", "localhost", "PORT"),
        ("connect locally", "/dev/log"),
    ]

    unknown = ["what is connected to is no address"]
    assert results_of(Policy(allow_private=True), *deeds) == [
        refused,
        {"result": ["PermissionError"], "refusals": [REFUSAL]},
        refused,
        {"result": "PermissionError", "refusals": [metadata]},
        {"result": "PermissionError", "refusals": unknown},
        {"result": "PermissionError", "refusals": unknown},
    ]


def test_files_programs_and_listeners_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "faultline.key"
    secret.write_text("secret")
    deeds: list[tuple[Any, ...]] = [
        ("read", str(secret)),
        ("read", "/proc/self/environ"),
        ("read", "/etc/passwd"),
        ("read", f"{os.__file__}/../../../../../../../../../../etc/passwd"),
        ("write", str(tmp_path / "new")),
        ("start program",),
        ("fork",),
        ("listen",),
        ("read own",),
    ]

    results = [each["result"] for each in results_of(LOOPBACK, *deeds)]

    assert results == ["PermissionError"] * 8 + [True]
    assert list(tmp_path.iterdir()) == [secret]


def test_process_has_neither_the_environment_nor_the_memory_of_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FAULTLINE_LITE_MASTER_API_KEY", "secret")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")

    environment, memory, noise = results_of(
        LOOPBACK, ("environment",), ("fill memory",), ("print",)
    )

    assert not {"FAULTLINE_LITE_MASTER_API_KEY", "HTTPS_PROXY"} & environment["result"].keys()
    assert (memory["result"], noise["result"]) == ("MemoryError", "said")


def test_what_it_is_given_is_in_no_list_of_processes() -> None:
    (arguments,) = results_of(LOOPBACK, ("arguments",))

    assert arguments["result"][1:] == ["-P", "-m", "faultline_lite.egress.guarded_process"]


@pytest.mark.parametrize(
    ("deed", "seconds", "reason"),
    [("hang", 0.5, "not done within 0.5 seconds"), ("die", 60, "the process that delivers failed")],
)
def test_process_that_hangs_or_dies_is_a_failure_that_may_pass(
    deed: str, seconds: float, reason: str
) -> None:
    async def run() -> NotifyError:
        with pytest.raises(NotifyError) as caught:
            await do(GuardedProcesses(LOOPBACK, seconds), deed)
        return caught.value

    failure = asyncio.run(run())

    assert (failure.permanent, failure.reason) == (False, reason)


def test_process_ends_with_the_task_that_waits_for_it() -> None:
    async def run() -> None:
        processes = GuardedProcesses(LOOPBACK, 60)
        server = FakeServer(lambda request: Answer(200))
        async with server.run():
            task = asyncio.create_task(do(processes, "hang"))
            # Until it has begun: another one, begun later, is done.
            await do(processes, "fetch", "127.0.0.1", server.port)
            children = set(_children())
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

            assert len(children) == 1
            assert set(_children()) == set()

    asyncio.run(run())


def _children() -> list[int]:
    path = Path(f"/proc/self/task/{os.getpid()}/children")
    return [int(each) for each in path.read_text().split()]
