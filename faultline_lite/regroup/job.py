"""Regroup in steps while the server goes on, or undo it; and say what it would come to.

Every step is a transaction of some milliseconds and says in the store where it has come to: after
a crash it goes on from there. Reports that come in meanwhile are grouped by the rule in force.
"""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from typing import Concatenate, Literal, NamedTuple, ParamSpec, TypeVar

import msgspec

from faultline_lite.clock import Clock
from faultline_lite.config import Config
from faultline_lite.database import Database
from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.regroup.partition import Part, Partition
from faultline_lite.regroup.planning import MAX_GROUPS, Plan, Planning, TooManyGroupsError
from faultline_lite.regroup.sharing import share_counts, share_number
from faultline_lite.store import regroup_journal as journal_store
from faultline_lite.store import regroup_reading as reading
from faultline_lite.store import regroup_steps as steps
from faultline_lite.store.regroup_journal import Progress
from faultline_lite.store.regroup_moves import NewError
from faultline_lite.store.regroup_reading import ErrorInQuestion
from faultline_lite.store.regroup_steps import ErrorGoneError, Journal, Merging, Moving, Work
from faultline_lite.store.regroup_undo import list_displaced, undo_last_step

P = ParamSpec("P")
T = TypeVar("T")

#: Errors that are passed by before it is written down where this has come to.
PASSED_ERRORS = 200
#: While reports wait for the writer, a step is followed by a pause of so many times its length.
BUSY_PAUSE = 3.0

_logger = logging.getLogger(__name__)


class Planned(NamedTuple):
    """How far a plan has come: what it is once it is made, or what kept it from being made."""

    state: Literal["running", "done", "stopped"]
    looked_at: int
    plan: Plan | None = None
    problem: str | None = None


class Regrouping:
    """Plans, regroups and undoes, one thing at a time.

    ``wake`` has ``run`` called soon; ``on_moved`` is told when errors have been regrouped.
    """

    def __init__(
        self,
        config: Config,
        database: Database,
        codec: PayloadCodec,
        clock: Clock,
        wake: Callable[[], None],
        on_moved: Callable[[], None] = lambda: None,
    ) -> None:
        self._exact = config.grouping == "message"
        self._database = database
        self._codec = codec
        self._clock = clock
        self._wake = wake
        self._on_moved = on_moved
        self.planned: Planned | None = None

    async def begin(self, action: journal_store.Action | Literal["plan"]) -> bool:
        """Begin; return False where something is under way already."""
        if self.planned is not None and self.planned.state == "running":
            return False
        if action == "plan":
            progress = await self._database.read(journal_store.get_progress)
            if progress is not None and progress.state == "running":
                return False
            self.planned = Planned("running", 0)
        elif not await self._database.write(
            journal_store.begin, action, exact=self._exact, now_ms=self._clock.now_ms()
        ):
            return False
        self._wake()
        return True

    async def run(self) -> None:
        """Do what has been begun, also before the server was started."""
        if self.planned is not None and self.planned.state == "running":
            await self._plan()
        progress = await self._database.read(journal_store.get_progress)
        if progress is None or progress.state != "running":
            return
        problem = None
        try:
            if progress.action == "apply":
                await self._apply(progress)
            else:
                await self._undo()
        except TooManyGroupsError:
            problem = f"it made more than {MAX_GROUPS} errors"
        state = "done" if problem is None else "stopped"
        await self._write(
            journal_store.update_progress, self._clock.now_ms(), state=state, problem=problem
        )
        self._on_moved()
        _logger.info("regrouping: %s is %s", progress.action, state)

    async def _plan(self) -> None:
        planning = Planning()
        last_id = await self._database.read(reading.get_last_error_id)
        error_id = 0
        try:
            while error := await self._database.read(reading.get_next_error, error_id, last_id):
                error_id = error.id
                planning.add(error, list((await self._divide(error.id)).parts))
                self.planned = Planned("running", planning.looked_at)
            plan = await asyncio.to_thread(planning.finish)
        except TooManyGroupsError:
            problem = f"there would be more than {MAX_GROUPS} errors"
            self.planned = Planned("stopped", planning.looked_at, problem=problem)
        except BaseException:
            self.planned = Planned("stopped", planning.looked_at, problem="it failed: see the log")
            raise
        else:
            self.planned = Planned("done", planning.looked_at, plan)

    async def _apply(self, progress: Progress) -> None:
        # The rule may be another since the server was started anew.
        await self._write(journal_store.update_progress, self._clock.now_ms(), exact=self._exact)
        error_id = progress.error_id
        if progress.work is not None:
            error_id = await self._resume(msgspec.json.decode(progress.work, type=Work))
        passed = created = 0
        while error := await self._database.read(
            reading.get_next_error, error_id, progress.last_error_id
        ):
            error_id = error.id
            partition = await self._divide(error_id)
            if partition.parts and set(partition.parts) != {error.group_key}:
                created += len(partition.parts) - 1
                if created > MAX_GROUPS:
                    raise TooManyGroupsError
                await self._regroup(error, partition)
                passed = PASSED_ERRORS
            passed += 1
            if passed >= PASSED_ERRORS:
                await self._pass(error_id)
                passed = 0
        await self._pass(progress.last_error_id)

    async def _pass(self, error_id: int) -> None:
        """Write down that everything up to this error is done."""
        await self._write(
            journal_store.update_progress, self._clock.now_ms(), error_id=error_id, work=None
        )

    async def _resume(self, work: Work) -> int:
        """Finish what was under way when the server stopped; return the error that it was of."""
        if isinstance(work, Merging):
            await self._merge(work, is_kept=True)
        else:
            error = await self._database.read(reading.get_error_in_question, work.error_id)
            if error is not None:
                await self._regroup(error, await self._divide(error.id), work)
        await self._pass(work.error_id)
        return work.error_id

    async def _divide(self, error_id: int) -> Partition:
        """Return which groups an error consists of."""
        partition = Partition(self._codec, error_id, exact=self._exact)
        goes_on = True
        while goes_on:
            started = time.monotonic()
            goes_on = await self._database.maintain(partition.read)
            await self._pause(time.monotonic() - started)
        return partition

    async def _regroup(
        self, error: ErrorInQuestion, partition: Partition, under_way: Moving | None = None
    ) -> None:
        """Move all but one part of the error away, and give what is left its key."""
        if not partition.parts:
            return
        staying = partition.parts.get(error.group_key) or partition.main
        leaving = [part for part in partition.parts.values() if part is not staying]
        try:
            await self._move_parts(error.id, leaving, staying, under_way)
            merging = await self._write(
                steps.settle,
                self._journal(),
                error.id,
                _describe(staying),
                [*staying.address_keys],
                is_described_anew=bool(leaving),
            )
            if merging is not None:
                await self._merge(merging, is_kept=True)
        except ErrorGoneError:
            _logger.info("an error was deleted while it was regrouped")

    async def _move_parts(
        self, error_id: int, leaving: list[Part], staying: Part, under_way: Moving | None
    ) -> None:
        minutes, beyond = await self._database.maintain(reading.list_counts, error_id)
        # The counts of a part whose occurrences are on their way have gone already.
        known = [
            {} if _has_moved_counts(part, under_way) else part.minutes
            for part in (*leaving, staying)
        ]
        shares = await asyncio.to_thread(share_counts, minutes, known)
        rest = share_number(beyond, [sum(each.values()) for each in known])
        for part, share, beyond_share in zip(leaving, shares, rest, strict=False):
            resumed = under_way if under_way and under_way.key == part.key else None
            await self._move_part(error_id, part, share, beyond_share, resumed)

    async def _move_part(
        self, error_id: int, part: Part, share: dict[int, int], beyond: int, moving: Moving | None
    ) -> None:
        if moving is None:
            moving = await self._write(
                steps.begin_part, self._journal(), error_id, _describe(part), [*part.address_keys]
            )
        if not moving.are_counts_moved:
            moving = await self._move_counts(moving, share, beyond)
            moving = await self._write(
                steps.move_part_found, self._journal(), moving, _describe(part), part.census
            )
        ids = sorted(part.ids)
        for start in range(0, len(ids), steps.STEP_ROWS):
            some = ids[start : start + steps.STEP_ROWS]
            await self._write(steps.move_part_occurrences, self._journal(), moving, some)

    async def _move_counts(self, moving: Moving, share: dict[int, int], beyond: int) -> Moving:
        if moving.after_minute is not None:
            share = {minute: n for minute, n in share.items() if minute > moving.after_minute}
            beyond = 0
        minutes = sorted(share)
        while minutes or beyond:
            some = {minute: share[minute] for minute in minutes[: steps.STEP_ROWS]}
            del minutes[: len(some)]
            moving = await self._write(
                steps.move_part_counts, self._journal(), moving, some, beyond
            )
            beyond = 0
        return moving

    async def _merge(self, merging: Merging, *, is_kept: bool) -> None:
        try:
            while not await self._write(
                steps.merge_some, Journal(is_kept, self._clock.now_ms()), merging
            ):
                pass
        except ErrorGoneError:
            _logger.info("an error was deleted while it was merged")

    async def _undo(self) -> None:
        while await self._write(undo_last_step, self._clock.now_ms()):
            pass
        for source_id, target_id in await self._database.read(list_displaced):
            await self._merge(Merging(target_id, source_id, target_id), is_kept=False)

    def _journal(self) -> Journal:
        return Journal(is_kept=True, now_ms=self._clock.now_ms())

    async def _write(
        self,
        function: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Write, and give way to reports after it."""
        started = time.monotonic()
        result = await self._database.write(function, *args, **kwargs)
        await self._pause(time.monotonic() - started)
        return result

    async def _pause(self, step_seconds: float) -> None:
        await self._database.give_way(step_seconds * BUSY_PAUSE)


def _describe(part: Part) -> NewError:
    return NewError(
        part.key, part.message, part.pattern, part.type, part.first_seen_ms, part.last_seen_ms
    )


def _has_moved_counts(part: Part, under_way: Moving | None) -> bool:
    return under_way is not None and under_way.are_counts_moved and under_way.key == part.key
