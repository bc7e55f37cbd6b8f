"""What a delivery tells of: its errors, with the numbers and the latest occurrence of each."""

import sqlite3

import msgspec

from faultline_lite.models import Occurrence, Status
from faultline_lite.notifications.messages import Reason
from faultline_lite.payloads import PayloadCodec
from faultline_lite.store.occurrences import get_latest, get_occurrence


class Item(msgspec.Struct, frozen=True, array_like=True):
    """One error by one config in a delivery. The fields are in the order of the query's.

    ``total`` and ``status`` are the error's at the moment.
    """

    error_id: int
    group_key: bytes
    project: str
    message: str
    type: str
    status: Status
    total: int
    config_id: int
    sealed: str
    reason: Reason
    occurrences: int
    last_count: int
    second: int
    ordinal: int


def list_items(connection: sqlite3.Connection, delivery_id: int) -> list[Item]:
    """Return what the delivery tells of, but for what was deleted since; the worst first.

    The items of one error follow each other, the latest first.
    """
    rows = connection.execute(
        """
        SELECT error.id, error.group_key, project.name, error.message, error.type, error.status,
            error.count, item.config_id, channel_config.sealed, item.reason, item.occurrences,
            item.last_count, item.second, item.ordinal
        FROM delivery_item AS item
        JOIN error ON error.id = item.error_id
        JOIN project ON project.id = error.project_id AND project.name IS NOT NULL
        JOIN channel_config ON channel_config.id = item.config_id
        WHERE item.delivery_id = ?
        ORDER BY sum(item.occurrences) OVER (PARTITION BY item.error_id) DESC,
            error.count DESC, error.id, item.last_count DESC, item.config_id
        """,
        (delivery_id,),
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
