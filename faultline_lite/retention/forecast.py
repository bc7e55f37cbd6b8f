"""Say what retention would let go now, without letting anything go.

Occurrences and errors are counted as retention would; bytes of payload are estimated by the size
of the latest, since what would go is not read.
"""

import sqlite3
from collections import defaultdict

from faultline_lite.config import Config
from faultline_lite.retention.erasing import Freed, Reason
from faultline_lite.retention.room import target_of_file
from faultline_lite.retention.thinning import MIN_KEPT, level_caps, target_of
from faultline_lite.store import forecast as store
from faultline_lite.store.pages import get_used_bytes
from faultline_lite.timekeys import DAY_MS, FIRST_MS

#: Payloads by which the others are estimated.
SAMPLE = 1000


def forecast(connection: sqlite3.Connection, config: Config, now_ms: int) -> Freed:
    """Return what a pass would let go, as of one moment. Takes seconds on a large database."""
    connection.execute("BEGIN")
    try:
        return _Forecast(connection, config).make(now_ms)
    finally:
        connection.execute("COMMIT")


class _Forecast:
    """What has been found so far, in the order of a pass."""

    def __init__(self, connection: sqlite3.Connection, config: Config) -> None:
        self._connection = connection
        self._config = config
        self._mean_bytes = store.get_mean_payload_bytes(connection, SAMPLE)
        self._freed = Freed()

    def make(self, now_ms: int) -> Freed:
        errors, kept = store.count_deleted_errors(self._connection)
        self._add("deleted", kept, errors=errors)
        kept_by_project = self._let_go_old(now_ms)
        for project_kept in kept_by_project.values():
            self._thin_errors(project_kept)
            self._thin_project(project_kept)
        self._shrink(kept_by_project)
        return self._freed

    def _let_go_old(self, now_ms: int) -> dict[int, list[int]]:
        """Count what is too old; return what each error keeps after that, by project."""
        first_id, before_ms = 1, FIRST_MS
        if self._config.retention_days > 0:
            before_ms = now_ms - self._config.retention_days * DAY_MS
            errors, kept = store.count_expired_errors(self._connection, before_ms)
            self._add("age", kept, errors=errors)
            first_id = store.get_first_id_since(self._connection, before_ms)
            occurrences, payload_bytes = store.count_expired_occurrences(
                self._connection, first_id, before_ms
            )
            self._add("age", occurrences, payload_bytes)
        kept_by_project = defaultdict(list)
        for project_id, kept in store.list_kept(self._connection, first_id, before_ms):
            kept_by_project[project_id].append(kept)
        return kept_by_project

    def _thin_errors(self, kept: list[int]) -> None:
        if self._config.max_occurrences_per_error <= 0:
            return
        cap = max(MIN_KEPT, self._config.max_occurrences_per_error)
        for place, size in enumerate(kept):
            if size > cap:
                kept[place] = target_of(cap)
                self._add("count", size - kept[place])

    def _thin_project(self, kept: list[int]) -> None:
        cap = self._config.max_occurrences_per_project
        if cap <= 0 or sum(kept) <= cap:
            return
        level = level_caps(kept, target_of(cap))
        for place, size in enumerate(kept):
            if size > level:
                kept[place] = level
                self._add("project", size - level)

    def _shrink(self, kept_by_project: dict[int, list[int]]) -> None:
        limit_bytes = self._config.max_db_bytes
        used_bytes = get_used_bytes(self._connection) - self._freed.payload_bytes
        if not 0 < limit_bytes < used_bytes or not self._mean_bytes:
            return
        kept = [size for sizes in kept_by_project.values() for size in sizes]
        # The first and the latest of each error stay.
        removable = sum(max(0, size - 2) for size in kept)
        wanted = -(-(used_bytes - target_of_file(limit_bytes)) // self._mean_bytes)
        self._add("size", min(removable, wanted))

    def _add(
        self, reason: Reason, occurrences: int, payload_bytes: int | None = None, errors: int = 0
    ) -> None:
        if payload_bytes is None:
            payload_bytes = occurrences * self._mean_bytes
        self._freed.errors += errors
        self._freed.occurrences += occurrences
        self._freed.payload_bytes += payload_bytes
        if occurrences:
            self._freed.reasons[reason] += occurrences
