"""Whose turn it is, where two at once would do the same thing twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class Turns:
    """Locks by name, each there for as long as somebody holds it or waits for it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def take(self, name: str) -> AsyncIterator[None]:
        """Hold the name's turn, once all who asked before have given it back."""
        lock = self._locks.setdefault(name, asyncio.Lock())
        async with lock:
            yield
