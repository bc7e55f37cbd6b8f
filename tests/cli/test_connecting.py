"""The way from a command to a server: its address, its key, what it refuses."""

import re
import socket
from pathlib import Path
from typing import Any

import pytest

from faultline_lite.exceptions import ConfigError
from tests.cli.terminal import FORBIDDEN, NOT_FOUND, Far, Seen, ask, run, write_config


def test_nothing_that_listens_is_said_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    result = run("projects", "--url", f"http://127.0.0.1:{port}", "--api-key", "key")

    assert (result.exit_code, result.stdout) == (1, "")
    assert re.fullmatch(
        rf"Error: cannot connect to http://127\.0\.0\.1:{port} \(.*\): is it running\? .*\n",
        result.stderr,
    )


def test_server_that_speaks_no_https_is_asked_about(far: Far) -> None:
    result = run("projects", "--url", far.url.replace("http:", "https:"), "--api-key", "key")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "does it speak https" in result.stderr


@pytest.mark.parametrize(
    ("status", "answer", "expected"),
    [
        (403, FORBIDDEN, "403: the API key is missing, wrong or only a client's"),
        (404, NOT_FOUND, "404: there is no such error"),
        (
            404,
            {"errors": [{"message": "404 Not Found"}]},
            "404: nothing answers at /v0/projects/web/errors/message: is --url right?",
        ),
        (400, {"errors": [{"message": "bad", "path": ["a", "0"]}]}, "400: a.0: bad"),
        (400, {"errors": [{"message": "a holds no b", "path": ["a"]}]}, "400: a holds no b"),
        (503, {"errors": [{"message": "full\x1b[2J\u202e"}]}, "503: full\\x1b[2J\\u202e"),
        (502, b"<html>", "502: Bad Gateway"),
        (500, {"errors": []}, "500: Internal Server Error"),
        (500, {"errors": ["text"]}, "500: Internal Server Error"),
        (302, b"", "302: Found"),
    ],
)
def test_refusal_is_one_line_and_exit_code_1(
    status: int, answer: Any, expected: str, far: Far
) -> None:
    far.give(answer, status)

    result = ask(far, "show", "web", "message")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {expected}")
    assert result.stderr.count("\n") == 1


COMMANDS_WITH_ANSWER = [
    ["projects"],
    ["errors", "web"],
    ["show", "web", "message"],
    ["resolve", "web", "message"],
    ["send", "--project", "web", "--message", "m"],
    ["prune"],
    ["export", "web"],
    ["export"],
    ["search", "word"],
]


@pytest.mark.parametrize("arguments", COMMANDS_WITH_ANSWER, ids=" ".join)
@pytest.mark.parametrize(
    "answer",
    [
        b"<html>",
        b"\xff",
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"data": null}',
        b'{"data": {"errors": [1]}}',
    ],
)
def test_answer_of_something_else_is_one_line_and_exit_code_1(
    arguments: list[str], answer: bytes, far: Far
) -> None:
    far.give(answer)

    result = ask(far, *arguments)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: {far.url} answers something else: is it a faultline-lite?\n"


@pytest.mark.parametrize("url", ["127.0.0.1:7070", "ftp://127.0.0.1", "http://", "http://[::1"])
def test_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^--url: expected"):
        run("projects", "--url", url, "--api-key", "key")


def test_endpoint_of_a_client_is_taken_as_url(far: Far) -> None:
    far.give({"data": {"projects": []}})

    result = run("projects", "--url", f"{far.url}/v0/", "--api-key", "key")

    assert result.exit_code == 0
    assert far.seen == [Seen("GET", "/v0/projects", "key", b"")]


def test_key_that_no_header_can_hold_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigError) as caught:
        run("projects", "--api-key", "not-to-be-seen\n")

    assert str(caught.value).startswith("--api-key: expected printable ASCII")


def test_configuration_leads_to_the_server_and_its_keys(far: Far) -> None:
    write_config(port=far.port, master_api_key="master", client_api_keys=["client"])
    far.give({"data": {"projects": []}})
    far.give({"data": {"errors": {"postCount": 1}}, "id": "1"}, 201)

    assert run("projects").exit_code == 0
    assert run("send", "--project", "web", "--message", "m").exit_code == 0

    assert [seen.key for seen in far.seen] == ["master", "client"]


def test_configured_key_goes_to_no_other_server(far: Far) -> None:
    write_config(port=far.port + 1 if far.port < 65535 else 1, master_api_key="master")
    far.give(FORBIDDEN, 403)

    assert run("projects", "--url", far.url).exit_code == 1

    assert [seen.key for seen in far.seen] == [None]


def test_configuration_is_not_needed_where_url_and_key_are_given(far: Far) -> None:
    Path("faultline.toml").write_text("not TOML")
    far.give({"data": {"projects": []}})

    environ = {"FAULTLINE_LITE_URL": far.url, "FAULTLINE_LITE_API_KEY": "key"}
    assert run("projects", env=environ).exit_code == 0


@pytest.mark.parametrize(
    ("message", "segment"),
    [
        (".", "%2E"),
        ("..", "%2E%2E"),
        ("...", "..."),
        ("a/occurrences/b", "a%2Foccurrences%2Fb"),
        ("%2F", "%252F"),
        ("a?b#c\nd", "a%3Fb%23c%0Ad"),
        ("日本", "%E6%97%A5%E6%9C%AC"),
        ("\udcff", "%FF"),
    ],
)
def test_message_is_one_segment_of_the_path(message: str, segment: str, far: Far) -> None:
    far.give(b"", 204)

    result = ask(far, "delete", "web", message, "--yes")

    assert result.exit_code == 0
    assert far.seen == [Seen("DELETE", f"/v0/projects/web/errors/{segment}", "key", b"")]
