"""A web hook of the user's own, which a test waits at."""

import asyncio
from collections import deque
from typing import Any

from tests.fakes.http import Answer, FakeServer, Reply, Request

#: A message that has not come by then does not come.
PATIENCE_SECONDS = 10.0


class Receiver(FakeServer):
    """Takes every message; answers as ``script`` says, in turn, and with 200 after it."""

    PATH = "/hook/to-be-concealed"

    def __init__(self) -> None:
        super().__init__(self._take)
        self.script: deque[Reply] = deque()
        self._arrived: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    @property
    def endpoint(self) -> str:
        return self.url + self.PATH

    def config(self, **fields: Any) -> dict[str, Any]:
        return {"type": "webhook", "endpoint": self.endpoint, **fields}

    async def next(self) -> dict[str, Any]:
        """Return the next message, once it has come."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._arrived.get()

    @property
    def is_empty(self) -> bool:
        """Whether every message that came has been looked at."""
        return self._arrived.empty()

    def _take(self, request: Request) -> Reply:
        self._arrived.put_nowait(request.json)
        return self.script.popleft() if self.script else Answer(200)


def told(message: dict[str, Any]) -> dict[str, int]:
    """Return the occurrences that a message tells of, by the message of their error."""
    return {error["message"]: error["occurrences"] for error in message["errors"]}
