"""Settings: what is in force and from where, how the store is, and no secret anywhere."""

import html
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from faultline_lite.cli.local import serve
from faultline_lite.config import KEYS, Config, load_config
from faultline_lite.sealedbox import create_key_file, rotate_keys
from faultline_lite.sentences import Sentence
from faultline_lite.web.alarms import find_alarms
from faultline_lite.web.settings import FLAGS, list_settings
from tests.fakes import FakeClock
from tests.reports import errors_path, make_report
from tests.servers import RunningServer, running_server
from tests.web.visiting import log_in, server_with_key

CLIENT_KEY = "fedcba9876543210fedcba9876543210"

_TAG = re.compile(r"<[^>]*>|\s+")


def words_of(page: httpx.Response) -> str:
    assert page.status_code == 200, page.text
    return " ".join(html.unescape(_TAG.sub(" ", page.text)).split())


def test_every_key_is_shown_with_where_its_value_came_from(tmp_path: Path) -> None:
    file = tmp_path / "faultline.toml"
    file.write_text('retention_days = 30\nport = 7071\nmax_db_bytes = "1 GiB"\n')
    environ = {
        "FAULTLINE_LITE_PORT": "7072",
        "FAULTLINE_LITE_MASTER_API_KEY": "k" * 32,
        "FAULTLINE_CLIENT_API_KEY": "a,b",
    }
    config = load_config(file, environ, {"host": "::1", "db": None})
    settings = {each.key: each for each in list_settings(config)}

    assert config.file == file
    assert tuple(settings) == KEYS
    assert {
        key: (each.shown, each.text, each.source) for key, each in settings.items()
    }.items() >= {
        "retention_days": ("text", "30", "file"),
        "max_db_bytes": ("text", "1.0 GiB", "file"),
        "port": ("text", "7072", "environment"),
        "host": ("text", "::1", "flag"),
        "master_api_key": ("secret", "", "environment"),
        "client_api_keys": ("secret", "", "environment"),
        "public_url": ("none", "", "default"),
        "allow_http": ("no", "", "default"),
        "rate_limit_per_key": ("text", "100,000", "default"),
        "max_occurrences_per_project": ("unlimited", "", "default"),
    }.items()
    assert settings["client_api_keys"].secrets == 2


def test_flags_are_those_of_the_command() -> None:
    options = {
        name: option.opts[0]
        for option in serve.params
        if (name := option.name) is not None and name in KEYS
    }

    assert options == FLAGS


def test_no_secret_is_shown(tmp_path: Path) -> None:
    create_key_file(tmp_path / "faultline.key", 1)
    keys = (CLIENT_KEY, "b" * 32)
    with server_with_key(tmp_path, client_api_keys=keys) as server, server.client() as visitor:
        log_in(visitor)
        page = visitor.get("/settings")
        key_file = (tmp_path / "faultline.key").read_text()

    assert "1 set, not shown" in words_of(page)
    assert "2 set, not shown" in words_of(page)
    for secret in ("0123456789abcdef", CLIENT_KEY, "b" * 32, *re.findall(r"[\w-]{40,}", key_file)):
        assert secret not in page.text


def test_stranger_sees_no_settings(tmp_path: Path) -> None:
    with server_with_key(tmp_path) as server, server.client() as visitor:
        assert visitor.get("/settings").status_code == 303
        assert visitor.get("/settings/sizes").status_code == 303


def test_keys_are_listed_the_one_that_seals_first(tmp_path: Path) -> None:
    create_key_file(tmp_path / "faultline.key", 1)
    with running_server(tmp_path) as server, server.client() as client:
        newest = rotate_keys(tmp_path / "faultline.key", 2)
        words = words_of(client.get("/settings"))

    assert newest.public_key in words
    shown = re.findall(r"([0-9a-f]{8}) created: [^a-z]* UTC (seals and opens|opens)", words)
    assert [duty for _, duty in shown] == ["seals and opens", "opens"]
    assert shown[0][0] == newest.key_id


def test_store_is_measured_by_part(standing_client: httpx.Client, project: str) -> None:
    standing_client.post(errors_path(project), json=make_report()).raise_for_status()
    words = words_of(standing_client.get("/settings/sizes"))

    assert re.search(r"Errors [1-9]", words)
    assert re.search(r"Occurrences kept [1-9][\d,]* of [1-9][\d,]* counted", words)
    for part in ("Occurrence data", "Search index", "Time series", "Notifications"):
        assert re.search(rf"{part} [\d.]+ (KiB|MiB)", words), part


def test_last_pass_of_retention_is_said(
    server: RunningServer, client: httpx.Client, clock: FakeClock
) -> None:
    before = words_of(client.get("/settings"))
    client.post(errors_path(), json=make_report()).raise_for_status()
    server.run(clock.advance(3600))
    server.run(server.services.retention.run())
    after = words_of(client.get("/settings"))

    assert "Last pass none since the start" in before
    assert "Last pass 2016-12-06 16:00" in after


# Warnings


def test_low_disk_is_said_on_every_page(tmp_path: Path) -> None:
    with running_server(tmp_path, min_free_bytes=2**60) as server, server.client() as client:
        for path in ("/", "/settings", "/deliveries"):
            assert "The disk runs low:" in client.get(path).text


def test_low_disk_is_not_said_to_strangers(tmp_path: Path) -> None:
    with server_with_key(tmp_path, min_free_bytes=2**60) as server, server.client() as visitor:
        stranger = visitor.get("/login").text
        log_in(visitor)

        assert "disk" not in stranger
        assert "The disk runs low:" in visitor.get("/").text


def test_refused_reports_are_said(server: RunningServer, client: httpx.Client) -> None:
    assert find_alarms(server.services) == []
    server.services.database.refuse(Sentence("the disk is nearly full"))

    assert "Reports are being refused: the disk is nearly full" in words_of(client.get("/"))


@pytest.mark.parametrize(
    ("settings", "hint", "is_given"),
    [
        ({}, "No key is set", True),
        ({"master_api_key": "m"}, "No key is set", False),
        ({"master_api_key": "m"}, "There is no client key", True),
        ({"master_api_key": "m", "client_api_keys": ("m",)}, "The master key is a client", True),
        ({"master_api_key": "m", "client_api_keys": ("c",)}, "notify anywhere", True),
        (
            {"master_api_key": "m", "client_api_keys": ("c",), "plain_configs": "deny"},
            "notify anywhere",
            False,
        ),
        ({}, "no links to these pages", True),
        ({"public_url": "http://127.0.0.1"}, "no links to these pages", False),
        ({}, "There is no key pair", True),
    ],
)
def test_hint_is_given_where_it_helps(
    tmp_path: Path, settings: dict[str, Any], hint: str, is_given: bool
) -> None:
    with running_server(tmp_path, **settings) as server, server.client() as visitor:
        if "master_api_key" in settings:
            log_in(visitor, str(settings["master_api_key"]))

        assert (hint in words_of(visitor.get("/settings"))) is is_given


def test_defaults_are_all_said_to_be_defaults() -> None:
    assert {each.source for each in list_settings(Config())} == {"default"}
