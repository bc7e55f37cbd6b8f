"""`backup` and `export`: what is written, and when not."""

import json
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from faultline_lite.database_file import prepare_database
from tests.cli.terminal import (
    ERROR,
    NOT_FOUND,
    Far,
    ask,
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


@pytest.mark.parametrize("command", [("backup",), ("export", "--output")])
def test_folder_that_is_not_there_is_not_made(command: tuple[str, ...], far: Far) -> None:
    result = ask(far, *command, "nowhere/copy")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith("Error: there is no folder nowhere\n")
    assert not Path("nowhere").exists()


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
