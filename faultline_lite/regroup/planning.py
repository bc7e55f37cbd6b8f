"""What regrouping would come to: which errors merge and split, and which would be open again."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from faultline_lite.exceptions import FaultlineError
from faultline_lite.store.regroup_reading import ErrorInQuestion

#: More groups are a mistake rather than a wish, and are not kept in mind.
MAX_GROUPS = 200_000
#: Merges and splits that are shown, the largest first.
MAX_EXAMPLES = 20


class MergeExample(msgspec.Struct, frozen=True):
    """Errors that would become one, which one of their messages stands for."""

    project: str
    message: str
    errors: int


class SplitExample(msgspec.Struct, frozen=True):
    """An error that would become several."""

    project: str
    message: str
    errors: int


class Plan(msgspec.Struct, frozen=True):
    """``before`` errors would become ``after``, and ``reopened`` resolved ones be unresolved.

    ``looked_at`` are all errors that there are; those that are not in ``before`` stay as they are,
    but for ``renamed`` ones, which reports lead to by another key.
    """

    looked_at: int
    before: int
    after: int
    merged: int
    split: int
    renamed: int
    reopened: int
    merges: tuple[MergeExample, ...]
    splits: tuple[SplitExample, ...]


@dataclass
class _Group:
    """What would be one error: how many it is of, and whether one of them is unresolved."""

    project: str
    message: str
    sources: int = 0
    is_open: bool = False


@dataclass
class _Source:
    error: ErrorInQuestion
    groups: list[_Group] = field(default_factory=list)

    @property
    def takes_part(self) -> bool:
        """Whether it would not be an error of its own, alone and whole."""
        return len(self.groups) > 1 or self.groups[0].sources > 1


class TooManyGroupsError(FaultlineError):
    """The plan has more than MAX_GROUPS groups."""


class Planning:
    """Takes in which groups every error consists of, one error after the other."""

    def __init__(self) -> None:
        self._groups: dict[tuple[int, bytes], _Group] = {}
        self._sources: list[_Source] = []
        self.looked_at = 0

    def add(self, error: ErrorInQuestion, keys: Iterable[bytes]) -> None:
        """Add an error that consists of these groups; one of which nothing is kept stays."""
        self.looked_at += 1
        source = _Source(error)
        for key in keys or (error.group_key,):
            group = self._groups.get((error.project_id, key))
            if group is None:
                if len(self._groups) >= MAX_GROUPS:
                    raise TooManyGroupsError
                group = _Group(error.project, error.message)
                self._groups[error.project_id, key] = group
            group.sources += 1
            group.is_open |= error.status == "unresolved"
            source.groups.append(group)
        self._sources.append(source)

    def finish(self) -> Plan:
        """Return the plan."""
        parting = [each for each in self._sources if each.takes_part]
        groups = {id(group): group for source in parting for group in source.groups}.values()
        splits = [each for each in parting if len(each.groups) > 1]
        merges = [each for each in groups if each.sources > 1]
        return Plan(
            looked_at=self.looked_at,
            before=len(parting),
            after=len(groups),
            merged=sum(1 for each in parting if any(group.sources > 1 for group in each.groups)),
            split=len(splits),
            renamed=self._count_renamed(),
            reopened=sum(1 for each in parting if _reopens(each)),
            merges=tuple(
                MergeExample(each.project, each.message, each.sources)
                for each in sorted(merges, key=lambda each: -each.sources)[:MAX_EXAMPLES]
            ),
            splits=tuple(
                SplitExample(each.error.project, each.error.message, len(each.groups))
                for each in sorted(splits, key=lambda each: -len(each.groups))[:MAX_EXAMPLES]
            ),
        )

    def _count_renamed(self) -> int:
        return sum(
            1
            for each in self._sources
            if not each.takes_part
            and self._groups.get((each.error.project_id, each.error.group_key))
            is not each.groups[0]
        )


def _reopens(source: _Source) -> bool:
    return source.error.status == "resolved" and any(group.is_open for group in source.groups)
