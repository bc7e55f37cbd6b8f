"""Disks that are small, full or broken, for as long as a test needs them."""

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """A file system of that size, where the tests may mount one; else they are skipped."""
    folder.mkdir()
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or mount is None or unmount is None:
        pytest.skip("mounting a small file system needs root")
    command = [mount, "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)]
    mounted = subprocess.run(command, check=False, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run([unmount, folder], check=True)


def fill_disk(file: Path, leave_bytes: int) -> None:
    """Fill the disk that the file is on until only so much is left."""
    with file.open("wb") as opened:
        try:
            while (excess_bytes := shutil.disk_usage(file.parent).free - leave_bytes) > 0:
                opened.write(b"x" * min(excess_bytes, 65_536))
                opened.flush()
        except OSError:
            pass


@contextmanager
def failing_writes(beyond_bytes: int) -> Iterator[None]:
    """Have this process's writes beyond that place of any file fail with an I/O error (EFBIG)."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (beyond_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
