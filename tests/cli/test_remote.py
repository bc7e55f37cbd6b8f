"""Commands about reports and errors: what they ask for, print and return."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from faultline_lite.cli.output import printable
from faultline_lite.exceptions import ConfigError
from tests.cli.terminal import (
    ERROR,
    NOT_FOUND,
    OCCURRENCE,
    Far,
    Seen,
    ask,
    run,
)


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
