"""Share out what is counted of an error among the groups that its occurrences belong to. Pure.

An occurrence that is kept says where it belongs. Of those that retention has let go only their
number in each minute is left: they are shared out as the kept ones are, which an even sample of
them stands for. Nothing is lost or invented: the shares of every minute sum up to it.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

#: The fractional part of the golden ratio: its multiples modulo 1 are spread most evenly.
_STEP = 0.6180339887498949


def share_counts(
    minutes: Mapping[int, int], known: Sequence[Mapping[int, int]]
) -> list[dict[int, int]]:
    """Return for each group its share of each minute that it has one of.

    ``known`` has for each group the minutes of its kept occurrences.
    """
    shares: list[dict[int, int]] = [{} for _ in known]
    sharing = _Sharing([sum(each.values()) for each in known])
    for minute in sorted(minutes):
        left = minutes[minute]
        given = Counter({group: each[minute] for group, each in enumerate(known) if minute in each})
        given.update(sharing.share(left - given.total()))
        for group, count in given.items():
            taken = min(left, count)
            left -= taken
            if taken:
                shares[group][minute] = taken
    return shares


def share_number(number: int, weights: Sequence[int]) -> list[int]:
    """Return the number in whole parts by these weights; the parts sum up to it."""
    given = _Sharing(weights).share(number)
    return [given[group] for group in range(len(weights))]


class _Sharing:
    """Gives whole numbers to groups by their weights, evenly over all that is ever shared."""

    def __init__(self, weights: Sequence[int]) -> None:
        self._weights = weights
        self._bounds = list(accumulate(weights))
        self._total = self._bounds[-1] if self._bounds else 0
        self._turns = self._list_turns()

    def share(self, number: int) -> Counter[int]:
        """Return how many of them each group gets."""
        if number <= 0 or self._total == 0:
            return Counter()
        rounds, rest = divmod(number, self._total)
        given = Counter(next(self._turns) for _ in range(rest))
        if rounds:
            given.update({group: rounds * weight for group, weight in enumerate(self._weights)})
        return given

    def _list_turns(self) -> Iterator[int]:
        """Yield whose turn it is, each group as often as its weight says."""
        point = 0.5
        while True:
            yield bisect_right(self._bounds, point * self._total)
            point = (point + _STEP) % 1.0
