"""What the commands print, write and return; the far side is a small HTTP server on loopback."""

import json
import os
import re
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import click
import pytest
from click.testing import CliRunner, Result

import faultline_lite
from faultline_lite import __version__
from faultline_lite.cli import cli
from faultline_lite.cli.output import fit_widths, json_line, json_text, printable
from faultline_lite.config import load_config
from faultline_lite.database_file import prepare_database
from faultline_lite.exceptions import ConfigError
from faultline_lite.sealedbox import load_key_file

ERROR = {
    "project": "web",
    "message": "Undefined index",
    "type": "notice",
    "status": "unresolved",
    "count": 3,
    "firstSeen": "2026-01-01T00:00:00+00:00",
    "lastUpdated": "2026-01-02T00:00:00+00:00",
    "fingerprint": "ab12",
}
OCCURRENCE = {
    "project": "web",
    "reversedUnixtime": "9007197459229100",
    "message": "Undefined index",
    "timestamp": "2026-01-02T00:00:00+00:00",
    "backtrace": [{"file": "/var/www/user.php", "line": 15, "function": "edit()"}],
}
FORBIDDEN = {"errors": [{"message": "403 Forbidden"}]}
NOT_FOUND = {"errors": [{"message": "there is no such error"}]}


#: The program under test is the one that was imported, wherever it is started.
PROGRAM_ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("FAULTLINE")},
    "PYTHONPATH": str(Path(faultline_lite.__file__).parent.parent),
}


class Seen(NamedTuple):
    """A request as it arrived."""

    method: str
    path: str
    key: str | None
    body: bytes


class Far:
    """A server that gives its answers in turn, the last one for ever, and remembers requests."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes, dict[str, str]]] = []
        self.seen: list[Seen] = []
        far = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                key = self.headers.get("X-Api-Key")
                far.seen.append(Seen(self.command, self.path, key, body))
                status, content, headers = (
                    far.answers.pop(0) if len(far.answers) > 1 else far.answers[0]
                )
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        for method in ("GET", "POST", "PATCH", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.answer)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def give(self, answer: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.answers.append((status, content, headers or {}))


@pytest.fixture
def far() -> Iterator[Far]:
    far = Far()
    thread = threading.Thread(target=far.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield far
    far.server.shutdown()
    far.server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _own_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("FAULTLINE") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(cli, arguments, catch_exceptions=False, **options)


def ask(far: Far, *arguments: str, **options: Any) -> Result:
    """Run a command on the far server with a key of its own."""
    return run(arguments[0], "--url", far.url, "--api-key", "key", *arguments[1:], **options)


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program itself, for what happens outside of click."""
    return subprocess.run(
        [sys.executable, "-m", "faultline_lite", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=PROGRAM_ENVIRONMENT,
    )


def write_config(**values: Any) -> Path:
    path = Path("faultline.toml")
    values = {"db": "faultline.db", "key_file": "faultline.key", "min_free_bytes": 0, **values}
    path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()))
    path.chmod(0o600)
    return path


def findings_of(result: Result) -> list[str]:
    return result.stdout.rpartition("\n\n")[2].splitlines()


# The program as a whole


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


def test_folder_that_cannot_be_used_is_one_line_and_exit_code_2() -> None:
    Path("file").touch()

    done = start(
        "serve", "--port", "0", "--db", "file/faultline.db", "--config", str(write_config())
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"Error: \S*file: \w[\w ]+\n", done.stderr)


# init


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


# serve


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


# check


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


# Remote commands: the way there


def test_nothing_that_listens_is_said_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    result = run("projects", "--url", f"http://127.0.0.1:{port}", "--api-key", "key")

    assert (result.exit_code, result.stdout) == (1, "")
    assert re.fullmatch(
        rf"Error: cannot connect to http://127\.0\.0\.1:{port} \(.*\): is it running\? .*\n",
        result.stderr,
    )


@pytest.mark.parametrize(
    ("status", "answer", "expected"),
    [
        (403, FORBIDDEN, "403: the API key is missing or wrong"),
        (404, NOT_FOUND, "404: there is no such error"),
        (400, {"errors": [{"message": "bad", "path": ["a", "0"]}]}, "400: a.0: bad"),
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


# Remote commands, one by one


def test_send_posts_a_file_as_it_is(far: Far) -> None:
    body = b'{"errors": [ {"message":"\xe6\x97\xa5"} ]}\n'
    Path("report.json").write_bytes(body)
    far.give(
        {"data": {"errors": {"postCount": 1}}, "id": "9007-2", "warnings": ["bad\x1bslack"]}, 201
    )

    result = ask(far, "send", "--project", "web", "report.json")
    ask(far, "send", "--project", "web", "-", input=body)

    assert (result.stdout, result.stderr) == (
        "stored 1 occurrence(s); the first is 9007-2\n",
        "warning: bad\\x1bslack\n",
    )
    assert far.seen == 2 * [Seen("POST", "/v0/projects/web/errors", "key", body)]


@pytest.mark.parametrize("arguments", [[], ["-", "--message", "m"]])
def test_send_takes_either_a_file_or_a_message(arguments: list[str]) -> None:
    result = run(
        "send", "--project", "web", "--url", "http://127.0.0.1:1", "--api-key", "key", *arguments
    )

    assert result.exit_code == 2
    assert result.stderr.endswith("Error: give either FILE or --message\n")


def test_server_that_is_elsewhere_is_told_and_not_followed(far: Far) -> None:
    far.give(b"", 301, {"Location": "https://errors.example.com/v0/projects"})

    result = ask(far, "projects")

    assert result.stderr == (
        "Error: 301: the server is at https://errors.example.com/v0/projects: give its --url\n"
    )
    assert len(far.seen) == 1


@pytest.mark.parametrize("message", ["在庫" * 10_000, "x" * 60_001, "\udcff" * 60_001])
def test_message_that_fits_into_no_url_is_asked_for_by_its_truncated_form(
    message: str, far: Far
) -> None:
    far.give(NOT_FOUND, 404)

    result = ask(far, "show", "web", message)

    (seen,) = far.seen
    assert result.exit_code == 1
    assert "--truncated-by-faultline--" in seen.path
    assert len(seen.path) < 3000


def test_type_is_not_passed_over_beside_a_file() -> None:
    result = run("send", "--project", "web", "-", "--type", "notice", input="{}")

    assert result.exit_code == 2
    assert "--type goes with --message" in result.stderr


@pytest.mark.parametrize(
    "arguments", [("errors", ""), ("show", "web", ""), ("delete", "", "oops", "--yes")]
)
def test_empty_name_asks_for_nothing(arguments: tuple[str, ...], far: Far) -> None:
    with pytest.raises(ConfigError, match="a project and a message are not empty"):
        ask(far, *arguments)

    assert far.seen == []


def test_send_makes_a_report_of_a_message(far: Far) -> None:
    far.give({"data": {"errors": {"postCount": 1}}, "id": "1", "warnings": []}, 201)

    ask(far, "send", "--project", "web", "--message", "Disk full", "--type", "cron")

    assert json.loads(far.seen[0].body) == {"errors": [{"message": "Disk full", "type": "cron"}]}


def test_errors_are_a_table_that_reports_cannot_break(far: Far) -> None:
    rows = [
        {**ERROR, "message": "在庫\x1b[31m"},
        {**ERROR, "message": "e\u0301" * 100, "count": 10},
    ]
    far.give({"data": {"errors": rows, "nextCursor": "more"}})

    result = ask(far, "errors", "web", "--limit", "2", "--status", "unresolved")

    assert urlsplit(far.seen[0].path).query == "status=unresolved&limit=2"
    times = "2026-01-01T00:00:00+00:00  2026-01-02T00:00:00+00:00"
    assert result.stdout.splitlines() == [
        f"message{' ' * 73}  type    status      count  first seen{' ' * 17}last updated",
        f"在庫\\x1b[31m{' ' * 68}  notice  unresolved      3  {times}",
        f"{'e' + chr(0x301)}" * 79 + f"…  notice  unresolved     10  {times}",
    ]
    assert result.stderr == "the first 2; --limit shows up to 1000\n"


def test_json_is_the_answer_itself_and_safe_to_print(far: Far) -> None:
    row = {**ERROR, "message": "\x9b31m\u202e日本\U000e0001\n", "extra": [1.5, None]}
    far.give({"data": {"errors": [row], "nextCursor": None}})

    result = ask(far, "errors", "web", "--json")

    assert json.loads(result.stdout) == [row]
    assert printable(result.stdout.replace("\n", "")) == result.stdout.replace("\n", "")


def test_show_prints_the_error_its_frames_and_occurrences(far: Far) -> None:
    far.give({"data": {"summary": ERROR, "error": OCCURRENCE, "timeline": {}}})
    far.give({"data": {"errors": [OCCURRENCE], "totalCount": 1}})

    result = ask(far, "show", "web", "Undefined index", "--occurrences", "1")

    assert [seen.path for seen in far.seen] == [
        "/v0/projects/web/errors/Undefined%20index",
        "/v0/projects/web/errors/Undefined%20index/occurrences?limit=1",
    ]
    assert result.stdout.splitlines() == [
        "message:     Undefined index",
        "type:        notice",
        "status:      unresolved",
        "count:       3",
        "firstSeen:   2026-01-01T00:00:00+00:00",
        "lastUpdated: 2026-01-02T00:00:00+00:00",
        "",
        "  /var/www/user.php:15  edit()",
        "",
        "occurrence        time                       message",
        "9007197459229100  2026-01-02T00:00:00+00:00  Undefined index",
    ]


@pytest.mark.parametrize(
    ("options", "status"), [([], "resolved"), (["--reopen"], "unresolved")], ids=str
)
def test_resolve_goes_on_after_one_that_is_gone(options: list[str], status: str, far: Far) -> None:
    far.give(NOT_FOUND, 404)
    far.give({"data": {"error": ERROR}})

    result = ask(far, "resolve", "web", "gone", "Undefined index", *options)

    assert [(seen.method, json.loads(seen.body)) for seen in far.seen] == 2 * [
        ("PATCH", {"status": status})
    ]
    assert (result.exit_code, result.stdout, result.stderr) == (
        1,
        f"{status}: Undefined index\n",
        "Error: gone: 404: there is no such error\n",
    )


def test_delete_takes_no_piped_text_for_consent(far: Far) -> None:
    result = ask(far, "delete", "web", input="y\n")

    assert result.exit_code == 2
    assert "--yes deletes without asking" in result.stderr
    assert far.seen == []


def test_prune_says_what_was_let_go(far: Far) -> None:
    far.give({"data": {"occurrences": 2, "errors": 1, "payloadBytes": 30}})

    result = ask(far, "prune")

    assert result.stdout == "let go 2 occurrence(s) and 1 error(s), 30 bytes of reports\n"
    assert [(each.method, each.path) for each in far.seen] == [("POST", "/v0/prune")]


def test_prune_says_what_would_go_and_why(far: Far) -> None:
    reasons = {"age": 1500, "size": 2}
    far.give({"data": {"occurrences": 1502, "errors": 0, "payloadBytes": 9, "reasons": reasons}})

    result = ask(far, "prune", "--dry-run")

    assert result.stdout == (
        "would let go 1502 occurrence(s) and 0 error(s), about 9 bytes of reports\n"
        "why                                 occurrences\n"
        "older than retention_days                  1500\n"
        "over max_db_bytes, or for the disk            2\n"
    )
    assert [(each.method, each.path) for each in far.seen] == [("POST", "/v0/prune?dryRun=true")]


PLAN = {
    "before": 412,
    "after": 9,
    "renamed": 2,
    "reopened": 3,
    "merges": [{"project": "web", "message": "user 1 lost", "errors": 400}],
    "splits": [],
}


def shown(**parts: Any) -> dict[str, Any]:
    return {"data": {"plan": None, "regroup": None, **parts}}


def test_regroup_waits_and_says_what_would_merge_and_split(far: Far) -> None:
    far.give(shown(plan={"state": "running"}), 202)
    far.give(shown(plan={"state": "done", "result": PLAN}))

    result = ask(far, "regroup", "--dry-run")

    assert result.stdout == (
        "412 error(s) become 9; 3 resolved one(s) would reopen\n"
        "2 other(s) stay as they are, under another key\n"
        "\n"
        "become one  project  message\n"
        "       400  web      user 1 lost\n"
    )
    assert [(each.method, each.path) for each in far.seen] == [
        ("POST", "/v0/regroup"),
        ("GET", "/v0/regroup"),
    ]
    assert json.loads(far.seen[0].body) == {"action": "plan"}


def test_regroup_says_that_nothing_would_change(far: Far) -> None:
    nothing = {**PLAN, "before": 0, "after": 0, "renamed": 0, "reopened": 0, "merges": []}
    far.give(shown(plan={"state": "done", "result": nothing}))

    assert ask(far, "regroup", "--dry-run").stdout == "nothing would change\n"


@pytest.mark.parametrize(
    ("options", "action", "said"),
    [
        ((), "apply", "merged 2 error(s) into others, made 1, moved 30 occurrence(s)\n"),
        (("--undo",), "undo", "undone, 30 step(s)\n"),
    ],
)
def test_regroup_says_what_it_did(
    far: Far, options: tuple[str, ...], action: str, said: str
) -> None:
    done = {"action": action, "state": "done", "merged": 2, "created": 1, "moved": 30}
    far.give(shown(regroup=done))

    result = ask(far, "regroup", *options)

    assert result.stdout == said
    assert json.loads(far.seen[0].body) == {"action": action}


def test_regroup_says_that_nothing_was_undone(far: Far) -> None:
    far.give(
        shown(regroup={"action": "undo", "state": "done", "merged": 0, "created": 0, "moved": 0})
    )

    assert ask(far, "regroup", "--undo").stdout == "there was nothing to undo\n"


def test_regroup_that_stopped_is_exit_code_1(far: Far) -> None:
    stopped = {"action": "apply", "state": "stopped", "merged": 0, "created": 0, "moved": 0}
    far.give(shown(regroup={**stopped, "problem": "it made too many errors"}))

    result = ask(far, "regroup")

    assert (result.exit_code, result.stderr) == (
        1,
        "Error: it has stopped: it made too many errors\n",
    )


def make_database(path: Path) -> bytes:
    prepare_database(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    return path.read_bytes()


def test_backup_is_private_checked_and_replaced_only_by_force(far: Far) -> None:
    content = make_database(Path("original.db"))
    far.give(content)

    first = ask(far, "backup", "copy.db")
    second = ask(far, "backup", "copy.db")
    third = ask(far, "backup", "copy.db", "--force")

    assert [each.exit_code for each in (first, second, third)] == [0, 2, 0]
    assert first.stdout == f"wrote copy.db, {len(content)} bytes, checked\n"
    assert Path("copy.db").read_bytes() == content
    assert stat.S_IMODE(Path("copy.db").stat().st_mode) == 0o600
    assert sorted(path.name for path in Path().glob("copy*")) == ["copy.db"]


def test_backup_and_delete_say_as_json_what_they_did(far: Far) -> None:
    content = make_database(Path("original.db"))
    far.give(content)
    far.give(b"", 204)

    written = ask(far, "backup", "copy.db", "--json")
    deleted = ask(far, "delete", "web", "oops", "--yes", "--json")

    assert json.loads(written.stdout) == {"file": "copy.db", "bytes": len(content)}
    assert json.loads(deleted.stdout) == {"deleted": {"project": "web", "message": "oops"}}


@pytest.mark.parametrize("kind", ["cut", "text", "empty", "foreign", "refused"])
def test_backup_that_is_not_whole_leaves_what_was_there(kind: str, far: Far) -> None:
    content = make_database(Path("original.db"))
    with closing(sqlite3.connect("foreign.db")) as connection:
        connection.execute("CREATE TABLE theirs (id INTEGER)")
    length = {"Content-Length": str(len(content))}
    answers: dict[str, tuple[bytes, int, dict[str, str]]] = {
        "cut": (content[:-1], 200, length),
        "text": (b"<html>", 200, {}),
        "empty": (b"", 200, {}),
        "foreign": (Path("foreign.db").read_bytes(), 200, {}),
        "refused": (b"", 503, {}),
    }
    far.give(*answers[kind])
    Path("copy.db").write_text("before")

    result = ask(far, "backup", "copy.db", "--force")

    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert [path.name for path in Path().glob("copy*")] == ["copy.db"]
    assert Path("copy.db").read_text() == "before"


@pytest.mark.parametrize(
    "arguments", [("backup", "pipe", "--force"), ("export", "--output", "pipe", "--force")]
)
def test_force_replaces_files_alone(arguments: tuple[str, ...], far: Far) -> None:
    os.mkfifo("pipe")

    result = ask(far, *arguments)

    assert result.exit_code == 2
    assert result.stderr.endswith("Error: pipe is no regular file\n")
    assert Path("pipe").is_fifo()


def occurrence(place: str) -> bytes:
    return b'{"reversedUnixtime": "%s",\n "n": 1.10, "t": "\xe2\x80\xae"}' % place.encode()


def page(*occurrences: bytes) -> bytes:
    return b'{"data": {"errors": [' + b", ".join(occurrences) + b"]}}"


def give_two_errors(far: Far) -> None:
    """Give two pages of one error each; the second error is deleted meanwhile."""
    far.give({"data": {"errors": [ERROR], "nextCursor": "c1"}})
    far.give(page(occurrence("2"), occurrence("3-2")))
    far.give(page(occurrence("4")))
    far.give(page())
    far.give({"data": {"errors": [{**ERROR, "message": "gone"}], "nextCursor": None}})
    far.give(NOT_FOUND, 404)


def test_export_pages_through_all_and_skips_what_was_deleted_meanwhile(far: Far) -> None:
    give_two_errors(far)

    result = ask(far, "export", "web")

    errors, occurrences = "/v0/projects/web/errors", "Undefined%20index/occurrences"
    assert [seen.path for seen in far.seen] == [
        f"{errors}?limit=1000&sort=firstSeen",
        f"{errors}/{occurrences}?limit=100&fingerprint=ab12",
        f"{errors}/{occurrences}?limit=100&fingerprint=ab12&after=3-2",
        f"{errors}/{occurrences}?limit=100&fingerprint=ab12&after=4",
        f"{errors}?limit=1000&cursor=c1&sort=firstSeen",
        f"{errors}/gone/occurrences?limit=100&fingerprint=ab12",
    ]
    assert result.stdout.splitlines() == [
        f'{{"reversedUnixtime":"{place}","n":1.10,"t":"\\u202e"}}' for place in ("2", "3-2", "4")
    ]


def test_export_to_a_file_is_private_and_overwrites_nothing(far: Far) -> None:
    give_two_errors(far)

    first = ask(far, "export", "web", "--output", "all.jsonl")
    second = ask(far, "export", "web", "--output", "all.jsonl")

    assert (first.exit_code, second.exit_code) == (0, 2)
    assert len(Path("all.jsonl").read_text().splitlines()) == 3
    assert stat.S_IMODE(Path("all.jsonl").stat().st_mode) == 0o600


def test_export_that_fails_half_way_leaves_no_file(far: Far) -> None:
    far.give({"data": {"errors": [ERROR], "nextCursor": "c1"}})
    far.give(page(occurrence("2")))
    far.give(b"", 500)

    result = ask(far, "export", "web", "--output", "all.jsonl")

    assert result.exit_code == 1
    assert list(Path().iterdir()) == []


def test_export_of_all_skips_a_project_that_was_deleted_meanwhile(far: Far) -> None:
    totals = {"count": 1, "unresolvedCount": 1, "lastUpdated": "2026-01-01T00:00:00+00:00"}
    far.give({"data": {"projects": [{"name": "gone", **totals}, {"name": "web", **totals}]}})
    far.give(NOT_FOUND, 404)
    give_two_errors(far)

    result = ask(far, "export")

    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 3)


# What is printed


@pytest.mark.parametrize(
    ("widths", "columns", "expected"),
    [
        ([10, 80, 25], 200, [10, 80, 25]),
        ([10, 80, 25], 100, [10, 61, 25]),
        ([70, 80, 25], 100, [35, 36, 25]),
        ([10, 80, 25], 40, [10, 28, 25]),
    ],
)
def test_table_is_narrowed_to_the_terminal(
    widths: list[int], columns: int, expected: list[int]
) -> None:
    assert fit_widths(widths, columns) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("在庫　切れ é 🙂", "在庫　切れ é 🙂"),
        ("a\nb\tc\x1b]0;x\x07", "a\\x0ab\\x09c\\x1b]0;x\\x07"),
        ("\x9b31m\x85", "\\x9b31m\\x85"),
        ("\u202eevil\u2066\u200b", "\\u202eevil\\u2066\\u200b"),
        ("\U000e0041\udcff", "\\U000e0041\\udcff"),
    ],
)
def test_text_of_a_report_cannot_steer_the_terminal(text: str, expected: str) -> None:
    assert printable(text) == expected


def test_json_for_the_terminal_has_the_same_value() -> None:
    value = {"a": "\x9b\u202e\U000e0041\n日本", "b": [1, 2.5, None]}

    assert json.loads(json_text(value)) == value
    assert json.loads(json_line(json.dumps(value, ensure_ascii=False).encode())) == value
