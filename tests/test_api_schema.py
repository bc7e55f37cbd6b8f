"""The API and its description agree, whatever is sent: fuzzed by schemathesis."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.routing import Route

from faultline_lite.api.openapi import OPENAPI
from faultline_lite.api.routes import make_routes
from faultline_lite.http.routing import Resource
from faultline_lite.sealedbox import create_key_file
from tests.fakes import FakeClock
from tests.reports import errors_path, make_report
from tests.servers import RunningServer, running_server

MASTER_KEY = "0123456789abcdef0123456789abcdef"
PLACE = "9007197773704591"
#: An error that is there, so that what is asked of one is reached.
KNOWN = f"""
[parameters]
project = "sample-project"
message = "known"
reversedUnixtime = "{PLACE}"
reversed_unixtime = "{PLACE}"
cursor = ""
"""


@pytest.fixture
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("fuzzed")
    create_key_file(folder / "faultline.key", 0)
    with running_server(folder, FakeClock(), master_api_key=MASTER_KEY) as server:
        with server.client(MASTER_KEY) as client:
            client.post(errors_path(), json=make_report("known"))
        yield server


def fuzz(server: RunningServer, folder: Path, config: str, *options: str) -> None:
    """Run schemathesis with all its checks; where it finds anything, fail with what it says."""
    program = Path(sys.executable).with_name("schemathesis")
    config_file = folder / "schemathesis.toml"
    config_file.write_text(config)
    target = ("run", f"{server.url}/v0/openapi.json", "--header", f"X-Api-Key: {MASTER_KEY}")
    ran = subprocess.run(
        [program, "--config-file", config_file, *target, *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout


def test_whatever_is_sent_is_answered_as_described(locked: RunningServer, tmp_path: Path) -> None:
    # Any text is a cursor by the description, and refused where it is none of ours.
    fuzz(locked, tmp_path, "", "--max-time=20", "--exclude-checks=positive_data_acceptance")


def test_what_is_described_is_taken(locked: RunningServer, tmp_path: Path) -> None:
    fuzz(
        locked,
        tmp_path,
        KNOWN,
        *("--max-time=10", "--phases=coverage,fuzzing", "--mode=positive"),
        # It would be gone; a config that works is not described; two times may be too far apart.
        *("--exclude-method=DELETE", "--exclude-path=/v0/encrypt", "--exclude-path-regex=timeline"),
        "--exclude-path=/v0/deliveries/{id}/retry",
    )


def test_every_route_is_described_with_its_methods() -> None:
    served = {
        route.path: {method.lower() for method in route.endpoint.methods}
        for route in make_routes()
        if isinstance(route, Route) and isinstance(route.endpoint, Resource)
    }
    described = {
        path.replace("{reversedUnixtime}", "{reversed_unixtime}"): set(methods) - {"parameters"}
        for path, methods in OPENAPI["paths"].items()
    }

    assert described == served


def test_description_is_served_as_it_is(standing_client: httpx.Client) -> None:
    answer = standing_client.get("/v0/openapi.json")

    assert answer.json() == json.loads(json.dumps(OPENAPI))
    assert answer.json()["openapi"] == "3.1.0"
