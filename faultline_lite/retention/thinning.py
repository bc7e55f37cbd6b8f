"""Which occurrences of an error go when there are too many: a decision over ids alone. Pure."""

from collections.abc import Collection, Sequence

#: The first, the one that came last, the one with the latest timestamp, a regression: a smaller
#: cap could never be met.
MIN_KEPT = 4
#: What is over its cap is thinned to this part of it, so that the next one does not begin anew.
THINNED_PART = 0.9


class Thinning:
    """Chooses so that ``target`` of ``kept`` occurrences stay, whose ids come oldest first.

    The ``lasting`` ones always stay. Of the others stay the most recent, for half of the room that
    is left, and an even sample of all that is older: so old times thin out and never end. Nothing
    is remembered but the place, however many there are.
    """

    def __init__(self, kept: int, lasting: Collection[int], target: int) -> None:
        self._lasting = lasting
        others = max(0, kept - len(lasting))
        room = min(others, max(0, target - len(lasting)))
        recent = room // 2
        self._older = others - recent
        self._sample = room - recent
        self._place = 0

    @property
    def is_over(self) -> bool:
        """Whether everything that is still to come stays."""
        return self._place >= self._older

    def choose(self, ids: Sequence[int]) -> list[int]:
        """Return those of the next ids that go."""
        return [each for each in ids if each not in self._lasting and self._goes()]

    def _goes(self) -> bool:
        """Say it of the next one that does not last."""
        if self.is_over:
            return False
        chosen = self._place * self._sample // self._older
        self._place += 1
        return self._place * self._sample // self._older == chosen


def target_of(cap: int) -> int:
    """Return how many stay of what is over that cap."""
    return max(MIN_KEPT, int(cap * THINNED_PART))


def level_caps(kept: Sequence[int], target: int) -> int:
    """Return the cap that brings these numbers to ``target`` together; none goes below MIN_KEPT.

    Those that have the most lose the most, until all that lose have as many.
    """
    left = target
    for place, size in enumerate(sorted(kept)):
        sharing = len(kept) - place
        if size * sharing > left:
            return max(MIN_KEPT, left // sharing)
        left -= size
    return max(MIN_KEPT, *kept) if kept else MIN_KEPT
