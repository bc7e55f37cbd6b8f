"""Who may do what, from which page, and how much of it."""

import itertools
from collections.abc import Iterator

import httpx
import pytest

from tests.fakes import FakeClock
from tests.reports import (
    error_path,
    errors_path,
    make_entry,
    make_report,
    occurrences_path,
    project_path,
)
from tests.servers import RunningServer, running_server

MASTER = "0123456789abcdef0123456789abcdef"
CLIENT = "fedcba9876543210fedcba9876543210"
OTHER_CLIENT = "00000000000000000000000000000000"
FORBIDDEN = b'{\n  "errors": [\n    {\n      "message": "403 Forbidden"\n    }\n  ]\n}'

#: Every operation that needs the master key, with the status that it answers to it here.
MASTER_OPERATIONS = [
    ("GET", "/v0/projects", 200),
    ("GET", errors_path(), 200),
    ("GET", error_path("known"), 200),
    ("PATCH", error_path("known"), 200),
    ("GET", occurrences_path("known"), 200),
    ("GET", f"{occurrences_path('known')}/9007197773704591", 200),
    ("GET", "/v0/info", 200),
    ("GET", "/v0/backup", 200),
    ("POST", "/v0/prune", 200),
    ("DELETE", error_path("other"), 204),
    ("DELETE", project_path("other"), 204),
]
OPEN_OPERATIONS = [("GET", "/healthz"), ("GET", "/v0/openapi.json"), ("GET", "/metrics")]


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with keys, and an error "known" in the project of the paths."""
    folder = tmp_path_factory.mktemp("locked")
    keys = {"master_api_key": MASTER, "client_api_keys": [CLIENT, OTHER_CLIENT]}
    with running_server(folder, FakeClock(), **keys) as server:
        with server.client(CLIENT) as client:
            client.post(errors_path(), json=make_report("known"))
        yield server


def ask(server: RunningServer, method: str, path: str, key: str | None) -> httpx.Response:
    with server.client(key) as client:
        body = {"status": "resolved"} if method == "PATCH" else None
        return client.request(method, path, json=body)


@pytest.mark.parametrize(("method", "path", "status"), MASTER_OPERATIONS)
def test_master_key_does_everything(
    locked: RunningServer, method: str, path: str, status: int
) -> None:
    assert ask(locked, method, path, MASTER).status_code == status


@pytest.mark.parametrize(("method", "path", "_status"), MASTER_OPERATIONS)
@pytest.mark.parametrize("key", [None, "", CLIENT, MASTER[:-1], f"{MASTER}0", MASTER.upper()])
def test_no_other_key_does(
    locked: RunningServer, method: str, path: str, _status: int, key: str | None
) -> None:
    answer = ask(locked, method, path, key)

    assert (answer.status_code, answer.content) == (403, FORBIDDEN)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("key", [MASTER, CLIENT, OTHER_CLIENT])
def test_every_key_reports(locked: RunningServer, key: str) -> None:
    with locked.client(key) as client:
        answer = client.post(errors_path(), json=make_report())

    assert answer.status_code == 201


@pytest.mark.parametrize("key", [None, "", "wrong", CLIENT[:-1]])
def test_nobody_else_reports(locked: RunningServer, key: str | None) -> None:
    with locked.client(key) as client:
        answer = client.post(errors_path(), json=make_report())

    assert (answer.status_code, answer.content) == (403, FORBIDDEN)


def test_unknown_route_tells_nothing_of_keys(locked: RunningServer) -> None:
    assert ask(locked, "GET", "/v0/nothing", None).status_code == 404


@pytest.mark.parametrize(("method", "path"), OPEN_OPERATIONS)
def test_what_needs_no_key(locked: RunningServer, method: str, path: str) -> None:
    assert ask(locked, method, path, None).status_code == 200


def test_name_of_the_header_is_of_any_case(locked: RunningServer) -> None:
    with locked.client() as client:
        answer = client.post(errors_path(), json=make_report(), headers={"x-API-kEY": CLIENT})

    assert answer.status_code == 201


def test_key_that_is_no_ascii_is_refused(locked: RunningServer) -> None:
    with locked.client() as client:
        answer = client.get("/v0/projects", headers={b"X-Api-Key": "schlüssel".encode()})

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        (errors_path(), "POST, GET, OPTIONS"),
        (error_path("known"), "GET, PATCH, DELETE, OPTIONS"),
        (occurrences_path("known"), "GET, OPTIONS"),
        (f"{occurrences_path('known')}/9007197773704591", "GET, OPTIONS"),
        ("/v0/projects", "GET, OPTIONS"),
        (project_path(), "DELETE, OPTIONS"),
        ("/v0/info", "GET, OPTIONS"),
        ("/v0/openapi.json", "GET, OPTIONS"),
    ],
)
def test_preflight_needs_no_key_and_names_the_methods(
    locked: RunningServer, path: str, methods: str
) -> None:
    with locked.client() as client:
        answer = client.options(
            path,
            headers={
                "Origin": "https://shop.example.com",
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type,x-api-key",
            },
        )

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-methods"] == methods
    assert answer.headers["access-control-allow-headers"] == (
        "Content-Type, X-Api-Key, X-Sentry-Auth, Authorization"
    )


def test_every_answer_of_the_api_may_be_read_by_any_page(locked: RunningServer) -> None:
    with locked.client(MASTER) as client:
        answers = [
            client.post(errors_path(), json=make_report()),
            client.post(errors_path(), content=b"{"),
            client.get(errors_path("unknown")),
            client.get("/v0/unknown"),
            client.put(errors_path()),
            client.get("/v0/openapi.json"),
            client.get("/v0/projects", headers={"X-Api-Key": "wrong"}),
        ]

    assert [answer.status_code for answer in answers] == [201, 400, 404, 404, 405, 200, 403]
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["access-control-expose-headers"] == (
            "Retry-After, X-RateLimit-Reset, X-RateLimit-Delay"
        )


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/nothing"])
def test_what_is_not_of_the_api_is_not_under_cors(locked: RunningServer, path: str) -> None:
    assert "access-control-allow-origin" not in ask(locked, "GET", path, None).headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:7070"}, 200),
        ({"Host": "[::1]:7070"}, 200),
        ({"Origin": "http://127.0.0.1:7070"}, 200),
        ({"Origin": "http://localhost"}, 200),
        ({"Origin": "https://evil.example.com"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1.evil.example.com"}, 403),
        ({"Origin": "http://[::1"}, 403),
        ({"Host": "rebound.evil.example.com"}, 403),
        ({"Host": "[::1"}, 403),
        ({"Host": ""}, 403),
    ],
)
def test_without_keys_a_strange_page_may_report_and_nothing_else(
    standing_client: httpx.Client, headers: dict[str, str], status: int
) -> None:
    read = standing_client.get("/v0/projects", headers=headers)
    reported = standing_client.post(errors_path(), json=make_report(), headers=headers)

    assert (read.status_code, reported.status_code) == (status, 201)


def test_project_that_sends_too_much_waits(
    tmp_path_factory: pytest.TempPathFactory, clock: FakeClock
) -> None:
    folder = tmp_path_factory.mktemp("limited")
    entries = {"errors": [make_entry(), make_entry()]}
    with (
        running_server(folder, clock, rate_limit_per_project=6) as server,
        server.client() as client,
    ):
        statuses = [client.post(errors_path(), json=entries).status_code for _ in range(4)]
        refused = client.post(errors_path(), json=make_report())
        elsewhere = client.post(errors_path("other"), json=make_report())
        count = client.get(errors_path()).json()["data"]["errors"][0]["count"]
        server.run(clock.advance(10))
        later = client.post(errors_path(), json=make_report())
        metrics = client.get("/metrics").text

    assert statuses == [201, 201, 201, 429]
    assert refused.status_code == 429
    assert refused.json()["message"] == "too many occurrences with this project: try again in 10 s"
    assert (refused.headers["retry-after"], refused.headers["x-ratelimit-delay"]) == ("10", "10")
    assert refused.headers["access-control-allow-origin"] == "*"
    assert (elsewhere.status_code, count, later.status_code) == (201, 6, 201)
    assert 'status="429"' in metrics


def test_reset_of_the_limit_is_a_time_of_the_clock(
    tmp_path_factory: pytest.TempPathFactory, clock: FakeClock
) -> None:
    folder = tmp_path_factory.mktemp("limited")
    with (
        running_server(folder, clock, rate_limit_per_project=1) as server,
        server.client() as client,
    ):
        client.post(errors_path(), json=make_report())
        refused = client.post(errors_path(), json=make_report())

    assert int(refused.headers["x-ratelimit-reset"]) == clock.now_ms() // 1000 + 60


def test_keys_are_limited_each_for_itself(
    tmp_path_factory: pytest.TempPathFactory, clock: FakeClock
) -> None:
    folder = tmp_path_factory.mktemp("limited")
    keys = {"master_api_key": MASTER, "client_api_keys": [CLIENT, OTHER_CLIENT]}
    with running_server(folder, clock, rate_limit_per_key=1, **keys) as server:
        numbers = itertools.count()
        statuses = [
            ask_report(server, key, f"p{next(numbers)}")
            for key in (CLIENT, CLIENT, OTHER_CLIENT, OTHER_CLIENT, MASTER)
        ]

    assert statuses == [201, 429, 201, 429, 201]


def ask_report(server: RunningServer, key: str, project: str) -> int:
    with server.client(key) as client:
        return client.post(errors_path(project), json=make_report()).status_code


def test_refused_report_costs_neither_allowance(
    tmp_path_factory: pytest.TempPathFactory, clock: FakeClock
) -> None:
    folder = tmp_path_factory.mktemp("limited")
    with (
        running_server(folder, clock, rate_limit_per_key=3, rate_limit_per_project=1) as server,
        server.client() as client,
    ):
        client.post(errors_path("one"), json=make_report())
        refused = [client.post(errors_path("one"), json=make_report()) for _ in range(5)]
        others = [client.post(errors_path(name), json=make_report()) for name in ("two", "three")]

    assert {answer.status_code for answer in refused} == {429}
    assert [answer.status_code for answer in others] == [201, 201]
