"""What is refused: with its status, and in one shape."""

import re
from collections.abc import Iterator

import httpx
import pytest

from faultline_lite.api.openapi import OPENAPI
from tests.fakes import FakeClock
from tests.refusals import assert_shape
from tests.reports import errors_path, make_report
from tests.servers import RunningServer, running_server

MASTER = "0123456789abcdef0123456789abcdef"
MAX_BODY_BYTES = 2**20


@pytest.mark.parametrize(
    "name", ["a b", "a.b", "..", "a\tb", "a/b", "a\u3000b", "x" * 257, "あ" * 86, "a\u2028b"]
)
def test_project_of_an_impossible_name_is_refused(standing_client: httpx.Client, name: str) -> None:
    answers = [
        standing_client.post(errors_path(name), json=make_report()),
        standing_client.get(errors_path(name)),
    ]

    for answer in answers:
        assert answer.status_code == 400
        assert [problem["path"] for problem in answer.json()["errors"]] == [["project"]]


@pytest.mark.parametrize(
    "name", ["x" * 256, "あ" * 85, "%", "日本", "a%2Fb", "'\"<>", "\x00", "🍣"]
)
def test_project_of_an_odd_name_is_taken(standing_client: httpx.Client, name: str) -> None:
    posted = standing_client.post(errors_path(name), json=make_report("named"))
    listed = standing_client.get(errors_path(name)).json()["data"]["errors"]
    names = [
        each["name"] for each in standing_client.get("/v0/projects").json()["data"]["projects"]
    ]

    assert posted.status_code == 201
    assert [error["project"] for error in listed] == [name]
    assert name in names


@pytest.mark.parametrize("segment", ["%FF", "%ED%A0%80", "a%C3"])
def test_path_that_is_no_utf8_is_refused(standing_client: httpx.Client, segment: str) -> None:
    answer = standing_client.get(f"/v0/projects/{segment}/errors")

    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"message": "project in the path is not UTF-8", "path": ["project"]}
    ]


@pytest.fixture(scope="module")
def locked_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("locked")
    with (
        running_server(folder, FakeClock(), master_api_key=MASTER) as server,
        server.client() as client,
    ):
        yield client


def operations() -> Iterator[tuple[str, str, bool]]:
    """Yield (method, path, whether it needs a key) of every operation that is described."""
    values = {"project": "known", "message": "known", "reversedUnixtime": "9007197773704591"}
    for template, described in OPENAPI["paths"].items():
        path = re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], "1"), template)
        for method, operation in described.items():
            if method != "parameters":
                yield method.upper(), path, bool(operation["security"])


@pytest.mark.parametrize(("method", "path", "locked"), list(operations()))
def test_every_refusal_has_the_same_shape(
    locked_client: httpx.Client, method: str, path: str, locked: bool
) -> None:
    key = {"X-Api-Key": MASTER}
    refused = [
        locked_client.put(path, headers=key),
        locked_client.request(method, f"{path}/unknown/route/of/it", headers=key),
        locked_client.request(method, path.replace("known", "un.known"), headers=key),
        locked_client.request(method, path, headers={**key, "Content-Encoding": "rot13"}),
        locked_client.request(method, path, headers=key, content=b"x" * (MAX_BODY_BYTES + 1)),
        locked_client.request(method, path, headers=key, content=b"{"),
        locked_client.request(method, path, headers=key, content=b"\xff"),
        locked_client.request(method, path, params={"limit": "x", "start": "x", "cursor": "x"}),
    ]
    without_key = locked_client.request(method, path)

    assert refused[0].status_code == 405
    assert method in refused[0].headers["allow"]
    assert refused[1].status_code == 404
    assert (without_key.status_code == 403) is locked
    for answer in refused:
        assert_shape(answer)


def test_failure_of_ours_has_the_shape_too(server: RunningServer, client: httpx.Client) -> None:
    server.run(server.services.database.close())
    answer = client.get("/v0/projects")

    assert (answer.status_code, answer.json()["message"]) == (500, "500 Internal Server Error")
