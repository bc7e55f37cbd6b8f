"""What a delivery tells of: its errors, with the numbers and the latest occurrence of each."""

import sqlite3

import msgspec

from faultline_lite.models import Occurrence, Status
from faultline_lite.notifications.messages import Reason
from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.store.occurrences import get_latest, get_occurrence

#: The errors of a delivery, but for what was deleted since.
_ALIVE = """
    delivery_item AS item JOIN error ON error.id = item.error_id
    JOIN project ON project.id = error.project_id AND project.name IS NOT NULL
    """


class Item(msgspec.Struct, frozen=True, array_like=True):
    """One error by one config in a delivery. The fields are in the order of the query's.

    ``total``, ``status`` and ``last_updated_ms`` are the error's at the moment.
    """

    error_id: int
    group_key: bytes
    project: str
    message: str
    type: str
    status: Status
    last_updated_ms: int
    total: int
    config_id: int
    sealed: str
    reason: Reason
    occurrences: int
    last_count: int
    second: int
    ordinal: int


def count_items(connection: sqlite3.Connection, delivery_id: int) -> tuple[int, int]:
    """Return how many errors the delivery tells of, and how many occurrences of them."""
    errors, occurrences = connection.execute(
        f"""
        SELECT count(DISTINCT error.id), coalesce(sum(item.occurrences), 0)
        FROM {_ALIVE} WHERE item.delivery_id = ?
        """,
        (delivery_id,),
    ).fetchone()
    return int(errors), int(occurrences)


def list_items(connection: sqlite3.Connection, delivery_id: int, errors: int) -> list[Item]:
    """Return what the delivery tells of its worst errors, at most so many, the worst first.

    The items of one error follow each other, the latest first.
    """
    rows = connection.execute(
        f"""
        WITH worst AS (
            SELECT error.id, sum(item.occurrences) AS occurrences
            FROM {_ALIVE} WHERE item.delivery_id = ?1
            GROUP BY error.id ORDER BY 2 DESC, error.count DESC, error.id LIMIT ?2
        )
        SELECT error.id, error.group_key, project.name, error.message, error.type, error.status,
            error.last_updated_ms, error.count, item.config_id, channel_config.sealed, item.reason,
            item.occurrences, item.last_count, item.second, item.ordinal
        FROM {_ALIVE}
        JOIN worst ON worst.id = error.id
        JOIN channel_config ON channel_config.id = item.config_id
        WHERE item.delivery_id = ?1
        ORDER BY worst.occurrences DESC, error.count DESC, error.id,
            item.last_count DESC, item.config_id
        """,
        (delivery_id, errors),
    )
    return [msgspec.convert(row, Item) for row in rows]


def get_told_occurrence(
    connection: sqlite3.Connection, codec: PayloadCodec, item: Item
) -> Occurrence | None:
    """Return the occurrence that the item is about; where retention has taken it, the latest."""
    found = get_occurrence(connection, codec, item.error_id, (item.second, item.ordinal))
    return found or get_latest(connection, codec, item.error_id)


def get_first_message(
    connection: sqlite3.Connection, codec: PayloadCodec, error_id: int
) -> str | None:
    """Return the whole message of the error's first occurrence, None where it is gone."""
    row = connection.execute(
        "SELECT dictionary_id, payload FROM occurrence WHERE error_id = ? AND count = 1 LIMIT 1",
        (error_id,),
    ).fetchone()
    if row is None:
        return None
    payload = msgspec.json.decode(codec.decompress(*row), type=_Payload)
    return payload.message


class _Payload(msgspec.Struct):
    message: str
