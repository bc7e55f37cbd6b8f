"""Put a message together: from a delivery in the store to what a notifier is given."""

import contextlib
import sqlite3
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from faultline_lite.exceptions import ChannelConfigError
from faultline_lite.fingerprint import is_truncated
from faultline_lite.models import Occurrence
from faultline_lite.notifications.channels import ChannelConfig
from faultline_lite.notifications.links import error_path, fill_template
from faultline_lite.notifications.messages import MAX_SHOWN, ErrorSummary, Message, Resolution
from faultline_lite.notifications.unsealing import Unsealer
from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.store.delivery_items import (
    Item,
    count_items,
    get_first_message,
    get_told_occurrence,
    list_items,
)
from faultline_lite.timekeys import format_time, reversed_unixtime


class _Told(NamedTuple):
    """An error's items, the latest first, with what is shown of it."""

    items: list[Item]
    message: str
    occurrence: Occurrence | None
    payload: dict[str, Any]


class Draft(NamedTuple):
    """A delivery as read from the store, before any config is opened."""

    told: list[_Told]
    error_count: int
    occurrence_count: int


def read_draft(connection: sqlite3.Connection, codec: PayloadCodec, delivery_id: int) -> Draft:
    """Return what the delivery tells of; nothing where all of it was deleted since."""
    errors, occurrences = count_items(connection, delivery_id)
    items = list_items(connection, delivery_id, MAX_SHOWN)
    told = [
        _read_told(connection, codec, list(of_one))
        for _, of_one in groupby(items, attrgetter("error_id"))
    ]
    return Draft(told, errors, occurrences)


def choose_config(draft: Draft, unsealer: Unsealer) -> tuple[int, ChannelConfig]:
    """Return the config that the message is sent with, and its id: the worst error's latest.

    Raises ChannelConfigError where none of them can be opened.
    """
    failure: ChannelConfigError | None = None
    for each in draft.told:
        for item in each.items:
            try:
                return item.config_id, unsealer.open_stored(item.sealed)
            except ChannelConfigError as error:
                failure = failure or error
    raise failure or ChannelConfigError()


def make_message(
    draft: Draft, unsealer: Unsealer, public_url: str | None, delivery_id: int, note: str | None
) -> Message:
    """Return the message that the draft makes, with a link for each error."""
    return Message(
        errors=tuple(_summarise(each, unsealer, public_url) for each in draft.told),
        error_count=draft.error_count,
        occurrence_count=draft.occurrence_count,
        notes=() if note is None else (note,),
        delivery_id=delivery_id,
    )


def make_resolution(draft: Draft, unsealer: Unsealer, public_url: str | None) -> Resolution | None:
    """Return what an issue tracker is told, None where the error is unresolved again."""
    told = draft.told[0]
    item = told.items[0]
    if item.status != "resolved":
        return None
    return Resolution(
        error_id=item.error_id,
        fingerprint=item.group_key.hex(),
        project=item.project,
        message=told.message,
        type=item.type,
        link=_link(told, unsealer, public_url),
        # Nothing has occurred since, which would have made it unresolved.
        resolved_ms=item.last_updated_ms,
    )


def _read_told(connection: sqlite3.Connection, codec: PayloadCodec, items: list[Item]) -> _Told:
    latest = items[0]
    message = latest.message
    if is_truncated(message):
        message = get_first_message(connection, codec, latest.error_id) or message
    occurrence = get_told_occurrence(connection, codec, latest)
    payload = {} if occurrence is None else _decode(latest, occurrence)
    return _Told(items, message, occurrence, payload)


def _decode(item: Item, occurrence: Occurrence) -> dict[str, Any]:
    """Return the occurrence as the API answers it."""
    return {
        "project": item.project,
        "reversedUnixtime": reversed_unixtime(occurrence.second, occurrence.ordinal),
        "receivedAt": format_time(occurrence.received_ms),
        **msgspec.json.decode(occurrence.payload),
    }


def _summarise(told: _Told, unsealer: Unsealer, public_url: str | None) -> ErrorSummary:
    latest = told.items[0]
    # Where retention has left no occurrence at all, its second still says when it was.
    timestamp_ms = latest.second * 1000 if told.occurrence is None else told.occurrence.timestamp_ms
    return ErrorSummary(
        error_id=latest.error_id,
        fingerprint=latest.group_key.hex(),
        project=latest.project,
        message=told.message,
        type=latest.type,
        reason=min(item.reason for item in told.items),
        occurrences=sum(item.occurrences for item in told.items),
        total=latest.total,
        timestamp_ms=timestamp_ms,
        reversed_unixtime=_place(told),
        link=_link(told, unsealer, public_url),
        occurrence=told.payload,
    )


def _place(told: _Told) -> str:
    if told.occurrence is None:
        return reversed_unixtime(told.items[0].second, told.items[0].ordinal)
    return reversed_unixtime(told.occurrence.second, told.occurrence.ordinal)


def _link(told: _Told, unsealer: Unsealer, public_url: str | None) -> str | None:
    """Return the link of the latest item's own config, this server's page by default."""
    item = told.items[0]
    template = None
    # Where it cannot be opened, the message goes by another config, and needs a link all the same.
    with contextlib.suppress(ChannelConfigError):
        template = unsealer.open_stored(item.sealed).link_template
    if template is not None:
        return fill_template(template, item.project, item.message, _place(told))
    if public_url is None:
        return None
    return public_url + error_path(item, _place(told))
