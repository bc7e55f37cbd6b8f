"""Token buckets: how many occurrences a key or a project may send in a minute."""

import math
from collections import OrderedDict
from collections.abc import Callable

#: Names that are remembered; a name that is forgotten begins with a full bucket.
MAX_TRACKED = 10_000


class RateLimiter:
    """A bucket for each name, which holds a minute's allowance and fills evenly.

    ``per_minute`` of 0 or less is no limit. ``monotonic`` returns seconds. Of more than
    ``max_tracked`` names the one that was asked for longest ago is forgotten.
    """

    def __init__(
        self, per_minute: int, monotonic: Callable[[], float], max_tracked: int = MAX_TRACKED
    ) -> None:
        self._capacity = per_minute
        self._monotonic = monotonic
        self._max_tracked = max_tracked
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, amount: int) -> int:
        """Take ``amount`` and return 0, or return the whole seconds to wait for it, at least 1.

        More than a bucket can ever hold is let through when it is full, into debt: it would be
        refused for ever otherwise.
        """
        if self._capacity <= 0:
            return 0
        now = self._monotonic()
        level, since = self._buckets.pop(name, (float(self._capacity), now))
        per_second = self._capacity / 60
        level = min(self._capacity, level + (now - since) * per_second)
        needed = min(amount, self._capacity)
        taken = level >= needed
        self._buckets[name] = (level - amount if taken else level, now)
        if len(self._buckets) > self._max_tracked:
            self._buckets.popitem(last=False)
        return 0 if taken else max(1, math.ceil((needed - level) / per_second))

    def give_back(self, name: str, amount: int) -> None:
        """Undo a ``take`` of the same ``amount``: what it was for was refused elsewhere."""
        if name in self._buckets:
            level, since = self._buckets[name]
            self._buckets[name] = (level + amount, since)
