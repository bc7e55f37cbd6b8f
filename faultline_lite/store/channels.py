"""Channels and the configs that lead to them, sealed; each is stored once, whoever names it."""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from faultline_lite.models import NamedChannel


class ConfigIds(NamedTuple):
    """The ids of a stored config and of its channel, which a refused one has none of."""

    config_id: int
    channel_id: int | None


def ensure_configs(
    connection: sqlite3.Connection, channels: Iterable[NamedChannel], now_ms: int
) -> dict[bytes, ConfigIds]:
    """Return the ids of the configs by their digests, inserting those that are not there yet."""
    return {each.digest: _ensure_config(connection, each, now_ms) for each in channels}


def _ensure_config(connection: sqlite3.Connection, channel: NamedChannel, now_ms: int) -> ConfigIds:
    row = connection.execute(
        "SELECT id, channel_id FROM channel_config WHERE digest = ?", (channel.digest,)
    ).fetchone()
    if row is not None:
        return ConfigIds(*row)
    channel_id = None
    if channel.refusal is None:
        channel_id = _ensure_channel(connection, channel, now_ms)
    (config_id,) = connection.execute(
        """
        INSERT INTO channel_config (
            channel_id, digest, label, refusal, sealed, threshold, notify_interval,
            batch_seconds, max_per_hour, close_on_resolve, created_ms
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id
        """,
        (
            channel_id,
            channel.digest,
            channel.label,
            channel.refusal,
            None if channel.refusal else channel.sealed,
            channel.threshold,
            channel.notify_interval,
            channel.batch_seconds,
            channel.max_per_hour,
            int(channel.close_on_resolve),
            now_ms,
        ),
    ).fetchone()
    return ConfigIds(int(config_id), channel_id)


def _ensure_channel(connection: sqlite3.Connection, channel: NamedChannel, now_ms: int) -> int:
    connection.execute(
        """
        INSERT INTO channel (identity, type, label, created_ms) VALUES (?, ?, ?, ?)
        ON CONFLICT (identity) DO NOTHING
        """,
        (channel.identity, channel.type, channel.label, now_ms),
    )
    select = "SELECT id FROM channel WHERE identity = ?"
    (channel_id,) = connection.execute(select, (channel.identity,)).fetchone()
    return int(channel_id)
