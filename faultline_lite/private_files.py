"""Files that are their owner's alone, and that appear whole or not at all."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


def write_private_file(path: Path, content: bytes) -> None:
    """Write a new file, mode 0600. Raises FileExistsError, or another OSError."""
    with open_private_file(path) as file:
        file.write(content)


@contextlib.contextmanager
def open_private_file(path: Path, *, replace: bool = False) -> Iterator[BinaryIO]:
    """Give a file to write to, mode 0600, that takes its place once the block has succeeded.

    Until then, and for ever where the block fails, there is nothing at ``path``. Its ``name`` is
    that of the draft beside it. Raises FileExistsError where there is a file already and
    ``replace`` is not set, or another OSError.
    """
    if not replace and path.exists():
        raise FileExistsError(None, "the file exists already", str(path))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Not the process's number: in a container it is always 1, and a draft that a crash left would
    # stand in the way of the next start.
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with open(draft, "xb", opener=_open_private) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _publish(draft, path, replace=replace)
    except OSError as error:
        # A disk that is full does not say which file it was full for.
        if error.filename is None:
            error.filename = str(path)
        raise
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)


def keep_owner(draft: BinaryIO, path: Path) -> None:
    """Give the draft to whom the file at ``path`` belongs, where this process may."""
    if os.name == "posix":
        before = path.stat()
        with contextlib.suppress(PermissionError):
            os.fchown(draft.fileno(), before.st_uid, before.st_gid)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _publish(draft: Path, path: Path, *, replace: bool) -> None:
    if replace:
        draft.replace(path)
        return
    try:
        # Unlike a rename, a link never replaces a file.
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:
        # A file system without links (FAT, some network shares) leaves this to a moment's luck.
        if path.exists():
            raise
        draft.rename(path)


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut, where the system can (Windows opens no folders)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
