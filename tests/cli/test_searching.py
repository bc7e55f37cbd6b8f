"""The command that searches, against a server that runs."""

import json
import re

import click
import httpx
import pytest
from click.testing import CliRunner, Result

from faultline_lite.cli import cli
from tests.reports import errors_path, make_entry, make_report
from tests.servers import RunningServer


@pytest.fixture
def filled(server: RunningServer, client: httpx.Client) -> RunningServer:
    """A server in which three errors are indexed."""
    entry = make_entry("Undefined index: \x1b[31mfaultline", type="notice")
    client.post(errors_path("shop"), json=make_report(errors=[entry]))
    client.post(errors_path("shop"), json=make_report("other", params={"q": "an index of words"}))
    client.post(errors_path("blog"), json=make_report("an index too far"))
    server.run(server.services.indexing.catch_up())
    return server


def search(server: RunningServer, *arguments: str) -> Result:
    command = ("search", "--url", server.url, "--api-key", "key", *arguments)
    return CliRunner().invoke(cli, command, catch_exceptions=False)


def test_search_shows_what_was_found_and_where(filled: RunningServer) -> None:
    result = search(filled, "index", "project:shop")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        r"shop: Undefined index: \x1b[31mfaultline",
        "    notice, unresolved, 1 time(s), last 2016-12-06T15:00:00+00:00",
        r"    message: Undefined index: \x1b[31mfaultline",
        "shop: other",
        "    notice, unresolved, 1 time(s), last 2016-12-06T15:00:00+00:00",
        "    value: an index of words",
    ]


def test_matches_are_bold_on_a_terminal(filled: RunningServer) -> None:
    command = ("search", "--url", filled.url, "--api-key", "key", "far")
    result = CliRunner().invoke(cli, command, catch_exceptions=False, color=True)

    assert re.search(r"too \S+far\S+$", result.stdout) is not None
    assert f"message: an index too {click.style('far', bold=True)}" in result.stdout


def test_search_that_finds_nothing_says_so(filled: RunningServer) -> None:
    result = search(filled, "nowhere-to-be-found")

    assert (result.stdout, result.stderr) == ("", "nothing found\n")


def test_search_says_what_was_no_filter(filled: RunningServer) -> None:
    result = search(filled, "count:>x")

    notice = "count: was searched for as text: it takes a number, as in count:>10"
    assert (result.stdout, result.stderr) == ("", f"nothing found\n{notice}\n")


def test_search_prints_json(filled: RunningServer) -> None:
    result = search(filled, "--json", "--project", "blog", "INDEX")

    (found,) = json.loads(result.stdout)
    assert found["message"] == "an index too far"
    assert found["snippet"]["parts"][1] == {"text": "index", "matched": True}


def test_search_says_when_there_is_more(filled: RunningServer) -> None:
    result = search(filled, "--limit", "1", "index")

    assert result.stdout.startswith("blog: an index too far\n")
    assert result.stderr == "the first 1; --limit shows up to 100\n"


@pytest.mark.parametrize("before", [(), ("--",)])
def test_words_are_left_out(filled: RunningServer, before: tuple[str, ...]) -> None:
    result = search(filled, *before, "index", "-undefined", '-"too far"', "-harmless")

    assert result.exit_code == 0
    assert result.stdout.startswith("shop: other\n")


def test_value_of_an_option_may_begin_with_a_hyphen(filled: RunningServer) -> None:
    result = search(filled, "--project", "-blog", "index")

    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "nothing found\n")


def test_what_is_misspelt_is_no_word_to_leave_out(filled: RunningServer) -> None:
    misspelt = search(filled, "--projct", "shop", "index")
    asked = search(filled, "-h")

    assert (misspelt.exit_code, asked.exit_code) == (2, 0)
    assert "No such option" in misspelt.stderr
    assert asked.stdout.startswith("Usage: ")
