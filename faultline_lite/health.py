"""Whether a report could be stored now, said so that it does not change with every report.

On a disk with next to no room, small writes succeed where large ones fail. So once a write has
failed, all is well again only when as much can be written as a report may have, and not with the
next write that happens to find room.
"""

from faultline_lite.clock import Clock
from faultline_lite.database import Database
from faultline_lite.exceptions import DatabaseUnavailableError
from faultline_lite.sentences import Sentence

#: What has to find room: a report as large as it may be, by default.
TRIAL_BYTES = 2**20
#: Anybody may ask how the server is; the disk is tried no more often than this.
TRIAL_SECONDS = 1.0


class Health:
    """The state that the taking of reports is in; one for each server."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        #: Failed writes that are known to be over.
        self._failures_over = 0
        self._next_trial = 0.0

    async def find_problem(self) -> Sentence | None:
        """Return why a report could not be stored now, None where it could."""
        database = self._database
        if database.refusal is not None:
            return database.refusal
        if database.is_damaged:
            # A trial would write to other pages.
            return database.last_failure
        if database.failures > self._failures_over and self._is_trial_due():
            failures = database.failures
            try:
                await database.try_to_write(TRIAL_BYTES)
            except DatabaseUnavailableError as error:
                return error.reason
            self._failures_over = failures
        return database.last_failure if database.failures > self._failures_over else None

    def _is_trial_due(self) -> bool:
        now = self._clock.monotonic()
        if now < self._next_trial:
            return False
        self._next_trial = now + TRIAL_SECONDS
        return True
