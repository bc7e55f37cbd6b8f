"""Where settings come from, what is refused, and what a refusal gives away."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from faultline_lite.cli.example import render_config
from faultline_lite.config import (
    KEYS,
    Config,
    check_listen,
    describe_keys,
    load_config,
)
from faultline_lite.exceptions import ConfigError

SECRET = "not-to-be-seen with spaces"
EXAMPLE = Path(__file__).parent.parent / "faultline.toml.example"


def write(folder: Path, text: str) -> Path:
    file = folder / "faultline.toml"
    file.write_text(text, encoding="utf-8")
    return file


def refusal_of(
    file: Path | None = None,
    environ: dict[str, str] | None = None,
    flags: dict[str, Any] | None = None,
) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(file, environ or {}, flags or {})
    return str(caught.value)


def test_without_anything_given_every_key_has_its_default() -> None:
    config = load_config(None, {}, {})

    assert config == Config(sources=dict.fromkeys(KEYS, "default"))


def test_flag_wins_over_environment_over_file(tmp_path: Path) -> None:
    file = write(tmp_path, 'port = 1\ntimeunit = "day"\nmax_entries = 1')
    environ = {"FAULTLINE_LITE_PORT": "2", "FAULTLINE_LITE_TIMEUNIT": "hour"}

    config = load_config(file, environ, {"port": 3, "host": None})

    expected = {
        "port": (3, "flag"),
        "timeunit": ("hour", "environment"),
        "max_entries": (1, "file"),
        "host": ("127.0.0.1", "default"),
    }
    assert {key: (getattr(config, key), config.sources[key]) for key in expected} == expected


def test_names_of_the_original_are_read_from_the_environment() -> None:
    environ = {
        "FAULTLINE_MASTER_API_KEY": "master",
        "FAULTLINE_CLIENT_API_KEY": "one, two",
        "FAULTLINE_TIMEUNIT": "hour",
        "FAULTLINE_ERROR_DATA_RETENTION_IN_DAYS": "-1",
    }

    config = load_config(None, environ, {})

    read = (config.master_api_key, config.client_api_keys, config.timeunit, config.retention_days)
    assert read == ("master", ("one", "two"), "hour", -1)


@pytest.mark.parametrize(("ours", "expected"), [("mine", "mine"), ("", "original")])
def test_our_name_wins_over_the_original_unless_it_is_empty(ours: str, expected: str) -> None:
    environ = {"FAULTLINE_LITE_MASTER_API_KEY": ours, "FAULTLINE_MASTER_API_KEY": "original"}

    assert load_config(None, environ, {}).master_api_key == expected


def test_line_break_at_the_end_of_a_variable_is_no_part_of_a_key() -> None:
    environ = {"FAULTLINE_LITE_MASTER_API_KEY": "0123456789abcdef\n"}

    assert load_config(None, environ, {}).master_api_key == "0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1048576", 2**20),
        ("500 MiB", 500 * 2**20),
        ("10GiB", 10 * 2**30),
        ("1.5 kib", 1536),
        ("2 GB", 2 * 10**9),
        ("-1", -1),
    ],
)
def test_size_may_have_a_unit(text: str, expected: int, tmp_path: Path) -> None:
    file = write(tmp_path, f'max_db_bytes = "{text}"')

    assert load_config(file, {}, {}).max_db_bytes == expected
    environ = {"FAULTLINE_LITE_MAX_DB_BYTES": text}
    assert load_config(None, environ, {}).max_db_bytes == expected


def test_path_in_a_file_is_meant_from_where_the_file_is(tmp_path: Path) -> None:
    file = write(tmp_path, 'db = "here.db"\nkey_file = "/elsewhere/faultline.key"')

    config = load_config(file, {}, {})

    assert (config.db, config.key_file) == (
        tmp_path.resolve() / "here.db",
        Path("/elsewhere/faultline.key"),
    )


def test_path_of_an_unknown_user_is_a_name_like_any_other() -> None:
    path = Path("~nobody-of-this-name/faultline.db")

    assert load_config(None, {}, {"db": path}).db == path


def test_choice_is_taken_in_any_case() -> None:
    environ = {"FAULTLINE_LITE_LOG_LEVEL": "WARNING"}

    assert load_config(None, environ, {}).log_level == "warning"


def test_every_mistake_is_reported_at_once(tmp_path: Path) -> None:
    file = write(tmp_path, 'prot = 1\ntimeunit = "week"\nport = 70000')
    environ = {"FAULTLINE_LITE_GRUOPING": "x", "FAULTLINE_LITE_MAX_ENTRIES": "many"}

    assert refusal_of(file, environ, {"max_db_bytes": "big"}).split("; ") == [
        "unknown key prot, did you mean port?",
        "unknown key FAULTLINE_LITE_GRUOPING, did you mean FAULTLINE_LITE_GROUPING?",
        "timeunit (file): expected year or month or day or hour or minute",
        "port (file): expected a whole number from 0 to 65535",
        "max_entries (environment): expected a whole number from 1 to 2147483647",
        "max_db_bytes (flag): expected bytes, such as 1048576, 500 MiB or 10 GiB",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('port = "80"', "expected a whole number from 0 to 65535"),
        ("port = 80.5", "expected a whole number from 0 to 65535"),
        ("retention_days = '9d'", "expected a whole number from -1 to 2147483647"),
        ("allow_http = 1", "expected true or false"),
        ("host = 1", "expected a text"),
        ("public_url = 1", "expected a text"),
        ('allow_hosts = "a"', 'expected a list such as ["a", "b"]'),
        ("scrub_keys = [1]", 'expected a list such as ["a", "b"]'),
        ("max_db_bytes = -5", "expected bytes, such as 1048576, 500 MiB or 10 GiB"),
        ("max_db_bytes = '10 GX'", "expected bytes, such as 1048576, 500 MiB or 10 GiB"),
        ("host = '127.0.0.1:80'", "expected a name or an address, without port and brackets"),
        ("host = '[::1]'", "expected a name or an address, without port and brackets"),
    ],
)
def test_refusal_says_what_is_expected(text: str, expected: str, tmp_path: Path) -> None:
    assert refusal_of(write(tmp_path, text)) == f"{text.split()[0]} (file): {expected}"


@pytest.mark.parametrize("host", ["::1", "fe80::1%lo", "localhost", "errors.internal", "0.0.0.0"])  # noqa: S104
def test_host_is_an_address_or_a_name(host: str) -> None:
    assert load_config(None, {}, {"host": host}).host == host


@pytest.mark.parametrize(
    "text",
    [
        f'master_api_key = "{SECRET}"',
        f'client_api_keys = ["{SECRET}"]',
        f'client_api_keys = "{SECRET}"',
        f'master_api_key = ["{SECRET}"]',
        'master_api_key = "café-not-to-be-seen"',
        'master_api_key = "not-to-be-seen\\n"',
    ],
)
def test_value_of_a_secret_key_is_never_in_the_refusal(text: str, tmp_path: Path) -> None:
    key = text.split()[0]

    assert refusal_of(write(tmp_path, text)) == (
        f"{key} (file): expected printable ASCII characters without spaces"
    )


def test_printed_form_of_a_config_has_no_secret() -> None:
    config = Config(master_api_key="not-to-be-seen", client_api_keys=("nor-this",))

    assert not re.search("not-to-be-seen|nor-this", f"{config} {config!r}")


@pytest.mark.parametrize(
    "line",
    [
        "port = -1",
        "port = 65536",
        "port = true",
        'port = "7070"',
        "retention_days = -2",
        "retention_days = 2147483648",
        "retention_days = 1.5",
        "max_body_bytes = 0",
        "max_entries = 0",
        "db = 5",
        'scrub_keys = "one"',
        'scrub_keys = [""]',
        'allow_hosts = "10.0.0.0/8"',
        'allow_hosts = ["10.0.0.1/8"]',
        'allow_hosts = ["*.example.com"]',
        'allow_hosts = ["https://hooks.example.com"]',
        'allow_private = "yes"',
        'public_url = "errors.example.com"',
        'public_url = "ftp://errors.example.com"',
        'public_url = "https://"',
        'public_url = "https://user:word@errors.example.com"',
        'public_url = "https://errors.example.com/#top"',
        'public_url = "https://[::1"',
        'public_url = "https://errors.example.com:port"',
    ],
)
def test_value_that_cannot_work_is_refused_by_its_key(line: str, tmp_path: Path) -> None:
    key = line.split()[0]

    assert refusal_of(write(tmp_path, line)).startswith(f"{key} (file): ")


def test_public_url_keeps_its_path_and_loses_its_last_slash(tmp_path: Path) -> None:
    file = write(tmp_path, 'public_url = "https://example.com/errors/"')

    assert load_config(file, {}, {}).public_url == "https://example.com/errors"


def test_variables_of_an_orchestrator_and_of_the_command_line_are_left_alone() -> None:
    environ = {
        "FAULTLINE_LITE_SERVICE_HOST": "10.0.0.1",
        "FAULTLINE_LITE_SERVICE_PORT": "7070",
        "FAULTLINE_LITE_SERVICE_PORT_HTTP": "7070",
        "FAULTLINE_LITE_PORT": "tcp://10.0.0.1:7070",
        "FAULTLINE_LITE_PORT_7070_TCP": "tcp://10.0.0.1:7070",
        "FAULTLINE_LITE_PORT_7070_TCP_ADDR": "10.0.0.1",
        "FAULTLINE_LITE_URL": "http://127.0.0.1:7070",
        "FAULTLINE_LITE_API_KEY": "key",
        "FAULTLINE_LITE_CONFIG": "faultline.toml",
        "FAULTLINE_ENDPOINT": "of a client",
    }

    assert load_config(None, environ, {}) == load_config(None, {}, {})


def test_file_that_is_missing_or_no_toml_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    broken = write(tmp_path, "port 7070")

    assert refusal_of(missing) == f"{missing} cannot be read: No such file or directory"
    assert refusal_of(broken).startswith(f"{broken} is not TOML: ")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_loopback_needs_no_key(host: str) -> None:
    check_listen(Config(host=host))


EVERYWHERE = "0.0.0.0"  # noqa: S104 - what is refused here


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "192.0.2.1", "errors.example.com"])
def test_beyond_loopback_a_master_key_is_needed(host: str) -> None:
    check_listen(Config(host=host, master_api_key="0123456789abcdef"))

    with pytest.raises(ConfigError, match=f"{re.escape(host)} needs a master_api_key.*init"):
        check_listen(Config(host=host, client_api_keys=("0123456789abcdef",)))


def test_every_key_says_what_it_is_for() -> None:
    described = {key: (default, bool(text)) for key, default, text in describe_keys()}

    assert described == {key: (getattr(Config(), key), True) for key in KEYS}


def test_example_file_is_what_the_table_renders() -> None:
    assert EXAMPLE.read_text(encoding="utf-8") == render_config({})


def test_example_uncommented_holds_every_key_with_its_default(tmp_path: Path) -> None:
    text = re.sub(r"^# (?=\w+ = )", "", render_config({}), flags=re.MULTILINE)

    config = load_config(write(tmp_path, text), {}, {})

    assert tuple(tomllib.loads(text)) == KEYS
    assert {key: getattr(config, key) for key in KEYS} == {
        key: getattr(Config(), key) for key in KEYS
    }
