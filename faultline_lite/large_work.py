"""Turns for what is too large for the event loop: one at a time, in a thread of its own.

A report of some megabytes that is made to be slow takes a second and hundreds of megabytes to be
decoded. Other requests have their turn meanwhile, and many of them cost no more memory than one.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from faultline_lite.exceptions import OverloadedError, Problem

T = TypeVar("T")

#: Less than this is done at once: handing it over would cost more than it.
LARGE_BYTES = 128 * 1024
#: What may wait for its turn; enough for some reports of the largest size.
MAX_WAITING_BYTES = 64 * 2**20


class LargeWork:
    """The thread, and what waits for it; one for each server."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="large")
        self._waiting_bytes = 0

    async def run(self, function: Callable[[], T], size_bytes: int) -> T:
        """Return ``function()``, which works on so many bytes.

        Raises what it raises, and OverloadedError where too much waits already.
        """
        if size_bytes < LARGE_BYTES:
            return function()
        if self._waiting_bytes + size_bytes > MAX_WAITING_BYTES:
            problem = Problem("too many large reports at once: try again in a second")
            raise OverloadedError(problem, retry_after_seconds=1)
        self._waiting_bytes += size_bytes
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, function)
        finally:
            self._waiting_bytes -= size_bytes

    def close(self) -> None:
        """End the thread once it is idle."""
        self._executor.shutdown()
