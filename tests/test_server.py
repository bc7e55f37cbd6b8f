"""The server's life: it starts, serves, and ends with everything stored."""

import json
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from faultline_lite.database_file import prepare_database
from tests.damage import damage
from tests.fakes import FakeClock
from tests.load import KEEP_ALL, Load, check_everything_is_there, running_load
from tests.reports import error_path, errors_path, make_report
from tests.servers import (
    PATIENCE_SECONDS,
    PROGRAM_ENVIRONMENT,
    RunningServer,
    server_process,
    wait_until,
)
from tests.wire import connect, make_request

#: Sooner than what waits at a stop would be cut off.
SOON_SECONDS = 4
EVERYWHERE = "0.0.0.0"  # noqa: S104 - that it is refused is what is tested


def run_program(
    *arguments: str, folder: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "faultline_lite", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=PATIENCE_SECONDS,
        env={**PROGRAM_ENVIRONMENT, "HOME": str(folder), **variables},
    )


def test_posted_report_is_found_again(client: httpx.Client, clock: FakeClock) -> None:
    posted = client.post(errors_path(), json=make_report("nothing works"))
    found = client.get(error_path("nothing works"))

    assert posted.status_code == 201
    assert found.json()["data"]["error"]["timestamp"] == "2016-12-07T00:00:00+09:00"


def test_jobs_run_as_the_clock_advances(server: RunningServer, clock: FakeClock) -> None:
    server.run(clock.advance(3600))

    assert clock.monotonic() == 3600


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_under_load_ends_the_program_with_everything_stored(
    tmp_path: Path, sent: signal.Signals
) -> None:
    load = Load()
    with server_process(tmp_path, environment=KEEP_ALL) as server:
        with running_load(server.url, load):
            wait_until(lambda: len(load.acknowledged) > 100)
            exit_code = server.stop(sent, SOON_SECONDS)
        log = server.log.read_text().splitlines()

    assert exit_code == 0
    assert log[-1].endswith(" INFO server: stopped; everything that was taken is stored")
    assert not [line for line in log if " ERROR " in line or " WARNING " in line]
    # The log has been emptied into the file, which is whole without it.
    assert not (tmp_path / "faultline.db-wal").exists()
    check_everything_is_there(tmp_path / "faultline.db", load)


def test_server_under_nohup_outlives_its_terminal(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with server_process(tmp_path) as server, server.client() as client:
            server.process.send_signal(signal.SIGHUP)
            client.post(errors_path(), json=make_report())
            still = client.post(errors_path(), json=make_report())
    finally:
        signal.signal(signal.SIGHUP, before)

    assert still.status_code == 201


def test_requests_that_have_not_arrived_hold_up_no_stop(tmp_path: Path) -> None:
    report = json.dumps(make_report("half")).encode()
    with server_process(tmp_path) as server:
        with (
            connect(server.url) as idle,
            connect(server.url) as head,
            connect(server.url) as body,
            server.client() as client,
        ):
            head.sendall(b"POST / HTTP/1.1\r\n")
            body.sendall(make_request("POST", errors_path(), report)[:-10])
            client.post(errors_path(), json=make_report("whole"))
            exit_code = server.stop(timeout_seconds=SOON_SECONDS)
            ends = [each.recv(1) for each in (idle, head, body)]
        log = server.log.read_text()

    assert exit_code == 0
    assert ends == [b"", b"", b""]
    assert " ERROR " not in log


def test_second_server_on_the_same_database_refuses(tmp_path: Path) -> None:
    with server_process(tmp_path) as server, server.client() as client:
        database = tmp_path / "faultline.db"
        second = run_program("serve", "--port", "0", "--db", str(database), folder=tmp_path)
        still = client.post(errors_path(), json=make_report())

    assert second.returncode == 2
    assert second.stdout == ""
    assert second.stderr == (f"Error: another faultline-lite serves {database}: stop it first\n")
    assert still.status_code == 201


def test_damaged_database_is_refused_in_two_lines(tmp_path: Path) -> None:
    database = tmp_path / "faultline.db"
    prepare_database(database)
    damage(database, "payload_dictionary")

    done = run_program("serve", "--port", "0", "--db", str(database), folder=tmp_path)

    first, second = done.stderr.splitlines()
    assert first.endswith(" ERROR uvicorn.error: Application startup failed. Exiting.")
    assert second == (
        f"Error: {database} cannot be used: database disk image is malformed; "
        "`faultline-lite check` looks further"
    )
    assert (done.returncode, done.stdout) == (2, "")


def test_address_that_is_taken_is_refused(tmp_path: Path) -> None:
    with server_process(tmp_path) as server:
        port = server.url.rsplit(":", 1)[1]
        second = run_program("serve", "--port", port, "--db", "other.db", folder=tmp_path)

    assert second.returncode == 2
    assert second.stderr == (f"Error: cannot listen on 127.0.0.1:{port}: Address already in use\n")


def test_server_is_open_to_others_with_a_master_key_only(tmp_path: Path) -> None:
    refused = run_program("serve", "--host", EVERYWHERE, "--port", "0", folder=tmp_path)

    assert refused.returncode == 2
    assert refused.stderr == (
        "Error: listening on 0.0.0.0 needs a master_api_key, or anybody could read and delete "
        "your errors: `faultline-lite init` writes a configuration with fresh keys\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_server_with_a_master_key_listens_everywhere(tmp_path: Path) -> None:
    environment = {
        "FAULTLINE_LITE_HOST": EVERYWHERE,
        "FAULTLINE_LITE_MASTER_API_KEY": "0123456789abcdef",
    }
    with server_process(tmp_path, environment=environment) as server:
        assert server.url.startswith("http://0.0.0.0:")
        assert server.stop() == 0


def test_server_needs_no_configuration(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "faultline_lite", "serve", "--port", "0"]
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**PROGRAM_ENVIRONMENT, **home},
    ) as process:
        assert process.stdout is not None
        greeting = ""
        while "curl" not in greeting:
            greeting += process.stdout.readline()
        pasted = subprocess.run(
            ["/bin/sh", "-c", greeting[greeting.index("curl") :]],
            capture_output=True,
            text=True,
            check=True,
        )
        process.terminate()
        exit_code = process.wait(PATIENCE_SECONDS)
    data = tmp_path / "data" / "faultline-lite"

    assert json.loads(pasted.stdout)["data"] == {"errors": {"postCount": 1}}
    assert exit_code == 0
    assert f"  database       {data / 'faultline.db'}\n" in greeting
    assert f"  key file       {data / 'faultline.key'}\n" in greeting
    assert sorted(path.name for path in data.iterdir()) == [
        *("faultline.db", "faultline.db.lock", "faultline.key")
    ]


def test_log_is_lines_for_people_or_objects_for_a_collector(tmp_path: Path) -> None:
    lines: dict[str, list[str]] = {}
    for log_format in ("text", "json"):
        environment = {"FAULTLINE_LITE_LOG_FORMAT": log_format}
        log = tmp_path / f"{log_format}.log"
        with server_process(tmp_path, environment=environment, log=log) as server:
            server.stop()
        lines[log_format] = log.read_text().splitlines()
    (stopped,) = map(json.loads, lines["json"])

    (text,) = lines["text"]
    time, rest = text.split(" ", 1)
    assert rest == "INFO server: stopped; everything that was taken is stored"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stopped["time"])
    assert stopped == {
        "time": stopped["time"],
        "level": "info",
        "logger": "server",
        "message": "stopped; everything that was taken is stored",
    }


def test_requests_leave_no_line_in_the_log(tmp_path: Path) -> None:
    with server_process(tmp_path) as server, server.client() as client:
        client.post(errors_path(), json=make_report())
        client.post(errors_path(), content=b"{")
        client.get("/nowhere")
        with connect(server.url) as connection:
            connection.sendall(b"nonsense\r\n\r\n")
            connection.recv(100)
        log = server.log.read_text()

    assert log == ""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the limits of a process")
def test_as_many_connections_as_the_system_allows_are_taken(tmp_path: Path) -> None:
    with server_process(tmp_path) as server:
        soft, hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)

    assert soft == hard
