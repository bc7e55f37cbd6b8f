"""Whom an error met, and in which versions: counted in every occurrence, kept or not."""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from faultline_lite.people import add_people, count_people
from faultline_lite.store.statements import write_rows

#: Versions of one error that are remembered, those that were seen last.
MAX_VERSIONS = 100


class Uncounted(NamedTuple):
    """An occurrence that the census has not come to, its payload still compressed."""

    id: int
    error_id: int
    timestamp_ms: int
    received_ms: int
    dictionary_id: int
    payload: bytes


class VersionCount(msgspec.Struct, frozen=True):
    """A version, the occurrences in it, and the first and last timestamp of these."""

    version: str
    count: int
    first_ms: int
    last_ms: int


class Found(msgspec.Struct):
    """What some occurrences of an error add to its census."""

    people: set[str]
    versions: dict[str, VersionCount]

    def add(self, user: str | None, version: str | None, timestamp_ms: int) -> None:
        """Add what one occurrence has."""
        if user is not None:
            self.people.add(user)
        if version is not None:
            known = self.versions.get(version)
            first_ms = last_ms = timestamp_ms
            if known is not None:
                first_ms, last_ms = min(known.first_ms, first_ms), max(known.last_ms, last_ms)
            count = 1 if known is None else known.count + 1
            self.versions[version] = VersionCount(version, count, first_ms, last_ms)


def list_uncounted(connection: sqlite3.Connection, counted_id: int, limit: int) -> list[Uncounted]:
    """Return the occurrences that came after that one, in their order."""
    rows = connection.execute(
        """
        SELECT id, error_id, timestamp_ms, received_ms, dictionary_id, payload FROM occurrence
        WHERE id > ? ORDER BY id LIMIT ?
        """,
        (counted_id, limit),
    )
    return [Uncounted(*row) for row in rows]


def add_to_census(
    connection: sqlite3.Connection, found: Mapping[int, Found], counted_id: int, last: Uncounted
) -> None:
    """Add what was found, by error id, from behind the occurrence ``counted_id`` up to ``last``.

    Does nothing where another has counted them meanwhile, or where the last one is gone: its id,
    and those of others that came late, may belong to new ones already.
    """
    same = connection.execute(
        "SELECT 1 FROM occurrence WHERE (id, error_id, received_ms) = (?, ?, ?)",
        (last.id, last.error_id, last.received_ms),
    ).fetchone()
    if same is None or get_counted_id(connection) != counted_id:
        return
    add_found(connection, {each: found[each] for each in _list_existing(connection, found)})
    connection.execute("UPDATE census_progress SET occurrence_id = ?", (last.id,))


def get_counted_id(connection: sqlite3.Connection) -> int:
    """Return the id of the last occurrence that the census has counted."""
    (occurrence_id,) = connection.execute("SELECT occurrence_id FROM census_progress").fetchone()
    return int(occurrence_id)


def add_found(connection: sqlite3.Connection, found: Mapping[int, Found]) -> None:
    """Add what was found to the census of these errors, which exist."""
    people = {error_id: each.people for error_id, each in found.items() if each.people}
    sketches = _get_sketches(connection, people)
    changed = {}
    for error_id, own in people.items():
        before = sketches.get(error_id, b"")
        sketch = add_people(before, own)
        if sketch != before:
            changed[error_id] = sketch
    _set_sketches(connection, changed)
    _add_versions(connection, {error_id: each.versions for error_id, each in found.items()})


def get_sketch(connection: sqlite3.Connection, error_id: int) -> bytes:
    """Return the sketch of the people that the error met, empty where it met none."""
    return _get_sketches(connection, [error_id]).get(error_id, b"")


def set_sketch(connection: sqlite3.Connection, error_id: int, sketch: bytes) -> None:
    """Store the sketch of the people that the error met, and how many they are."""
    if sketch != get_sketch(connection, error_id):
        _set_sketches(connection, {error_id: sketch})


def subtract_versions(
    connection: sqlite3.Connection, error_id: int, counts: Mapping[str, int]
) -> None:
    """Take so many occurrences of each version out of the census of the error."""
    rows = [(error_id, version, count) for version, count in counts.items()]
    write_rows(
        connection,
        """
        UPDATE error_version SET count = error_version.count - new.column3
        FROM (VALUES {rows}) AS new
        WHERE error_id = new.column1 AND version = new.column2
        """,
        rows,
    )
    connection.execute("DELETE FROM error_version WHERE error_id = ? AND count <= 0", (error_id,))


def rewind_census(connection: sqlite3.Connection) -> None:
    """Go back to the last occurrence there is, after some were deleted: their ids come again."""
    connection.execute(
        """
        UPDATE census_progress SET occurrence_id = last.id
        FROM (SELECT coalesce(max(id), 0) AS id FROM occurrence) AS last
        WHERE occurrence_id > last.id
        """
    )


def list_versions(connection: sqlite3.Connection, error_id: int) -> list[VersionCount]:
    """Return the versions that the error was seen in, the one that came last first."""
    rows = connection.execute(
        """
        SELECT version, count, first_ms, last_ms FROM error_version WHERE error_id = ?
        ORDER BY first_ms DESC, version DESC
        """,
        (error_id,),
    )
    return [VersionCount(*row) for row in rows]


def _list_existing(connection: sqlite3.Connection, error_ids: Mapping[int, Found]) -> list[int]:
    rows = connection.execute(
        "SELECT id FROM error WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
        (msgspec.json.encode([*error_ids]).decode(),),
    )
    return [error_id for (error_id,) in rows]


def _get_sketches(connection: sqlite3.Connection, error_ids: Iterable[int]) -> dict[int, bytes]:
    rows = connection.execute(
        """
        SELECT error_id, sketch FROM error_people
        WHERE error_id IN (SELECT value FROM json_each(?))
        """,
        (msgspec.json.encode([*error_ids]).decode(),),
    )
    return dict(rows.fetchall())


def _set_sketches(connection: sqlite3.Connection, sketches: Mapping[int, bytes]) -> None:
    write_rows(
        connection,
        "INSERT OR REPLACE INTO error_people (error_id, sketch) VALUES {rows}",
        [*sketches.items()],
    )
    write_rows(
        connection,
        """
        UPDATE error SET people = new.column2
        FROM (VALUES {rows}) AS new WHERE error.id = new.column1
        """,
        [(error_id, count_people(sketch)) for error_id, sketch in sketches.items()],
    )


def _add_versions(
    connection: sqlite3.Connection, found: Mapping[int, Mapping[str, VersionCount]]
) -> None:
    rows = [
        (error_id, *msgspec.structs.astuple(each))
        for error_id, versions in found.items()
        for each in versions.values()
    ]
    write_rows(
        connection,
        """
        INSERT INTO error_version (error_id, version, count, first_ms, last_ms) VALUES {rows}
        ON CONFLICT (error_id, version) DO UPDATE SET
            count = count + excluded.count,
            first_ms = min(first_ms, excluded.first_ms),
            last_ms = max(last_ms, excluded.last_ms)
        """,
        rows,
    )
    for error_id in _list_with_many_versions(connection, found):
        _forget_oldest_versions(connection, error_id)


def _list_with_many_versions(connection: sqlite3.Connection, error_ids: Iterable[int]) -> list[int]:
    rows = connection.execute(
        """
        SELECT error_id FROM error_version WHERE error_id IN (SELECT value FROM json_each(?))
        GROUP BY error_id HAVING count(*) > ?
        """,
        (msgspec.json.encode([*error_ids]).decode(), MAX_VERSIONS),
    )
    return [error_id for (error_id,) in rows]


def _forget_oldest_versions(connection: sqlite3.Connection, error_id: int) -> None:
    connection.execute(
        """
        DELETE FROM error_version WHERE error_id = ?1 AND version IN (
            SELECT version FROM error_version WHERE error_id = ?1
            ORDER BY last_ms DESC, version DESC LIMIT -1 OFFSET ?2
        )
        """,
        (error_id, MAX_VERSIONS),
    )
