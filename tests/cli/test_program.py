"""The program as a whole, and `serve`."""

import re
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from faultline_lite import __version__
from faultline_lite.cli import cli
from tests.cli.terminal import run, start, write_config
from tests.servers import PROGRAM_ENVIRONMENT


def walk_commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words that lead to each command."""
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from walk_commands(command, (*path, name))


@pytest.mark.parametrize("words", list(walk_commands(cli)), ids=" ".join)
def test_every_command_has_help(words: tuple[str, ...]) -> None:
    command: click.Command = cli
    for word in words:
        assert isinstance(command, click.Group)
        command = command.commands[word]
    result = run(*words, "--help")
    # As wide as the list of commands is on a terminal of 80 columns.
    short = command.get_short_help_str(62)

    assert result.exit_code == 0
    assert short
    assert not short.endswith("...")
    assert all(each.help for each in command.params if isinstance(each, click.Option))


def test_version_is_printed() -> None:
    assert run("--version").output == f"faultline-lite, version {__version__}\n"


def test_mistake_in_the_configuration_is_one_line_and_exit_code_2() -> None:
    Path("faultline.toml").write_text('"pr\\u001bot" = 1', encoding="utf-8")

    done = start("check")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: unknown key pr\\x1bot, did you mean port?\n"


@pytest.mark.parametrize(
    ("arguments", "closing", "exit_code"),
    [
        ("send --project web --url http://127.0.0.1:1 --api-key k -", "<&-", 1),
        ("delete web --url http://127.0.0.1:1 --api-key k", "<&-", 2),
        ("keys list", ">&-", 0),
        ("keys list", "<&- >&-", 0),
    ],
)
def test_closed_streams_are_no_traceback(arguments: str, closing: str, exit_code: int) -> None:
    run("init")
    command = f"exec {shlex.quote(sys.executable)} -m faultline_lite {arguments} {closing}"

    done = subprocess.run(
        ["/bin/sh", "-c", command],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env=PROGRAM_ENVIRONMENT,
    )

    assert (done.returncode, "Traceback" in done.stderr) == (exit_code, False)


def test_folder_that_cannot_be_used_is_one_line_and_exit_code_2() -> None:
    Path("file").touch()

    done = start(
        "serve", "--port", "0", "--db", "file/faultline.db", "--config", str(write_config())
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(
        r"Error: file cannot be written to: \w[\w ]+: the db needs a folder .*\n", done.stderr
    )


def test_serve_says_where_everything_is_and_no_key_to_a_log() -> None:
    config = write_config(client_api_keys=["not-to-be-seen-0"], master_api_key="nor-this-0123456")
    folder = Path.cwd().resolve()

    with subprocess.Popen(
        [sys.executable, "-m", "faultline_lite", "serve", "--port", "0", "--config", str(config)],
        stdout=subprocess.PIPE,
        text=True,
        env=PROGRAM_ENVIRONMENT,
    ) as server:
        assert server.stdout is not None
        printed = [server.stdout.readline() for _ in range(8)]
        server.terminate()
        rest = server.stdout.read()

    url = printed[0].split()[-1]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
    assert "".join(printed) + rest == (
        f"faultline-lite listens on {url}\n"
        "  configuration  faultline.toml\n"
        f"  database       {folder}/faultline.db\n"
        f"  key file       {folder}/faultline.key\n"
        "\n"
        "Post a first error with:\n"
        "\n"
        "  curl -H 'X-Api-Key: <client api key>' "
        '-d \'{"errors": [{"message": "Hello, faultline"}]}\' '
        f"{url}/v0/projects/sample-project/errors\n"
        "\n"
    )
    assert server.returncode == 0
    assert stat.S_IMODE(Path("faultline.key").stat().st_mode) == 0o600
