"""A backtrace as it is read: the program's own frames in sight, those of libraries folded. Pure.

Everything in it is the client's to make up, so that number and length of everything are bounded.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from os.path import commonprefix
from typing import Any, NamedTuple

from faultline_lite.web.room import Room

#: Frames that are shown, of a longer backtrace from both ends.
MAX_FRAMES = 200
#: The part of them that is of the end.
LAST_SHARE = 4
MAX_CODE_LINES = 21
MAX_LINE_CHARACTERS = 300
MAX_NAME_CHARACTERS = 500

#: Where package managers and runtimes put what is not the program's own.
_LIBRARY = re.compile(
    r"(?:^|/)(?:vendor|node_modules|bower_components|site-packages|dist-packages|gems|Pods"
    r"|\.cargo|\.m2|go/pkg/mod)/"
    r"|^(?:/GEM_ROOT|/GOROOT|/SITE_PACKAGES|node:|internal/|/usr/(?:lib|share)/"
    r"|/usr/local/(?:lib|go)/|/rustc/|[\[<]|webpack/|native )",
    re.IGNORECASE,
)
#: What clients put in the place of the root directory.
_PROJECT_ROOT = "/PROJECT_ROOT"


class CodeLine(NamedTuple):
    """A line of the source around a frame."""

    number: int
    text: str
    is_current: bool


class Frame(NamedTuple):
    """One call. ``file`` is short for ``full_file``; ``times`` it follows itself, in recursion."""

    file: str
    full_file: str
    line: int | None
    column: int | None
    function: str
    code: tuple[CodeLine, ...]
    is_own: bool
    times: int = 1


class Group(NamedTuple):
    """Frames that follow each other and are all the program's own, or all of libraries."""

    frames: tuple[Frame, ...]
    is_own: bool


class Backtrace(NamedTuple):
    """The groups, newest frame first. ``left_out`` frames are missing after the group ``gap``."""

    groups: tuple[Group, ...]
    total: int
    left_out: int
    gap: int


def read_backtrace(
    frames: Any, root_directory: Any, room: Room, most: int = MAX_FRAMES
) -> Backtrace:
    """Return the backtrace of a payload, ``most`` frames of it, as far as there is room.

    What is no frame is left out.
    """
    given = [each for each in frames if isinstance(each, dict)] if isinstance(frames, list) else []
    last = most // LAST_SHARE
    shown = given if len(given) <= most else [*given[: most - last], *given[-last:]]
    root = _choose_root(shown, root_directory)
    read = list(_read_frames(shown, root, room))
    if len(read) < len(shown):
        # Some of the end would look as if they followed on what is missing.
        read = read[: most - last]
    if not any(frame.is_own for frame in read):
        # Nothing to single out: a library's own program, or a client that tells no files.
        read = [frame._replace(is_own=True) for frame in read]
    left_out = len(given) - len(read)
    if len(read) < len(shown) or not left_out:
        groups = _group(read)
        return Backtrace(groups, len(given), left_out, len(groups))
    first = _group(read[:-last])
    return Backtrace((*first, *_group(read[-last:])), len(given), left_out, len(first))


def backtrace_text(frames: Any) -> str:
    """Return the backtrace as lines of text, whole."""
    given = [each for each in frames if isinstance(each, dict)] if isinstance(frames, list) else []
    return "\n".join(map(_frame_text, given))


def _frame_text(frame: dict[str, Any]) -> str:
    place = ":".join(str(frame[key]) for key in ("file", "line", "column") if frame.get(key))
    function = frame.get("function")
    return f"{place} in {function}" if function else place


def _choose_root(frames: Sequence[dict[str, Any]], root_directory: Any) -> str:
    """Return the root directory with a slash at its end, or nothing where it is of no frame."""
    if not isinstance(root_directory, str) or not root_directory.strip("/"):
        return ""
    root = root_directory.rstrip("/") + "/"
    return root if any(_text(frame.get("file")).startswith(root) for frame in frames) else ""


def _read_frames(frames: Sequence[dict[str, Any]], root: str, room: Room) -> Iterator[Frame]:
    for frame in frames:
        if room.is_full:
            return
        yield _read_frame(frame, root, room)


def _read_frame(frame: dict[str, Any], root: str, room: Room) -> Frame:
    full_file = _text(frame.get("file"))
    file = full_file.removeprefix(_PROJECT_ROOT + "/").removeprefix(root)
    line = _number(frame.get("line"))
    is_own = _is_own(frame, full_file, file, root)
    return Frame(
        file=file[-MAX_NAME_CHARACTERS:],
        full_file=room.cut(full_file, MAX_NAME_CHARACTERS),
        line=line,
        column=_number(frame.get("column")),
        function=room.cut(_text(frame.get("function")), MAX_NAME_CHARACTERS),
        code=_read_code(frame.get("code"), line, room),
        is_own=is_own,
    )


def _is_own(frame: dict[str, Any], full_file: str, file: str, root: str) -> bool:
    told = frame.get("in_app")
    if isinstance(told, bool):
        return told
    if not full_file or _LIBRARY.search(file):
        return False
    # With a root, what stands elsewhere is not the program's; without a slash it is relative to it.
    return not root or file != full_file or not full_file.startswith("/")


def _read_code(code: Any, current: int | None, room: Room) -> tuple[CodeLine, ...]:
    """Return the lines around the current one, in order; the client sends them by number."""
    if not isinstance(code, dict):
        return ()
    numbers = sorted(int(key) for key in code if key.isascii() and key.isdigit() and len(key) < 10)
    if current in numbers:
        place = numbers.index(current)
        numbers = numbers[max(0, place - MAX_CODE_LINES // 2) :]
    texts = {number: _text(code.get(str(number))) for number in numbers[:MAX_CODE_LINES]}
    indent = _common_indent(texts.values())
    return tuple(
        CodeLine(number, room.cut(text[indent:], MAX_LINE_CHARACTERS), number == current)
        for number, text in texts.items()
    )


def _common_indent(lines: Iterable[str]) -> int:
    """Return how many characters of white space all lines begin with that have more."""
    begun = [line[: len(line) - len(line.lstrip())] for line in lines if line.strip()]
    # Character by character, which is meant here.
    return len(commonprefix(begun))  # noqa: RUF071


def _group(frames: Iterable[Frame]) -> tuple[Group, ...]:
    counted = [frame._replace(times=len(list(same))) for frame, same in groupby(frames)]
    return tuple(
        Group(tuple(group), is_own)
        for is_own, group in groupby(counted, key=lambda frame: frame.is_own)
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
