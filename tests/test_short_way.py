"""Reports go past Starlette's layers, and nobody can tell."""

import sqlite3

import httpx
import pytest

from tests.servers import RunningServer

PATH = "/v0/projects/web/errors"


def test_report_is_counted_by_its_route(server: RunningServer, client: httpx.Client) -> None:
    client.post(PATH, json={"errors": [{"message": "boom"}]}).raise_for_status()

    route = '{method="POST",route="/v0/projects/{project}/errors",status="201"}'
    assert f"faultline_requests_total{route} 1.0" in client.get("/metrics").text.splitlines()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", PATH, 400),
        ("POST", "/v0/projects/a.b/errors", 400),
        ("PUT", PATH, 405),
        ("POST", f"{PATH}/", 404),
        ("POST", "/v0/projects/web/errorsx", 404),
        ("OPTIONS", PATH, 204),
    ],
)
def test_what_is_refused_is_answered_as_everywhere(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    answer = client.request(method, path, content=b"{}")

    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == "*"
    assert status == 204 or answer.json()["errors"][0]["message"]


def test_failure_of_ours_is_answered_and_logged(
    server: RunningServer, client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    def break_store(connection: sqlite3.Connection) -> None:
        connection.execute("DROP TABLE timeline")

    server.run(server.services.database.write(break_store))

    answer = client.post(PATH, json={"errors": [{"message": "boom"}]})
    # The line is written behind the answer, and the connection is closed.
    with server.client() as another:
        another.get("/v0/info")

    assert answer.status_code == 500
    assert answer.json()["errors"] == [{"message": "500 Internal Server Error"}]
    assert "no such table: timeline" in caplog.text
