"""A store in memory, and occurrences to put into it, for tests of the queries."""

import json
import sqlite3
from typing import Any

from sqlite_utils import Database as Tables

from faultline_lite.fingerprint import group_key, normalise, truncate
from faultline_lite.migrations import migrations
from faultline_lite.models import NewOccurrence, Recorded
from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.store.recording import Recorder
from faultline_lite.timekeys import MINUTE_MS

#: 2016-12-06T15:00:00Z, the beginning of an hour.
NOW_MS = 1_481_036_400_000
CODEC = PayloadCodec()


def open_store() -> sqlite3.Connection:
    """Return a connection to a new database in memory, in autocommit mode as the server's are."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    migrations.apply(Tables(connection, execute_plugins=False))
    return connection


def make_occurrence(
    message: str = "boom",
    *,
    project: str = "web",
    timestamp_ms: int = NOW_MS,
    received_ms: int = NOW_MS,
    payload: bytes = b"{}",
) -> NewOccurrence:
    return NewOccurrence(
        project=project,
        group_key=group_key(message, exact=False, fingerprint=None),
        address_keys=(),
        message=truncate(message),
        pattern=normalise(message),
        type="_",
        timestamp_ms=timestamp_ms,
        received_ms=received_ms,
        payload=payload,
    )


def make_payload(**context: Any) -> bytes:
    """Return a payload whose context has these fields."""
    return json.dumps({"message": "boom", "type": "_", "context": context}).encode()


def record(connection: sqlite3.Connection, *occurrences: NewOccurrence) -> list[Recorded]:
    """Store the occurrences as one report."""
    (recorded,) = Recorder(CODEC, "minute").record(connection, [occurrences], {})
    return recorded


def record_at(
    connection: sqlite3.Connection, *minutes: int, message: str = "boom", project: str = "web"
) -> int:
    """Store one occurrence at each of the minutes after NOW_MS and return the error's id."""
    occurrences = [
        make_occurrence(message, project=project, timestamp_ms=NOW_MS + minute * MINUTE_MS)
        for minute in minutes
    ]
    return record(connection, *occurrences)[0].error_id
