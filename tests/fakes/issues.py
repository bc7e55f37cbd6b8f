"""Which issue stands for an error, remembered in memory."""

from contextlib import AbstractAsyncContextManager

from faultline_lite.notifiers.turns import Turns


class FakeTrackedIssues:
    """What the store would remember for one channel; ``turns`` are the whole server's."""

    def __init__(self, turns: Turns | None = None) -> None:
        self.numbers: dict[int, int] = {}
        self._turns = turns or Turns()

    async def get_number(self, error_id: int) -> int | None:
        return self.numbers.get(error_id)

    async def set_number(self, error_id: int, number: int | None) -> None:
        if number is None:
            self.numbers.pop(error_id, None)
        else:
            self.numbers[error_id] = number

    def turn(self, place: str) -> AbstractAsyncContextManager[None]:
        return self._turns.take(place)
