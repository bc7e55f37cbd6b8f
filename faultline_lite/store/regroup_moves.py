"""Move what there is of one error to another of its project, a bounded number of rows a call.

Every call leaves both sound: counts, timelines, roll-ups and kept counts move together.
"""

import sqlite3
from collections.abc import Iterable, Mapping

import msgspec

from faultline_lite.store.census import Found, add_found, subtract_versions
from faultline_lite.store.outbox import Due, insert_due
from faultline_lite.store.rollups import RollupChanges, take_open_unit
from faultline_lite.store.statements import write_rows

_DUE = ", ".join(Due._fields)
_ITEM = """
    delivery_id, config_id, project_id, reason, occurrences,
    first_count, last_count, second, ordinal
    """


class NewError(msgspec.Struct, frozen=True):
    """An error that some occurrences of another are to become; nothing is counted in it yet."""

    group_key: bytes
    message: str
    pattern: str
    type: str
    first_seen_ms: int
    last_seen_ms: int


def create_error(connection: sqlite3.Connection, source_id: int, new: NewError) -> int:
    """Create an error beside the source, of its status and as silent as it is; return its id."""
    (error_id,) = connection.execute(
        """
        INSERT INTO error (
            project_id, group_key, message, pattern, type, status, count, kept, first_seen_ms,
            last_seen_ms, last_updated_ms, muted, muted_until_ms, muted_until_count
        )
        SELECT project_id, ?, ?, ?, ?, status, 0, 0, ?, ?, ?, muted, muted_until_ms,
            muted_until_count - count
        FROM error WHERE id = ? RETURNING id
        """,
        (
            new.group_key,
            new.message,
            new.pattern,
            new.type,
            new.first_seen_ms,
            new.last_seen_ms,
            new.last_seen_ms,
            source_id,
        ),
    ).fetchone()
    return int(error_id)


def move_occurrences(
    connection: sqlite3.Connection,
    source_id: int,
    target_id: int,
    ids: Iterable[int],
    ordinals: Mapping[int, int] | None = None,
) -> list[tuple[int, int]]:
    """Move those of the occurrences that the source still has; return (id, former ordinal).

    An occurrence whose place within its second is taken in the target comes last in that second.
    ``ordinals`` are the places that they are wanted at, by id; by default those that they have.
    """
    moved = []
    for occurrence_id in ids:
        row = connection.execute(
            "SELECT second, ordinal FROM occurrence WHERE id = ? AND error_id = ?",
            (occurrence_id, source_id),
        ).fetchone()
        if row is None:
            continue
        second, ordinal = row
        wanted = ordinal if ordinals is None else ordinals.get(occurrence_id, ordinal)
        free = _find_free_ordinal(connection, target_id, second, wanted)
        connection.execute(
            "UPDATE occurrence SET error_id = ?, ordinal = ? WHERE id = ?",
            (target_id, free, occurrence_id),
        )
        moved.append((occurrence_id, ordinal))
    for error_id, change in ((source_id, -len(moved)), (target_id, len(moved))):
        connection.execute("UPDATE error SET kept = kept + ? WHERE id = ?", (change, error_id))
    return moved


def move_counts(
    connection: sqlite3.Connection,
    source_id: int,
    target_id: int,
    minutes: Mapping[int, int],
    beyond: int = 0,
) -> tuple[dict[int, int], int]:
    """Move counts between timelines, and ``beyond`` them: of minutes that have expired.

    Returns what was moved of both: no more than the source has. A mute that ends after so many
    occurrences ends after as many more as before.
    """
    moved = _take_minutes(connection, source_id, minutes)
    write_rows(
        connection,
        """
        INSERT INTO timeline (error_id, minute, count) VALUES {rows}
        ON CONFLICT (error_id, minute) DO UPDATE SET count = count + excluded.count
        """,
        [(target_id, minute, count) for minute, count in moved.items()],
    )
    changes = RollupChanges()
    changes.add_to_error(source_id, *take_open_unit(connection, "error", source_id))
    for minute, count in moved.items():
        changes.add_to_error(source_id, minute, -count)
        changes.add_to_error(target_id, minute, count)
    changes.write(connection)
    in_minutes = sum(moved.values())
    (count,) = connection.execute("SELECT count FROM error WHERE id = ?", (source_id,)).fetchone()
    beyond = max(0, min(beyond, count - in_minutes))
    number = in_minutes + beyond
    for error_id, change in ((source_id, -number), (target_id, number)):
        connection.execute(
            """
            UPDATE error SET count = count + ?1, muted_until_count = muted_until_count + ?1
            WHERE id = ?2
            """,
            (change, error_id),
        )
    return moved, beyond


def add_addresses(
    connection: sqlite3.Connection, error_id: int, address_keys: Iterable[bytes]
) -> None:
    """Have these lead to the error, too."""
    write_rows(
        connection,
        """
        INSERT OR IGNORE INTO address (project_id, address_key, error_id)
        SELECT error.project_id, new.column1, error.id
        FROM (VALUES {rows}) AS new JOIN error ON error.id = new.column2
        """,
        [(address_key, error_id) for address_key in address_keys],
    )


def move_found(
    connection: sqlite3.Connection, source_id: int, target_id: int, found: Found
) -> None:
    """Move versions between the censuses. Whoever met the target met the source, too."""
    add_found(connection, {target_id: found})
    counts = {version: each.count for version, each in found.versions.items()}
    subtract_versions(connection, source_id, counts)


def move_deliveries(
    connection: sqlite3.Connection, source_id: int, target_id: int, limit: int
) -> int:
    """Have up to ``limit`` deliveries that told of the source tell of the target; return how many.

    What is due of the source becomes due of the target, however much that is: one row for each
    config.
    """
    due = connection.execute(
        f"DELETE FROM outbox WHERE error_id = ? RETURNING {_DUE}", (source_id,)
    ).fetchall()
    insert_due(connection, [Due(*row)._replace(error_id=target_id) for row in due])
    items = connection.execute(
        f"""
        DELETE FROM delivery_item WHERE error_id = ?1 AND delivery_id IN (
            SELECT delivery_id FROM delivery_item WHERE error_id = ?1
            ORDER BY delivery_id LIMIT ?2
        )
        RETURNING {_ITEM}
        """,
        (source_id, limit),
    ).fetchall()
    write_rows(
        connection,
        f"""
        INSERT INTO delivery_item (error_id, {_ITEM}) VALUES {{rows}}
        ON CONFLICT (delivery_id, config_id, error_id) DO UPDATE SET
            occurrences = occurrences + excluded.occurrences,
            first_count = min(first_count, excluded.first_count),
            last_count = max(last_count, excluded.last_count)
        """,
        [(target_id, *item) for item in items],
    )
    return len(items)


def _take_minutes(
    connection: sqlite3.Connection, error_id: int, minutes: Mapping[int, int]
) -> dict[int, int]:
    """Take up to so much out of the error's timeline; return what was taken."""
    rows = connection.execute(
        """
        SELECT minute, count FROM timeline
        WHERE error_id = ? AND minute IN (SELECT value FROM json_each(?)) ORDER BY minute
        """,
        (error_id, msgspec.json.encode([*minutes]).decode()),
    ).fetchall()
    taken = {minute: min(count, minutes[minute]) for minute, count in rows}
    write_rows(
        connection,
        """
        UPDATE timeline SET count = timeline.count - new.column3 FROM (VALUES {rows}) AS new
        WHERE error_id = new.column1 AND minute = new.column2
        """,
        [(error_id, minute, count) for minute, count in taken.items()],
    )
    write_rows(
        connection,
        """
        DELETE FROM timeline
        WHERE (error_id, minute) IN (SELECT * FROM (VALUES {rows})) AND count = 0
        """,
        [(error_id, minute) for minute in taken],
    )
    return taken


def _find_free_ordinal(
    connection: sqlite3.Connection, error_id: int, second: int, wanted: int
) -> int:
    """Return the wanted place in that second of the error, or the one behind its last."""
    is_taken, last = connection.execute(
        """
        SELECT total(ordinal = ?), coalesce(max(ordinal), 0) FROM occurrence
        WHERE error_id = ? AND second = ?
        """,
        (wanted, error_id, second),
    ).fetchone()
    return last + 1 if is_taken else wanted
