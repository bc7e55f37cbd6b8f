"""A store whose errors are regrouped, by a server that may die before any write."""

import json
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faultline_lite.census import Census
from faultline_lite.clock import SystemClock
from faultline_lite.database import Database
from faultline_lite.database_file import prepare_database
from faultline_lite.fingerprint import address_keys, group_key, normalise, truncate
from faultline_lite.metrics import Metrics
from faultline_lite.models import NewOccurrence
from faultline_lite.regroup.job import Regrouping
from faultline_lite.regroup.planning import Plan
from faultline_lite.store.census import list_versions
from faultline_lite.store.errors import update_muted, update_status
from faultline_lite.store.recording import Recorder
from faultline_lite.store.regroup_journal import get_progress
from faultline_lite.store.retention import delete_minutes, delete_occurrences
from faultline_lite.timekeys import MINUTE_MS
from tests.servers import make_config
from tests.soundness import find_unsound
from tests.stores import CODEC, NOW_MS

PATTERN, MESSAGE = False, True


@dataclass
class Shown:
    """An error as a test compares it."""

    status: str
    count: int
    kept: int
    minutes: dict[int, int]
    occurrences: tuple[tuple[int, int, int], ...]
    people: int
    versions: dict[str, tuple[int, int, int]]


class StopError(Exception):
    """The server dies."""


class MortalDatabase(Database):
    """A database whose server dies before the write after ``writes_left`` more."""

    writes_left = 10**9

    async def write(self, *args: Any, **kwargs: Any) -> Any:
        if self.writes_left == 0:
            raise StopError
        self.writes_left -= 1
        return await super().write(*args, **kwargs)


class Store:
    """A database with its regrouping, by either rule."""

    def __init__(self, database: MortalDatabase, folder: Path) -> None:
        self.database = database
        self._folder = folder

    async def post(self, rule: bool, *posted: tuple[str, int], project: str = "web") -> None:
        """Store occurrences of (message, minute) by that rule, a report each."""
        reports = [[_make(rule, message, minute, project)] for message, minute in posted]

        def write(connection: sqlite3.Connection) -> None:
            Recorder(CODEC, "minute").record(connection, reports, {})

        await self.database.write(write)
        await Census(self.database, CODEC).run()

    def regrouping(self, rule: bool) -> Regrouping:
        config = make_config(self._folder, grouping="message" if rule else "pattern")
        return Regrouping(config, self.database, CODEC, SystemClock(), lambda: None)

    async def plan(self, rule: bool) -> Plan:
        regrouping = self.regrouping(rule)
        assert await regrouping.begin("plan")
        await regrouping.run()
        assert regrouping.planned is not None
        assert regrouping.planned.plan is not None
        return regrouping.planned.plan

    async def apply(self, rule: bool) -> None:
        regrouping = self.regrouping(rule)
        assert await regrouping.begin("apply")
        await regrouping.run()
        assert await self.state() == "done"

    async def undo(self, rule: bool) -> None:
        regrouping = self.regrouping(rule)
        assert await regrouping.begin("undo")
        await regrouping.run()
        assert await self.state() == "done"

    async def state(self) -> str:
        progress = await self.database.read(get_progress)
        assert progress is not None
        return progress.state

    async def show(self) -> dict[tuple[str, bytes], Shown]:
        """Return all errors by project and key; the database must be sound."""
        return await self.database.read(_show)

    async def resolve(self, *messages: str) -> None:
        def write(connection: sqlite3.Connection) -> None:
            for message in messages:
                for (error_id,) in connection.execute(
                    "SELECT id FROM error WHERE message = ?", (message,)
                ).fetchall():
                    update_status(connection, error_id, "resolved", NOW_MS)

        await self.database.write(write)

    async def expire_minutes(self, minutes: int) -> None:
        """Let the first minutes of all timelines go, as retention does by age."""
        before_minute = NOW_MS // MINUTE_MS + minutes

        def write(connection: sqlite3.Connection) -> None:
            for (error_id,) in connection.execute("SELECT id FROM error").fetchall():
                delete_minutes(connection, error_id, before_minute, 1000)

        await self.database.write(write)

    async def mute(self, occurrences: int) -> None:
        """Mute all errors until so many more have come."""

        def write(connection: sqlite3.Connection) -> None:
            for (error_id,) in connection.execute("SELECT id FROM error").fetchall():
                update_muted(
                    connection, error_id, muted=True, until_ms=None, until_count=occurrences
                )

        await self.database.write(write)

    async def left_of_mutes(self) -> list[int]:
        """Return how many more occurrences each error is silent for."""

        def read(connection: sqlite3.Connection) -> list[int]:
            rows = connection.execute(
                "SELECT muted_until_count - count FROM error WHERE muted = 1 ORDER BY id"
            )
            return [left for (left,) in rows]

        return await self.database.read(read)

    async def let_go(self, ids: Iterable[int]) -> None:
        await self.database.write(delete_occurrences, list(ids))


@asynccontextmanager
async def open_store() -> AsyncIterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "faultline.db"
        prepare_database(path)
        database = MortalDatabase(path, "normal", Metrics())
        try:
            yield Store(database, Path(folder))
        finally:
            await database.close()


def key_of(rule: bool, message: str) -> bytes:
    return group_key(message, exact=rule, fingerprint=None)


def _make(rule: bool, message: str, minute: int, project: str) -> NewOccurrence:
    payload = {
        "message": message,
        "type": "_",
        "context": {"user": {"id": message}, "version": f"1.{minute}"},
    }
    return NewOccurrence(
        project=project,
        group_key=key_of(rule, message),
        address_keys=address_keys(message, exact=rule, fingerprint=None),
        message=truncate(message),
        pattern=truncate(normalise(message)),
        type="_",
        timestamp_ms=NOW_MS + minute * MINUTE_MS,
        received_ms=NOW_MS + minute * MINUTE_MS,
        payload=json.dumps(payload).encode(),
    )


def _show(connection: sqlite3.Connection) -> dict[tuple[str, bytes], Shown]:
    assert find_unsound(connection) == []
    shown = {}
    for error_id, project, key, status, count, kept, people in connection.execute(
        """
        SELECT error.id, project.name, group_key, status, count, kept, people
        FROM error JOIN project ON project.id = project_id
        """
    ).fetchall():
        minutes = connection.execute(
            "SELECT minute, count FROM timeline WHERE error_id = ? ORDER BY minute", (error_id,)
        )
        occurrences = connection.execute(
            "SELECT id, second, ordinal FROM occurrence WHERE error_id = ? ORDER BY id",
            (error_id,),
        )
        versions = {
            each.version: (each.count, each.first_ms, each.last_ms)
            for each in list_versions(connection, error_id)
        }
        shown[project, key] = Shown(
            status,
            count,
            kept,
            dict(minutes.fetchall()),
            tuple(occurrences.fetchall()),
            people,
            versions,
        )
    return shown
