"""`init` and `check`."""

import re
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from faultline_lite.config import load_config
from faultline_lite.database_file import prepare_database
from faultline_lite.exceptions import ConfigError
from faultline_lite.sealedbox import load_key_file
from tests.cli.terminal import run, write_config


def findings_of(result: Result) -> list[str]:
    return result.stdout.rpartition("\n\n")[2].splitlines()


def test_init_writes_a_configuration_that_check_accepts() -> None:
    result = run("init", "--dir", "new place")

    assert result.exit_code == 0
    assert "faultline-lite serve --config 'new place/faultline.toml'" in result.stdout
    folder = Path("new place").resolve()
    config = load_config(folder / "faultline.toml", {}, {})
    keys = [config.master_api_key, *config.client_api_keys]
    assert len(set(keys)) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", key or "") for key in keys)
    assert (config.db, config.key_file) == (folder / "faultline.db", folder / "faultline.key")
    assert len(load_key_file(config.key_file)) == 1
    assert stat.S_IMODE((folder / "faultline.toml").stat().st_mode) == 0o600
    assert run("check", "--config", "new place/faultline.toml").exit_code == 0


@pytest.mark.parametrize("name", ["faultline.toml", "faultline.key"])
def test_init_overwrites_nothing(name: str) -> None:
    Path(name).write_text("mine")

    with pytest.raises(ConfigError, match=f"^{name} exists already"):
        run("init")

    assert [path.name for path in Path().iterdir()] == [name]
    assert Path(name).read_text() == "mine"


def test_check_finds_nothing_wrong_with_a_sound_setup() -> None:
    write_config(master_api_key="0123456789abcdef")
    prepare_database(Path("faultline.db"))

    result = run("check")

    assert result.exit_code == 0
    assert [line.split()[0] for line in findings_of(result)] == ["ok"] * 4


def test_check_shows_where_settings_come_from_and_no_secret() -> None:
    write_config(master_api_key="not-to-be-seen-0", client_api_keys=["nor-this-0123456"])

    result = run("check", env={"FAULTLINE_LITE_PORT": "8080"})

    rows = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines() if line}
    assert {key: rows[key] for key in ("port", "host", "master_api_key", "client_api_keys")} == {
        "port": ["8080", "environment"],
        "host": ["127.0.0.1", "default"],
        "master_api_key": ["set", "file"],
        "client_api_keys": ["set", "file"],
    }
    assert not re.search("not-to-be-seen|nor-this", result.output)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"host": "192.0.2.1"}, "FAILED   listening on 192.0.2.1 needs a master_api_key"),
        ({"master_api_key": "short"}, "warning  an API key has fewer than 16 characters"),
        ({"client_api_keys": ["0123456789abcdef"]}, "warning  no master_api_key"),
        ({"min_free_bytes": "1000000 GiB"}, "warning  disk of "),
    ],
)
def test_check_names_what_is_wrong_with_the_settings(values: dict[str, Any], expected: str) -> None:
    write_config(**values)

    result = run("check")

    (found,) = [line for line in findings_of(result) if not line.startswith("ok")]
    assert found.startswith(expected)
    assert result.exit_code == int(expected.startswith("FAILED"))


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("allow_private", True, "true"),
        ("max_db_bytes", "10 GB", "10 GB"),
        ("max_db_bytes", "1536 MiB", "1536 MiB"),
        ("max_db_bytes", 1000, "1 kB"),
        ("max_db_bytes", 1001, "1001"),
    ],
)
def test_check_shows_values_as_the_file_has_them(key: str, value: Any, shown: str) -> None:
    write_config(**{key: value})

    result = run("check")

    assert re.search(rf"^{key} +{shown} +file$", result.stdout, re.MULTILINE)


def test_check_fails_where_there_are_folders_in_place_of_files() -> None:
    write_config()
    Path("faultline.db").mkdir()
    Path("faultline.key").mkdir(mode=0o700)

    result = run("check")

    folder = Path.cwd().resolve()
    assert findings_of(result)[1:3] == [
        f"FAILED   the key file {folder}/faultline.key cannot be read: Is a directory",
        f"FAILED   database {folder}/faultline.db: it is a folder",
    ]


def test_check_warns_of_a_configuration_file_with_keys_that_others_may_read() -> None:
    write_config(master_api_key="0123456789abcdef").chmod(0o644)

    result = run("check")

    assert "warning  faultline.toml holds API keys and is open to others" in result.stdout


def test_check_fails_on_a_foreign_database_and_an_open_key_file() -> None:
    write_config()
    with closing(sqlite3.connect("faultline.db")) as connection:
        connection.execute("CREATE TABLE theirs (id INTEGER)")
    Path("faultline.key").touch(mode=0o644)

    result = run("check")

    folder = Path.cwd().resolve()
    key_file = folder / "faultline.key"
    assert findings_of(result)[1:3] == [
        f"FAILED   the key file {key_file} is open to others: chmod 600 {key_file}",
        f"FAILED   {folder}/faultline.db is a database of another program",
    ]
    assert result.exit_code == 1
