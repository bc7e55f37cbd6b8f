"""The README against the program: its table of keys, its commands, the lines it has to paste."""

import re
import shlex
from pathlib import Path

from faultline_lite.cli import cli
from faultline_lite.cli.example import show_default
from faultline_lite.config import describe_keys

README = Path(__file__).parent.parent / "README.md"


def section(title: str) -> str:
    """Return the text under a heading of the second level."""
    found = re.search(
        rf"^## {title}\n(.*?)(?=^## |\Z)", README.read_text(), re.MULTILINE | re.DOTALL
    )
    assert found is not None
    return found[1]


def render_table() -> str:
    rows = ["| key | default | |", "| --- | --- | --- |"]
    for key, default, description in describe_keys():
        rows.append(f"| `{key}` | `{show_default(key, default)}` | {description} |")
    return "\n".join(rows)


def test_table_of_keys_is_the_configurations() -> None:
    table = re.search(
        r"<!-- configuration -->\n\n(.*?)\n\n<!-- /configuration -->",
        section("Configure"),
        re.DOTALL,
    )

    assert table is not None
    assert table[1] == render_table()


def test_every_command_is_named() -> None:
    named = set(re.findall(r"`([a-z-]+)`", section("Commands")))

    assert named >= set(cli.commands)


def test_every_line_to_paste_is_a_command_that_there_is() -> None:
    lines = re.findall(r"^.*\bfaultline-lite .*$", README.read_text(), re.MULTILINE)
    pasted = [line for line in lines if line.startswith("faultline-lite ")]

    assert pasted
    for line in pasted:
        for command in line.split(" && "):
            words = shlex.split(command)
            options = {name for each in cli.commands[words[1]].params for name in each.opts}
            assert {word for word in words[2:] if word.startswith("--")} <= options
