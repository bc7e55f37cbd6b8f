from typing import Any

import pytest

from faultline_lite.web.backtrace import (
    MAX_CODE_LINES,
    CodeLine,
    backtrace_text,
    read_backtrace,
)
from faultline_lite.web.room import Room

ROOT = "/srv/app"


def _own_files(frames: list[dict[str, Any]], root: object = ROOT) -> list[str]:
    return [
        frame.full_file
        for group in read_backtrace(frames, root, Room(100_000)).groups
        if group.is_own
        for frame in group.frames
    ]


@pytest.mark.parametrize(
    "library",
    [
        "/srv/app/vendor/guzzle/src/Client.php",
        "/srv/app/node_modules/express/index.js",
        "/srv/app/venv/lib/python3.11/site-packages/flask/app.py",
        "/srv/app/vendor/bundle/gems/rack-2.2/lib/rack.rb",
        "/GEM_ROOT/gems/rack/lib/rack.rb",
        "/usr/lib/go-1.19/src/runtime/proc.go",
        "node:internal/process",
        "[internal function]",
        "<anonymous>",
        "/srv/elsewhere/shared.php",
        "",
    ],
)
@pytest.mark.parametrize("own", ["/srv/app/src/cart.php", "app.rb", "/PROJECT_ROOT/cart.py"])
def test_libraries_are_told_from_the_programs_own_frames(own: str, library: str) -> None:
    frames = [{"file": library}, {"file": "/srv/app/main.php"}, {"file": own}]

    assert _own_files(frames) == ["/srv/app/main.php", own]


def test_what_the_client_says_of_a_frame_counts_more_than_its_path() -> None:
    frames = [
        {"file": "/srv/app/cart.py", "in_app": False},
        {"file": "/usr/lib/x.py", "in_app": True},
    ]

    assert _own_files(frames) == ["/usr/lib/x.py"]


def test_root_that_no_frame_is_under_tells_nothing() -> None:
    assert _own_files([{"file": "/var/www/user.php"}], "/srv/other") == ["/var/www/user.php"]


def test_all_frames_are_in_sight_where_none_is_the_programs_own() -> None:
    frames = [{"file": "/usr/lib/a.py"}, {"file": "/usr/lib/b.py"}]

    assert _own_files(frames) == ["/usr/lib/a.py", "/usr/lib/b.py"]


def test_frames_of_libraries_are_folded_where_they_stand() -> None:
    frames = [{"file": name} for name in ("/usr/lib/a", "/usr/lib/b", "/srv/app/c", "/usr/lib/d")]

    groups = read_backtrace(frames, ROOT, Room(100_000)).groups
    assert [(group.is_own, [frame.file for frame in group.frames]) for group in groups] == [
        (False, ["/usr/lib/a", "/usr/lib/b"]),
        (True, ["c"]),
        (False, ["/usr/lib/d"]),
    ]


def test_recursion_is_one_frame_with_a_number() -> None:
    frames = [{"file": "a", "line": 1, "function": "f"}] * 3 + [{"file": "a", "line": 2}]

    (group,) = read_backtrace(frames, None, Room(100_000)).groups
    assert [(frame.line, frame.times) for frame in group.frames] == [(1, 3), (2, 1)]


def test_long_backtrace_keeps_both_ends_and_says_what_is_missing() -> None:
    frames = [{"file": f"f{number}", "line": number} for number in range(2000)]

    read = read_backtrace(frames, None, Room(100_000))
    shown = [frame.line for group in read.groups for frame in group.frames]
    assert shown == [*range(150), *range(1950, 2000)]
    assert (read.total, read.left_out, read.gap) == (2000, 1800, 1)


def test_code_is_in_the_order_of_its_lines_with_the_current_one_marked() -> None:
    frame = {"file": "a", "line": 10, "code": {"10": "b()", "9": "a()", "x": "?", "11": None}}

    (group,) = read_backtrace([frame], None, Room(100_000)).groups
    assert group.frames[0].code == (
        CodeLine(9, "a()", False),
        CodeLine(10, "b()", True),
        CodeLine(11, "", False),
    )


def test_code_begins_where_the_least_indented_line_does() -> None:
    lines = {"1": "\t\tif a:", "2": "\t\t\tb()", "3": "", "4": "\t\tc()"}

    (group,) = read_backtrace([{"file": "a", "line": 2, "code": lines}], None, Room(100)).groups
    assert [line.text for line in group.frames[0].code] == ["if a:", "\tb()", "", "c()"]


def test_much_code_is_cut_around_the_current_line() -> None:
    code = {str(number): "x" for number in range(1, 1000)}

    (group,) = read_backtrace(
        [{"file": "a", "line": 500, "code": code}], None, Room(100_000)
    ).groups
    numbers = [line.number for line in group.frames[0].code]
    assert numbers == [*range(490, 490 + MAX_CODE_LINES)]


@pytest.mark.parametrize(
    "frames",
    [
        None,
        "text",
        {"0": {}},
        [None, 1, "frame", []],
        [{"file": 1, "line": "1", "column": True, "function": [], "code": [1], "in_app": "no"}],
        [{}],
    ],
)
def test_what_is_no_backtrace_is_none_and_no_failure(frames: Any) -> None:
    read = read_backtrace(frames, {"root": 1}, Room(100_000))

    assert read.left_out == 0
    assert isinstance(backtrace_text(frames), str)


def test_text_has_every_frame() -> None:
    frames = [{"file": "a.py", "line": 3, "function": "f"}, {"file": "b.py"}]

    assert backtrace_text(frames) == "a.py:3 in f\nb.py"


def test_frames_without_room_are_left_out_at_the_end() -> None:
    frames = [{"file": "a" * 100, "line": number} for number in range(10)]

    read = read_backtrace(frames, None, Room(250))
    shown = [frame.line for group in read.groups for frame in group.frames]
    assert (shown, read.left_out, read.gap) == ([0, 1, 2], 7, 1)


def test_end_of_a_long_backtrace_goes_whole_where_it_has_no_room() -> None:
    frames = [{"file": "a" * 100, "line": number} for number in range(2000)]

    read = read_backtrace(frames, None, Room(16_000))
    shown = [frame.line for group in read.groups for frame in group.frames]
    assert (shown, read.left_out, read.gap) == ([*range(150)], 1850, 1)
