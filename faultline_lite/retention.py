"""What the store lets go so that it stays bounded, in steps short enough that no report waits.

Every pass goes by the same order: what was deleted, what is too old, what is too much of one
error, what is too much for the file or the disk. Freed pages go back to the file system.
"""

import asyncio
import logging
import shutil
from dataclasses import dataclass

from faultline_lite.clock import Clock
from faultline_lite.config import Config
from faultline_lite.database import Database
from faultline_lite.metrics import Metrics
from faultline_lite.store import notification_retention as notifications
from faultline_lite.store import retention as store
from faultline_lite.timekeys import DAY_MS

#: Rows of one transaction: some milliseconds on a slow disk.
STEP_ROWS = 200
#: Pages given back in one transaction.
STEP_PAGES = 128
#: An error over its cap is thinned to this part of it, so that the next one does not begin anew.
THINNED_PART = 0.9
#: The first, the one that came last, the one with the latest timestamp, a regression: a smaller
#: cap could never be met.
MIN_KEPT = 4
#: Anyone who may report can name channels that nobody has heard of; so these are bounded too.
MAX_DELIVERIES = 50_000
MAX_CONFIGS = 10_000

_logger = logging.getLogger(__name__)


@dataclass
class Freed:
    """What a pass let go, or would let go: rows, and bytes of compressed payload."""

    occurrences: int = 0
    errors: int = 0
    payload_bytes: int = 0


class Retention:
    """Lets go what is past the limits of the configuration; a limit of 0 or less is none."""

    def __init__(self, config: Config, database: Database, clock: Clock, metrics: Metrics) -> None:
        self._config = config
        self._database = database
        self._clock = clock
        self._metrics = metrics
        self._warned_of_disk = False
        # An operator may ask for a pass while one runs: what one counts the other has let go.
        self._turn = asyncio.Lock()

    async def run(self) -> Freed:
        """Let go everything that is past a limit; return what that was."""
        freed = Freed()
        async with self._turn:
            await self._erase_deleted(freed)
            await self._let_go_old(freed)
            await self._thin_errors(freed)
            await self._let_go_deliveries()
            await self._shrink(freed)
            await self._release_pages()
        if freed.occurrences or freed.errors:
            _logger.info(
                "retention let go %d occurrences and %d errors", freed.occurrences, freed.errors
            )
        return freed

    async def erase_deleted(self) -> None:
        """Erase what was deleted by hand, and give its space back."""
        async with self._turn:
            await self._erase_deleted(Freed())
            await self._release_pages()

    async def _erase_deleted(self, freed: Freed) -> None:
        while ids := await self._database.read(store.list_deleted_errors, STEP_ROWS):
            for error_id in ids:
                await self._erase_error(error_id, freed)
        await self._database.write(store.delete_empty_projects)

    async def _erase_error(self, error_id: int, freed: Freed) -> None:
        freed.errors += 1
        while await self._database.write(store.erase_error, error_id, STEP_ROWS) >= STEP_ROWS:
            pass

    async def _let_go_old(self, freed: Freed) -> None:
        if self._config.retention_days <= 0:
            return
        before_ms = self._clock.now_ms() - self._config.retention_days * DAY_MS
        while ids := await self._database.read(store.list_expired_errors, before_ms, STEP_ROWS):
            for error_id in ids:
                await self._erase_error(error_id, freed)
        while ids := await self._database.read(
            store.list_expired_occurrences, before_ms, STEP_ROWS
        ):
            await self._delete(ids, "age", freed)
        while await self._database.write(store.delete_expired_timeline, before_ms, STEP_ROWS):
            pass

    async def _let_go_deliveries(self) -> None:
        """Let go what was delivered long ago, or too much of it, and configs out of use."""
        days = self._config.retention_days
        before_ms = self._clock.now_ms() - days * DAY_MS if days > 0 else 0
        while ids := await self._database.maintain(
            notifications.list_settled_deliveries, before_ms, MAX_DELIVERIES, STEP_ROWS
        ):
            for delivery_id in ids:
                while (
                    await self._database.write(notifications.erase_delivery, delivery_id, STEP_ROWS)
                    >= STEP_ROWS
                ):
                    pass
        while ids := await self._database.maintain(
            notifications.list_unused_configs, MAX_CONFIGS, STEP_ROWS
        ):
            await self._database.write(notifications.delete_unused_configs, ids)

    async def _thin_errors(self, freed: Freed) -> None:
        if self._config.max_occurrences_per_error <= 0:
            return
        cap = max(MIN_KEPT, self._config.max_occurrences_per_error)
        while errors := await self._database.read(store.list_errors_over_cap, cap, STEP_ROWS):
            for error_id, _ in errors:
                kept = await self._database.read(store.list_kept_occurrences, error_id)
                latest_id = await self._database.read(store.get_latest_id, error_id)
                surplus = choose_surplus(kept, latest_id, max(1, int(cap * THINNED_PART)))
                for start in range(0, len(surplus), STEP_ROWS):
                    await self._delete(surplus[start : start + STEP_ROWS], "count", freed)

    async def _shrink(self, freed: Freed) -> None:
        """Let the oldest occurrences go while the file, or the disk, is past a limit."""
        excess_bytes = await self._measure_excess_bytes()
        while excess_bytes > 0:
            oldest = await self._database.read(store.list_oldest_occurrences, STEP_ROWS)
            if not oldest:
                return
            before = await self._database.read(store.get_used_bytes)
            await self._delete(_first_of_size(oldest, excess_bytes), "size", freed)
            after = await self._database.read(store.get_used_bytes)
            excess_bytes -= before - after

    async def _measure_excess_bytes(self) -> int:
        used_bytes = await self._database.read(store.get_used_bytes)
        excess_bytes = 0
        if self._config.max_db_bytes > 0:
            excess_bytes = used_bytes - self._config.max_db_bytes
        if self._config.min_free_bytes > 0:
            missing_bytes = self._config.min_free_bytes - self._free_disk_bytes()
            # Where the file is smaller than what is missing, something else fills the disk:
            # letting everything go would not help, and loses all.
            if missing_bytes < used_bytes:
                excess_bytes = max(excess_bytes, missing_bytes)
            self._warn_of_disk(missing_bytes)
        return excess_bytes

    def _free_disk_bytes(self) -> int:
        return shutil.disk_usage(self._database.path.parent).free

    def _warn_of_disk(self, missing_bytes: int) -> None:
        """Log once when the disk runs low, and once when there is room again."""
        is_low = missing_bytes > 0
        if is_low and not self._warned_of_disk:
            _logger.warning(
                "the disk is %d MiB short of min_free_bytes", missing_bytes // 2**20 + 1
            )
        elif self._warned_of_disk and not is_low:
            _logger.info("the disk has room again")
        self._warned_of_disk = is_low

    async def _delete(self, ids: list[int], reason: str, freed: Freed) -> None:
        freed.payload_bytes += await self._database.write(store.delete_occurrences, ids)
        freed.occurrences += len(ids)
        self._metrics.retention_occurrences.labels(reason).inc(len(ids))

    async def _release_pages(self) -> None:
        while pages := await self._database.read(store.get_free_pages):
            await self._database.write(store.release_pages, STEP_PAGES)
            if await self._database.read(store.get_free_pages) >= pages:
                # A reader holds on to an older state of the file; the next pass goes on.
                return


def _first_of_size(occurrences: list[tuple[int, int]], size_bytes: int) -> list[int]:
    """Return the ids of the first (id, bytes) that come to so many bytes together."""
    ids = []
    for occurrence_id, payload_bytes in occurrences:
        if size_bytes <= 0:
            break
        ids.append(occurrence_id)
        size_bytes -= payload_bytes
    return ids


def choose_surplus(
    kept: list[tuple[int, int, bool]], latest_id: int | None, target: int
) -> list[int]:
    """Return which of an error's occurrences go, so that about ``target`` of them stay.

    ``kept`` holds (id, count, regression) in the order of their coming. The first, the one that
    came last, the one with the latest timestamp and the regressions stay, the most recent half of
    what else may stay too, and of the older ones an even sample, so that old times thin out.
    """
    if len(kept) <= target:
        return []
    fixed = {kept[0][0], kept[-1][0], latest_id}
    regressions = [each for each, _, regression in kept if regression]
    fixed.update(regressions[-(target // 4 or 1) :])
    others = [each for each, _, _ in kept if each not in fixed]
    room = max(0, target - (len(kept) - len(others)))
    recent = room // 2
    older = others[: len(others) - recent]
    sample = room - recent
    chosen = {older[index * len(older) // sample] for index in range(sample)}
    return [each for each in older if each not in chosen]
