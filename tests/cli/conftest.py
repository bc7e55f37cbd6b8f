"""What tests of the commands need."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.terminal import Far


@pytest.fixture
def far() -> Iterator[Far]:
    """A server that answers as it is told."""
    far = Far()
    thread = threading.Thread(target=far.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield far
    far.server.shutdown()
    far.server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _own_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of its own, and nothing in the environment that means us."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("FAULTLINE") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
