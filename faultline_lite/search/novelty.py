"""Remember which texts of an error have been seen, so that only new ones are indexed.

A memory, not a record: what it has forgotten is indexed once more, which costs space and nothing
else. It holds hashes that Python salts anew in every process: nobody outside can make two texts
collide. Not for several threads.
"""

from array import array
from collections import OrderedDict
from collections.abc import Iterable

#: Hashes that are remembered of one document: those that came up last.
MAX_HASHES = 256
#: Hashes that are remembered in all, of eight bytes each.
MAX_TOTAL_HASHES = 2_000_000


class Seen:
    """The hashes of one document, those that came up in this round apart from the others."""

    def __init__(self, hashes: Iterable[int] = ()) -> None:
        self._before = set(hashes)
        self._now: dict[int, None] = {}

    def add(self, value: object) -> bool:
        """Remember the value; return whether it is new."""
        hashed = hash(value)
        is_new = hashed not in self._before and hashed not in self._now
        self._now[hashed] = None
        return is_new

    def __len__(self) -> int:
        return len(self._before) + len(self._now)

    def hashes(self) -> "array[int]":
        """Return up to MAX_HASHES of them, those of this round last."""
        kept = [*self._now][-MAX_HASHES:]
        older = [*(self._before - self._now.keys())][: MAX_HASHES - len(kept)]
        return array("q", older + kept)


class Memory:
    """What has been seen of the documents that came up last, up to ``most`` hashes."""

    def __init__(self, most: int = MAX_TOTAL_HASHES) -> None:
        self._most = most
        self._documents: OrderedDict[int, array[int]] = OrderedDict()
        self._total = 0

    def recall(self, document_id: int) -> Seen | None:
        """Return what is remembered of a document, None where it has been forgotten."""
        hashes = self._documents.get(document_id)
        return None if hashes is None else Seen(hashes)

    def keep(self, document_id: int, seen: Seen) -> None:
        """Remember a document; what has not come up for longest is forgotten for it."""
        self._forget(document_id)
        hashes = seen.hashes()
        self._documents[document_id] = hashes
        self._total += len(hashes)
        while self._total > self._most:
            _, forgotten = self._documents.popitem(last=False)
            self._total -= len(forgotten)

    def _forget(self, document_id: int) -> None:
        hashes = self._documents.pop(document_id, None)
        if hashes is not None:
            self._total -= len(hashes)
