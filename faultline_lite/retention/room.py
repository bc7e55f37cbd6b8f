"""Keep the database file and the disk under it within their limits.

What came first goes first, but for what an error is shown by. Where that is not enough, the errors
that were seen the longest ago go whole.
"""

import logging
import shutil
from collections.abc import Iterable

from faultline_lite.config import Config
from faultline_lite.copies import measure_unsent_bytes
from faultline_lite.database import Database
from faultline_lite.retention.erasing import Eraser
from faultline_lite.sentences import say
from faultline_lite.store import pages, surplus
from faultline_lite.store.search_upkeep import get_given_up
from faultline_lite.store.surplus import Oldest

#: Occurrences that are looked at at once.
STEP_OLDEST = 500
#: Errors that are looked up, and withdrawn, at once: some milliseconds.
STEP_ERRORS = 50
#: Pages given back in one transaction, each of which may move another and change those that lead
#: to it.
STEP_PAGES = 32
#: Under its limit by this part the file can grow again before the next step.
SLACK_PART = 1 / 64
#: What is left of the disk for letting go itself: the log of it, and the log's way into the file.
RESERVE_BYTES = 64 * 2**20

_logger = logging.getLogger(__name__)


class Room:
    """Makes room, and refuses reports where there is none left to make it in."""

    def __init__(self, config: Config, database: Database) -> None:
        self._config = config
        self._database = database
        self._reserve_bytes = min(RESERVE_BYTES, config.min_free_bytes // 4)
        self._is_disk_low = False
        self._oldest_id = 0

    async def make(self, eraser: Eraser) -> None:
        """Let the oldest go while the file, or the disk, is past a limit."""
        limit_bytes = self._config.max_db_bytes
        if 0 < limit_bytes < await self._database.read(pages.get_used_bytes):
            await self._let_oldest_go(eraser, target_of_file(limit_bytes))
        if self._config.min_free_bytes > 0:
            await self._make_disk_room(eraser)

    async def _make_disk_room(self, eraser: Eraser) -> None:
        """Let go in rounds that each give their space back: the log of a round takes space first.

        While a reader holds on to an older state of the file, none comes back: so nothing goes.
        """
        free_bytes = self._get_free_bytes()
        missing_bytes = self._config.min_free_bytes - free_bytes
        self._say_when_low(missing_bytes)
        self._refuse_reports(free_bytes)
        # What copies take that are being sent comes back without anything that has to go for it.
        if missing_bytes <= 0 or missing_bytes <= self._measure_unsent_bytes():
            return
        await self._database.checkpoint()
        while await self._database.truncate_log():
            used_bytes = await self._database.read(pages.get_used_bytes)
            missing_bytes = self._measure_missing_bytes(used_bytes)
            # Where the file is smaller than what is missing, something else fills the disk:
            # letting everything go would not help, and loses all.
            if not 0 < missing_bytes < used_bytes:
                break
            round_bytes = min(missing_bytes, self._reserve_bytes // 4)
            await self._let_oldest_go(eraser, used_bytes - round_bytes)
            await self.release_pages(slim=True)
        self._refuse_reports(self._get_free_bytes())

    async def release_pages(self, *, slim: bool = False) -> None:
        """Give the pages that hold nothing back, ``slim`` with as short a log as can be."""
        while count := await self._database.read(pages.get_free_pages):
            await self._database.write(pages.release_pages, STEP_PAGES)
            if slim:
                await self._database.checkpoint()
            if await self._database.read(pages.get_free_pages) >= count:
                # A reader holds on to an older state of the file; the next pass goes on.
                return

    async def _let_oldest_go(self, eraser: Eraser, target_bytes: int) -> None:
        """Go on where the last time ended, and once round; then erase errors."""
        is_round = self._oldest_id == 0
        while (excess_bytes := await self._measure_excess_bytes(target_bytes)) > 0:
            oldest = await self._database.read(surplus.list_oldest, self._oldest_id, STEP_OLDEST)
            if oldest:
                going = _choose(oldest, excess_bytes)
                self._oldest_id = going[-1] if going else oldest[-1].id
                await eraser.delete(going, "size")
            elif is_round:
                await self._erase_silent(eraser, excess_bytes)
                return
            else:
                self._oldest_id, is_round = 0, True

    async def _erase_silent(self, eraser: Eraser, excess_bytes: int) -> None:
        """Erase as many errors as take so many bytes of the file, by what they take on average.

        What the index has of them goes later and bit by bit: until then no more are erased.
        """
        if await self._database.read(get_given_up) is not None:
            return
        used_bytes = await self._database.read(pages.get_used_bytes)
        count = await self._database.read(surplus.count_errors)
        silent = -(-count * excess_bytes // used_bytes)
        errors = eraser.freed.errors
        while silent > 0:
            oldest = await self._database.read(surplus.list_silent_errors, min(silent, STEP_ERRORS))
            await eraser.erase_silent(oldest, "size")
            silent -= STEP_ERRORS
        _logger.warning(
            "%d errors went with all that was counted of them: their occurrences alone did not "
            "make enough room",
            eraser.freed.errors - errors,
        )

    async def _measure_excess_bytes(self, target_bytes: int) -> int:
        return await self._database.read(pages.get_used_bytes) - target_bytes

    def _measure_missing_bytes(self, used_bytes: int) -> int:
        """Return what must go for the disk's sake, once the log is empty."""
        # What the file holds no more it gives back with its last pages.
        coming_bytes = self._database.path.stat().st_size - used_bytes
        coming_bytes += self._measure_unsent_bytes()
        return self._config.min_free_bytes - self._get_free_bytes() - coming_bytes

    def _measure_unsent_bytes(self) -> int:
        return measure_unsent_bytes(self._database.path)

    def _get_free_bytes(self) -> int:
        return shutil.disk_usage(self._database.path.parent).free

    def _refuse_reports(self, free_bytes: int) -> None:
        """Refuse reports on a nearly full disk; take them again when there is some more room.

        At one and the same limit the next few would fill it, and each second be another state.
        """
        limit_bytes = self._reserve_bytes
        if self._database.refusal is not None:
            limit_bytes += limit_bytes // 4
        is_full = free_bytes < limit_bytes
        self._database.refuse(say("the disk is nearly full") if is_full else None)

    def _say_when_low(self, missing_bytes: int) -> None:
        """Log once when the disk runs low, and once when there is room again."""
        is_low = missing_bytes > 0
        if is_low and not self._is_disk_low:
            _logger.warning(
                "the disk is %d MiB short of min_free_bytes", missing_bytes // 2**20 + 1
            )
        elif self._is_disk_low and not is_low:
            _logger.info("the disk has room again")
        self._is_disk_low = is_low


def target_of_file(limit_bytes: int) -> int:
    """Return the bytes that a file over its limit is brought to."""
    return limit_bytes - int(limit_bytes * SLACK_PART)


def _choose(oldest: Iterable[Oldest], size_bytes: int) -> list[int]:
    """Return the ids of the first that may go, until they come to so many bytes together."""
    ids = []
    for each in oldest:
        if size_bytes <= 0:
            break
        if each.may_go:
            ids.append(each.id)
            size_bytes -= each.payload_bytes
    return ids
