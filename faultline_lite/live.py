"""Who looks at a page is told at once which errors have changed, in this process alone.

Publishing costs next to nothing while nobody listens, and never waits: what a slow listener has
not taken yet is one entry for each error, and past a limit only that there was much. Whoever saw
the store at some position, and listens a little later, is told what came in between.
"""

import asyncio
import re
import secrets
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

#: Errors that a listener is told of by their id; with more, all may have changed.
MAX_ERRORS = 200
#: Publications that are remembered for whoever comes a little late.
MAX_RECENT = 500
#: Listeners at the same time; each is an open connection.
MAX_LISTENERS = 500

_POSITION = re.compile(r"([0-9a-f]{16})\.(\d{1,18})", re.ASCII)


class Changes(NamedTuple):
    """What has changed since the last look; ``all`` means more than could be kept."""

    error_ids: tuple[int, ...]
    all: bool


class Listener:
    """Collects the changes in one project, or in all, until they are taken."""

    def __init__(self, project: str | None) -> None:
        self._project = project
        self._error_ids: dict[int, None] = {}
        self._too_many = False
        self._closed = asyncio.Event()
        self._woken = asyncio.Event()

    def add(self, project: str, error_ids: Iterable[int]) -> None:
        """Note changed errors, where they are of a project that is listened to."""
        if self._project is not None and self._project != project:
            return
        self._error_ids.update(dict.fromkeys(error_ids))
        if len(self._error_ids) > MAX_ERRORS:
            self._error_ids.clear()
            self._too_many = True
        self._woken.set()

    def add_all(self) -> None:
        """Note that everything may have changed."""
        self._too_many = True
        self._woken.set()

    def close(self) -> None:
        """Have ``take`` return None from now on."""
        self._closed.set()
        self._woken.set()

    async def wait(self) -> None:
        """Return once there is something to take, or it is over."""
        await self._woken.wait()

    async def wait_for_end(self) -> None:
        """Return once it is over."""
        await self._closed.wait()

    def take(self) -> Changes | None:
        """Return what has changed since the last call; None when it is over."""
        if self._closed.is_set():
            return None
        changes = Changes(tuple(self._error_ids), self._too_many)
        self._error_ids.clear()
        self._too_many = False
        self._woken.clear()
        return changes


class LiveTail:
    """Tells listeners of changes; one for each server, used from its event loop alone."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._closed = False
        # Positions of another process are told from ours.
        self._process = secrets.token_hex(8)
        self._count = 0
        self._recent: deque[tuple[str, tuple[int, ...]]] = deque(maxlen=MAX_RECENT)

    @property
    def position(self) -> str:
        """Where in all that is published we are; opaque, for ``listen``."""
        return f"{self._process}.{self._count}"

    @property
    def is_full(self) -> bool:
        """Whether no more can listen."""
        return len(self._listeners) >= MAX_LISTENERS

    def publish(self, project: str, error_ids: Iterable[int]) -> None:
        """Tell whoever listens that these errors of the project have changed."""
        changed = tuple(error_ids)
        self._count += 1
        self._recent.append((project, changed))
        for listener in self._listeners:
            listener.add(project, changed)

    @contextmanager
    def listen(self, project: str | None, since: str = "") -> Iterator[Listener]:
        """Listen to a project, or to all, for as long as the block runs.

        What was published after the position ``since`` is heard as well.
        """
        listener = Listener(project)
        if since:
            self._catch_up(listener, since)
        if self._closed:
            listener.close()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def _catch_up(self, listener: Listener, since: str) -> None:
        found = _POSITION.fullmatch(since)
        missed = None
        if found is not None and found[1] == self._process:
            missed = self._count - int(found[2])
        if missed is None or not 0 <= missed <= len(self._recent):
            listener.add_all()
            return
        for number in range(len(self._recent) - missed, len(self._recent)):
            listener.add(*self._recent[number])

    def close(self) -> None:
        """End it for every listener, so that no open stream holds up a shutdown."""
        self._closed = True
        for listener in self._listeners:
            listener.close()
