"""`keys` and `seal`: what they print, what they refuse, and that no secret is ever printed."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from faultline_lite.cli import cli, notifications, sealing
from faultline_lite.exceptions import ChannelConfigError, ConfigError, FaultlineError
from faultline_lite.sealedbox import KeyStore, create_key_file, load_key_file
from tests.servers import PROGRAM_ENVIRONMENT

SECRET = "https://hooks.example.com/services/T0/B0/to-be-concealed"
SLACK = {"type": "slack", "endpoint": SECRET, "channel": "#random", "threshold": 30}


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyStore:
    """A folder with a configuration and a key file, which commands run in."""
    monkeypatch.chdir(tmp_path)
    for name in ("FAULTLINE_LITE_KEY_FILE", "FAULTLINE_LITE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "faultline.key"
    create_key_file(path, 1_700_000_000_000)
    (tmp_path / "faultline.toml").write_text('key_file = "faultline.key"\n')
    return KeyStore(path)


def run(*arguments: str, **options: Any) -> Result:
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False, **options)
    assert "concealed" not in result.output
    return result


def seal(config: Any, *arguments: str) -> Result:
    return run("seal", *arguments, "-", input=json.dumps(config))


def refuse(kind: type[FaultlineError], function: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        function()
    assert "concealed" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("command", [*sealing.COMMANDS, *notifications.COMMANDS], ids=str)
def test_every_command_has_help(command: Any) -> None:
    for each in (command, *getattr(command, "commands", {}).values()):
        assert each.help
        assert all(option.help for option in each.params if option.param_type_name == "option")


# keys


def test_keys_are_listed_the_one_that_seals_first(store: KeyStore) -> None:
    rotated = run("keys", "rotate")
    listed = run("keys", "list")

    newest, oldest = store.pairs
    assert rotated.output.startswith(f"{newest.key_id} seals from now on")
    lines = listed.output.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [newest.key_id, oldest.key_id]
    assert lines[2].split()[1:] == ["2023-11-14T22:13:20+00:00", oldest.public_key]


def test_keys_are_listed_as_json_without_a_private_one(store: KeyStore, tmp_path: Path) -> None:
    listed = json.loads(run("keys", "list", "--json").stdout)

    (pair,) = store.pairs
    assert listed == [
        {
            "keyId": pair.key_id,
            "createdAt": "2023-11-14T22:13:20+00:00",
            "publicKey": pair.public_key,
        }
    ]


def test_exported_key_is_the_public_one_that_seals(store: KeyStore) -> None:
    run("keys", "rotate")

    assert run("keys", "export").stdout == f"{store.pairs[0].public_key}\n"


def test_keys_without_a_key_file_say_which_is_missing(tmp_path: Path) -> None:
    (tmp_path / "faultline.key").unlink()

    said = refuse(ConfigError, lambda: run("keys", "list"))
    assert said.startswith("there is no key file ")
    assert "faultline.key: `faultline-lite serve` makes it" in said


# seal


def test_sealed_config_opens_to_what_was_given(store: KeyStore) -> None:
    result = seal(SLACK)

    assert result.exit_code == 0
    assert json.loads(store.open(result.stdout.strip())) == SLACK


def test_public_key_alone_suffices_to_seal(store: KeyStore, tmp_path: Path) -> None:
    public_key = store.pairs[0].public_key
    hidden = tmp_path / "elsewhere.key"
    shutil.move(tmp_path / "faultline.key", hidden)

    result = seal(SLACK, "--public-key", public_key)

    assert json.loads(KeyStore(hidden).open(result.stdout.strip())) == SLACK


def test_file_is_sealed(store: KeyStore, tmp_path: Path) -> None:
    (tmp_path / "slack.json").write_text(json.dumps([SLACK, SLACK]))

    result = run("seal", "slack.json")

    assert json.loads(store.open(result.stdout.strip())) == [SLACK, SLACK]


def test_what_is_piped_in_is_sealed(store: KeyStore) -> None:
    result = run("seal", input=json.dumps(SLACK))

    assert json.loads(store.open(result.stdout.strip())) == SLACK


def test_restrictions_are_sealed_into_every_config(store: KeyStore) -> None:
    configs = [SLACK, {**SLACK, "restrict": {"origins": ["https://a.example"]}}]
    options = ["--project", "web-*", "--project", "app", "--expires", "2037-01-01T00:00:00Z"]

    result = seal(configs, *options, "--max-per-hour", "20")

    given = {
        "projects": ["web-*", "app"],
        "expires": "2037-01-01T00:00:00Z",
        "max_per_hour": 20,
    }
    opened = json.loads(store.open(result.stdout.strip()))
    assert [each["restrict"] for each in opened] == [
        given,
        {"origins": ["https://a.example"], **given},
    ]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"type": "slack", "endpoint": SECRET}, "channel is required"),
        ({**SLACK, "endpoint": "to-be-concealed"}, "endpoint: "),
        ({**SLACK, "threshold": "to-be-concealed"}, "threshold: expected a whole number"),
        ({**SLACK, "type": "to-be-concealed"}, "type: expected one of "),
        ([], "expected a config, or a list of at least one"),
        ("to-be-concealed", "expected an object"),
    ],
)
def test_config_that_would_not_work_is_refused_without_its_values(
    config: Any, message: str
) -> None:
    assert message in refuse(ChannelConfigError, lambda: seal(config))


@pytest.mark.parametrize("text", ["{'to-be-concealed'}", "", "\udcff", "[" * 100_000])
def test_what_is_no_json_is_refused_without_quoting_it(text: str) -> None:
    content = text.encode("utf-8", "surrogateescape")

    assert refuse(ConfigError, lambda: run("seal", "-", input=content)) == "the config is not JSON"


@pytest.mark.parametrize("expires", ["tomorrow", "2016-12-07T00:00:00Z"])
def test_expiry_that_is_no_time_or_over_is_refused(expires: str) -> None:
    assert refuse(ConfigError, lambda: seal(SLACK, "--expires", expires)).startswith("--expires: ")


@pytest.mark.parametrize("origin", ["example.com", "https://a.example/page", "https://"])
def test_origin_that_no_browser_sends_is_refused(origin: str) -> None:
    assert refuse(ConfigError, lambda: seal(SLACK, "--origin", origin)).startswith("--origin: ")


def test_unknown_field_is_warned_of_by_its_name() -> None:
    result = seal({**SLACK, "chanel": "to-be-concealed"})

    assert result.exit_code == 0
    assert result.stderr == "warning: nothing knows the field chanel\n"


@pytest.mark.parametrize(("configs", "warned"), [(1, False), (12, True)])
def test_length_that_is_long_for_a_url_is_warned_of(configs: int, warned: bool) -> None:
    result = seal([SLACK] * configs)

    assert ("characters are long for a URL" in result.stderr) is warned


@pytest.mark.parametrize(("setting", "warned"), [("", True), ("allow_http = true\n", False)])
def test_url_that_the_server_never_sends_to_is_warned_of(setting: str, warned: bool) -> None:
    with Path("faultline.toml").open("a") as file:
        file.write(setting)

    result = seal({**SLACK, "endpoint": SECRET.replace("https:", "http:")})

    warning = "warning: endpoint: http is not encrypted: the server's allow_http can permit it\n"
    assert (result.exit_code, result.stderr) == (0, warning if warned else "")


def test_length_that_no_url_carries_is_refused() -> None:
    message = refuse(ConfigError, lambda: seal([SLACK] * 40))

    assert "more than 4000: seal fewer configs" in message


def test_fields_are_asked_for_and_secrets_not_shown(store: KeyStore) -> None:
    answers = [SECRET, "#random", "faultline", "", ""]

    result = run("seal", "--type", "slack", input="\n".join(answers) + "\n")

    assert result.exit_code == 0
    assert json.loads(store.open(result.stdout.strip())) == {
        "type": "slack",
        "endpoint": SECRET,
        "channel": "#random",
        "username": "faultline",
    }


def test_lists_are_asked_for_with_commas(store: KeyStore) -> None:
    answers = ["owner", "repo", "to-be-concealed", "bug, urgent", "", ""]

    result = run("seal", "--type", "github", input="\n".join(answers) + "\n")

    assert json.loads(store.open(result.stdout.strip()))["labels"] == ["bug", "urgent"]
    assert "labels (optional; with commas between): " in result.stderr
    assert "ifExist (optional; one of reopen-and-comment, reopen, " in result.stderr


def test_secret_never_reaches_standard_error_of_the_program_itself(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "faultline_lite", "seal"],
        input=json.dumps({**SLACK, "batch": "to-be-concealed"}),
        capture_output=True,
        text=True,
        check=False,
        env=PROGRAM_ENVIRONMENT,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: batch: expected a whole number from 0 to 3600\n"


# notify-test, as far as it fails before it sends


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{'to-be-concealed'}", "the config is neither JSON nor a sealed string"),
        ("to be concealed", "it is no sealed config"),
        ('{"type": "slack"}', "endpoint is required; channel is required"),
    ],
)
def test_trial_of_what_is_no_config_says_so(content: str, message: str) -> None:
    def trial() -> Result:
        return run("notify-test", "-", input=content)

    assert refuse(FaultlineError, trial) == message


def test_trial_of_another_servers_sealed_config_says_so(tmp_path: Path) -> None:
    create_key_file(tmp_path / "other.key", 1)
    sealed = KeyStore(tmp_path / "other.key").seal(json.dumps(SLACK).encode())

    assert "a key that this server does not have" in refuse(
        ChannelConfigError, lambda: run("notify-test", sealed)
    )
    assert len(load_key_file(tmp_path / "other.key")) == 1
