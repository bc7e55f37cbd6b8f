"""What is asked about the server itself: health, metrics, version, backup, prune."""

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from faultline_lite import __version__
from faultline_lite.copies import unsent_copy
from faultline_lite.database_file import prepare_database, quick_check
from tests.damage import damage
from tests.fakes import FakeClock
from tests.reports import error_path, errors_path, make_entry, make_report
from tests.servers import RunningServer, running_server, wait_until


def read_metrics(client: httpx.Client) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return the samples by name and labels."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def test_health_is_ok_while_reports_can_be_stored(client: httpx.Client) -> None:
    answer = client.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_damage_refuses_reports_and_is_no_good_health(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    prepare_database(tmp_path / "faultline.db")
    damage(tmp_path / "faultline.db", "occurrence")
    with running_server(tmp_path, FakeClock()) as server, server.client() as client:
        reports = [client.post(errors_path(), json=make_report()) for _ in range(2)]
        listed = client.get("/v0/projects")
        health = [client.get("/healthz") for _ in range(2)]

    said = "the database cannot be written: database disk image is malformed"
    refused = [*reports, *health]
    assert [(each.status_code, each.json()["message"]) for each in refused] == [(503, said)] * 4
    assert "retry-after" in reports[0].headers
    assert listed.status_code == 200
    assert [each.message for each in caplog.records if each.name.endswith(".writer")] == [
        f"{said}; reports are refused until it can"
    ]


def test_info_says_which_version_this_is(client: httpx.Client) -> None:
    assert client.get("/v0/info").json()["data"]["version"] == __version__


def test_metrics_count_what_happened(client: httpx.Client) -> None:
    client.post(errors_path(), json=make_report(errors=[make_entry(), make_entry()]))
    client.post(errors_path(), json={})
    client.get(error_path("/unknown?"))
    client.request("BREW", "/")
    client.get("/nowhere")
    metrics = read_metrics(client)

    def requests(route: str, method: str, status: str) -> float:
        labels = {"route": route, "method": method, "status": status}
        return metrics["faultline_requests_total", frozenset(labels.items())]

    def value(name: str, **labels: str) -> float:
        return metrics[name, frozenset(labels.items())]

    reports = "/v0/projects/{project}/errors"
    assert requests(reports, "POST", "201") == 1
    assert requests(reports, "POST", "400") == 1
    assert requests(f"{reports}/{{message}}", "GET", "404") == 1
    assert requests("other", "GET", "404") == 1
    assert value("faultline_occurrences_total") == 2
    assert value("faultline_commit_items_count") >= 1
    assert value("faultline_commit_items_sum") >= 1
    assert 0 < value("faultline_commit_seconds_sum") < 10
    assert value("faultline_queue_bytes") == 0
    assert value("faultline_database_bytes", file="database") > 0
    assert value("faultline_database_bytes", file="log") > 0


def test_metrics_count_jobs_that_failed(
    server: RunningServer, client: httpx.Client, clock: FakeClock
) -> None:
    def break_census(connection: sqlite3.Connection) -> None:
        connection.execute("DROP TABLE census_progress")

    def count() -> float:
        labels = frozenset({("job", "census")})
        return read_metrics(client).get(("faultline_job_failures_total", labels), 0.0)

    before = count()
    server.run(server.services.database.write(break_census))
    server.run(clock.leap(2))
    wait_until(lambda: count() > before)

    assert (before, count()) == (0.0, 1.0)


def test_metrics_are_named_as_prometheus_wants(client: httpx.Client) -> None:
    client.post(errors_path(), json=make_report())
    lines = client.get("/metrics").text.splitlines()
    kinds = dict(line.split()[2:4] for line in lines if line.startswith("# TYPE "))

    assert [
        name for name, kind in kinds.items() if (kind == "counter") != name.endswith("_total")
    ] == []
    assert [name for name in kinds if not name.startswith("faultline_")] == []
    assert [name for name in kinds if name.endswith("_created")] == []


def test_metrics_hold_nothing_that_a_client_chose(client: httpx.Client) -> None:
    client.post(errors_path("secret-project"), json=make_report("secret-message"))
    client.get(error_path("secret-message", "secret-project"))
    client.request("SECRETMETHOD", "/secret-path", headers={"X-Secret": "secret-header"})

    assert "secret" not in client.get("/metrics").text.lower()


def test_backup_is_a_sound_copy_that_serves(
    server: RunningServer, client: httpx.Client, tmp_path: Path
) -> None:
    for number in range(20):
        client.post(errors_path(), json=make_report(f"kept {'x' * number}"))
    answer = client.get("/v0/backup")
    folder = tmp_path / "restored"
    folder.mkdir()
    (folder / "faultline.db").write_bytes(answer.content)

    assert answer.headers["content-type"] == "application/vnd.sqlite3"
    assert quick_check(folder / "faultline.db") == []
    with running_server(folder, FakeClock()) as restored, restored.client() as other:
        assert other.get(errors_path()).json() == client.get(errors_path()).json()


def test_backup_leaves_no_copy_behind(server: RunningServer, client: httpx.Client) -> None:
    client.post(errors_path(), json=make_report())
    client.get("/v0/backup")
    own = {"faultline.db", "faultline.db-shm", "faultline.db-wal", "faultline.db.lock"}

    # Each goes once its answer is out.
    wait_until(lambda: {path.name for path in server.config.db.parent.iterdir()} == own)


def test_head_of_a_backup_makes_no_copy(client: httpx.Client) -> None:
    answer = client.head("/v0/backup")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "application/vnd.sqlite3"
    # It would be the copy's.
    assert "content-length" not in answer.headers


def test_copy_that_a_killed_process_left_is_removed_at_the_next_start(
    database_path: Path,
) -> None:
    own = [database_path.with_name("faultline.db.backup"), database_path.with_name("unsent")]
    left = [unsent_copy(database_path, "12ab"), unsent_copy(database_path, "12ab-journal")]
    for path in (*own, *left):
        path.write_bytes(b"")
    prepare_database(database_path)

    assert [path.exists() for path in (*own, *left)] == [True, True, False, False]


def test_reports_are_stored_while_a_backup_is_sent(
    server: RunningServer, client: httpx.Client
) -> None:
    filler = {"filler": "".join(map(chr, range(0x4E00, 0x4E00 + 20_000)))}
    for number in range(50):
        client.post(errors_path(), json=make_report(f"a{'x' * number}", params=filler))
    with client.stream("GET", "/v0/backup") as answer:
        stored = [client.post(errors_path(), json=make_report("meanwhile")) for _ in range(20)]
        sent = answer.read()

    assert {each.status_code for each in stored} == {201}
    assert sent.startswith(b"SQLite format 3\x00")


def test_backups_at_the_same_time_do_not_mix(client: httpx.Client) -> None:
    client.post(errors_path(), json=make_report())
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(client.get, ["/v0/backup"] * 4))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1


def test_files_are_their_owners_alone(server: RunningServer, client: httpx.Client) -> None:
    client.post(errors_path(), json=make_report())
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in server.config.db.parent.iterdir()
        if not path.name.endswith(".lock")
    }

    assert modes == dict.fromkeys(modes, 0o600)
    assert len(modes) == 3
