"""What the store lets go so that it stays bounded.

Every pass goes by the same order: what was deleted, what is too old, what is too much of one
error, of one project, for the file or the disk. Freed pages go back to the file system.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import NamedTuple

from faultline_lite.census import Census
from faultline_lite.clock import Clock
from faultline_lite.config import Config
from faultline_lite.database import Database
from faultline_lite.exceptions import DatabaseUnavailableError
from faultline_lite.metrics import Metrics
from faultline_lite.retention.erasing import Eraser, Freed, Reason
from faultline_lite.retention.forecast import forecast
from faultline_lite.retention.room import STEP_ERRORS, Room
from faultline_lite.retention.thinning import MIN_KEPT, Thinning, level_caps, target_of
from faultline_lite.store import dictionaries, surplus
from faultline_lite.store import notification_retention as notifications
from faultline_lite.store.census import get_counted_id
from faultline_lite.store.retention import delete_empty_projects, delete_projects
from faultline_lite.timekeys import DAY_MS, HOUR_MS, MINUTE_MS

#: Errors, occurrences, deliveries that are looked up at once.
STEP_ROWS = 200
#: Occurrences that each pass looks at whatever their order, a page or so of the file for each
#: eight: all of a million within hours.
SWEPT_ROWS = 5000
#: Places of an error's occurrences that are looked through at once: an index alone has them.
STEP_PLACES = 2000
#: Anyone who may report can name channels and projects that nobody has heard of; so these are
#: bounded too. A project that is quiet stays, among so many.
MAX_DELIVERIES = 50_000
MAX_CONFIGS = 10_000
MAX_EMPTY_PROJECTS = 1000
#: A dictionary may be in use for as long after its replacement, by what is being written.
DICTIONARY_GRACE_MS = HOUR_MS

_logger = logging.getLogger(__name__)


class Pass(NamedTuple):
    """A pass that has ended, and what it let go."""

    ended_ms: int
    freed: Freed


class Retention:
    """Lets go what is past the limits of the configuration; a limit of 0 or less is none.

    The census has a last look at what is to be thinned.
    """

    def __init__(
        self, config: Config, database: Database, clock: Clock, metrics: Metrics, census: Census
    ) -> None:
        self._config = config
        self._database = database
        self._clock = clock
        self._metrics = metrics
        self._census = census
        self._room = Room(config, database)
        self._swept_id = 0
        # An operator may ask for a pass while one runs.
        self._turn = asyncio.Lock()
        #: The last pass that went to its end since the server was started.
        self.last: Pass | None = None

    async def run(self) -> Freed:
        """Let go everything that is past a limit; return what that was."""
        eraser = Eraser(self._database, self._metrics)
        async with self._turn:
            await self._erase_deleted(eraser)
            await self._let_go_old(eraser)
            await self._census.run()
            await self._thin_errors(eraser)
            await self._thin_projects(eraser)
            await self._let_go_deliveries(eraser)
            await self._let_go_dictionaries()
            await self._let_go_projects()
            await self._room.make(eraser)
            await self._room.release_pages()
        freed = eraser.freed
        self.last = Pass(self._clock.now_ms(), freed)
        if freed.occurrences or freed.errors:
            _logger.info(
                "retention let go %d occurrences and %d errors", freed.occurrences, freed.errors
            )
        return freed

    async def forecast(self) -> Freed:
        """Return what a pass would let go now."""
        return await self._database.maintain(forecast, self._config, self._clock.now_ms())

    async def erase_deleted(self) -> None:
        """Erase what was deleted by hand, and give its space back."""
        async with self._turn:
            await self._erase_deleted(Eraser(self._database, self._metrics))
            await self._room.release_pages()

    async def hold_size(self) -> None:
        """Hold the limits of the file and of the disk between two passes, against any load."""
        # While nothing can be written, the database has said so; there may be room a second later.
        with contextlib.suppress(DatabaseUnavailableError):
            await self._room.make(Eraser(self._database, self._metrics, patient=False))

    async def _erase_deleted(self, eraser: Eraser) -> None:
        while ids := await self._database.read(surplus.list_deleted_errors, STEP_ROWS):
            await eraser.erase(ids, "deleted")
        await self._database.write(delete_empty_projects)

    async def _let_go_old(self, eraser: Eraser) -> None:
        if self._config.retention_days <= 0:
            return
        before_ms = self._clock.now_ms() - self._config.retention_days * DAY_MS
        while errors := await self._database.read(
            surplus.list_expired_errors, before_ms, STEP_ERRORS
        ):
            await eraser.erase_silent(errors, "age")
        while ids := await self._database.read(
            surplus.list_expired_occurrences, before_ms, STEP_ROWS
        ):
            await eraser.delete(ids, "age")
        await self._sweep(eraser, before_ms)
        before_minute = before_ms // MINUTE_MS
        for error_id in await self._database.maintain(
            surplus.list_errors_with_old_minutes, before_ms, before_minute
        ):
            await eraser.delete_minutes(error_id, before_minute)

    async def _sweep(self, eraser: Eraser, before_ms: int) -> None:
        """Let go what is too old and came behind something that is not, a part in each pass.

        What was received while the clock was ahead is younger by its own account than what came
        behind it; it goes when that age is reached. Nothing is corrected: where the clock says
        that the store is of the future, it may be the clock that is behind.
        """
        is_found = True
        while is_found:
            ids, self._swept_id = await self._database.maintain(
                surplus.sweep_occurrences, self._swept_id, before_ms, SWEPT_ROWS
            )
            await eraser.delete(ids, "age")
            is_found = bool(ids)

    async def _let_go_deliveries(self, eraser: Eraser) -> None:
        """Let go what was delivered long ago, or too much of it, and configs out of use."""
        days = self._config.retention_days
        before_ms = self._clock.now_ms() - days * DAY_MS if days > 0 else 0
        while ids := await self._database.maintain(
            notifications.list_settled_deliveries, before_ms, MAX_DELIVERIES, STEP_ROWS
        ):
            for delivery_id in ids:
                await eraser.erase_delivery(delivery_id)
        while ids := await self._database.maintain(
            notifications.list_unused_configs, MAX_CONFIGS, STEP_ROWS
        ):
            await self._database.write(notifications.delete_unused_configs, ids)

    async def _let_go_dictionaries(self) -> None:
        before_ms = self._clock.now_ms() - DICTIONARY_GRACE_MS
        for dictionary_id in await self._database.maintain(
            dictionaries.list_unused_dictionaries, before_ms
        ):
            await self._database.write(dictionaries.delete_dictionary, dictionary_id)

    async def _let_go_projects(self) -> None:
        while ids := await self._database.maintain(
            surplus.list_empty_projects, MAX_EMPTY_PROJECTS, STEP_ROWS
        ):
            await self._database.write(delete_projects, ids)

    async def _thin_errors(self, eraser: Eraser) -> None:
        if self._config.max_occurrences_per_error <= 0:
            return
        cap = max(MIN_KEPT, self._config.max_occurrences_per_error)
        errors = await self._database.read(surplus.list_errors_over_cap, cap)
        await self._thin(eraser, errors, target_of(cap), "count")

    async def _thin_projects(self, eraser: Eraser) -> None:
        """Thin the errors that take most of a project, until it is within its cap."""
        cap = self._config.max_occurrences_per_project
        if cap <= 0:
            return
        for project_id in await self._database.maintain(surplus.list_projects_over_cap, cap):
            errors = await self._database.read(surplus.list_kept_counts, project_id)
            level = level_caps([kept for _, kept in errors], target_of(cap))
            await self._thin(eraser, errors, level, "project")

    async def _thin(
        self, eraser: Eraser, errors: Sequence[tuple[int, int]], target: int, reason: Reason
    ) -> None:
        """Thin these errors, given with what they keep, as far as they keep more than that."""
        # Under load there is always something that is not counted yet; it waits for the next pass.
        counted_id = await self._database.read(get_counted_id)
        for error_id, kept in errors:
            if kept <= target:
                continue
            lasting = await self._database.read(
                surplus.get_lasting_ids, error_id, max(1, target // 4)
            )
            thinning = Thinning(kept, lasting, target)
            place = None
            while not thinning.is_over:
                places = await self._database.read(
                    surplus.list_places, error_id, place, STEP_PLACES
                )
                if not places:
                    break
                place = places[-1]
                gone = thinning.choose([each.id for each in places])
                await eraser.delete([each for each in gone if each <= counted_id], reason)
