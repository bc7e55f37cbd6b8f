"""`prune` and `regroup`."""

import json
from typing import Any

import pytest

from tests.cli.terminal import (
    Far,
    ask,
)


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
