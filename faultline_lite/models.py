"""The values that travel between modules. No behaviour but what follows from the fields alone."""

from typing import Annotated, Any, Literal

import msgspec

Status = Literal["unresolved", "resolved"]
#: What fits into a column of SQLite's. A client's number in a query must be of it, since a larger
#: one cannot be bound.
Integer64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Entry(msgspec.Struct, frozen=True):
    """One entry of a report: an occurrence that is not stored yet.

    ``payload`` is the JSON object that is stored and answered: the entry as it was posted, with
    what the report shares (context, environment, session, params) and the event.
    """

    message: str
    type: str
    timestamp_ms: int
    payload: bytes
    fingerprint: tuple[str, ...] | None = None


class Report(msgspec.Struct, frozen=True):
    """What a client posted, from whichever protocol, decoded and checked.

    ``notifications`` are configs in the clear or sealed, or whatever was given for one: kept in
    memory only, never stored.
    """

    project: str
    entries: tuple[Entry, ...]
    received_ms: int
    notifications: tuple[Any, ...] = ()
    warnings: tuple[str, ...] = ()


class Sender(msgspec.Struct, frozen=True):
    """Who posted a report: the page it came from, by its ``Origin``, and with which key."""

    origin: str | None = None
    is_master: bool = False


class NamedChannel(msgspec.Struct, frozen=True, kw_only=True):
    """A channel as a report names it, ready for the store: nothing of it is in the clear.

    ``digest`` is the same for configs of the same content, ``identity`` for those that lead to the
    same destination. With a ``refusal``, which says why, it is nothing but a label.
    ``unknown_fields`` are the names in its config that mean nothing; the store does not keep them.
    """

    digest: bytes
    label: str
    refusal: str | None = None
    identity: bytes = b""
    type: str = ""
    sealed: str = ""
    threshold: int = 1
    notify_interval: int = 1
    batch_seconds: int | None = None
    max_per_hour: int | None = None
    close_on_resolve: bool = False
    unknown_fields: tuple[str, ...] = ()


class NewOccurrence(msgspec.Struct, frozen=True):
    """An entry ready to be stored: scrubbed and grouped."""

    project: str
    group_key: bytes
    address_keys: tuple[bytes, ...]
    message: str
    pattern: str
    type: str
    timestamp_ms: int
    received_ms: int
    payload: bytes
    channels: tuple[NamedChannel, ...] = ()


class Recorded(msgspec.Struct, frozen=True):
    """What storing an occurrence produced: the exact numbers that the rules decide by.

    ``count`` is the occurrences of the error, ``bucket`` those in the time unit that this one's
    timestamp falls in, this one included in both.
    """

    error_id: int
    reversed_unixtime: str
    count: int
    bucket: int
    regression: bool
    muted: bool


class Error(msgspec.Struct, frozen=True, array_like=True):
    """A group of occurrences, with its counters. The fields are in the order of the query's."""

    id: int
    project: str
    group_key: bytes
    message: str
    pattern: str
    type: str
    status: Status
    count: int
    first_seen_ms: int
    last_updated_ms: int
    muted: bool
    muted_until_ms: int | None
    muted_until_count: int | None
    last_seen_ms: int
    people: int

    def is_muted_at(self, now_ms: int) -> bool:
        """Return whether it is silent then: the next occurrence after its time is not."""
        return self.muted and (self.muted_until_ms is None or now_ms < self.muted_until_ms)


class Occurrence(msgspec.Struct, frozen=True):
    """A stored occurrence; ``payload`` is its JSON object, decompressed."""

    second: int
    ordinal: int
    timestamp_ms: int
    received_ms: int
    payload: bytes


class Bucket(msgspec.Struct, frozen=True):
    """Occurrences of an error in one unit of time, which begins at ``start_ms``."""

    start_ms: int
    count: int


class ProjectSummary(msgspec.Struct, frozen=True):
    """A project with totals over its errors."""

    id: int
    name: str
    count: int
    unresolved_count: int
    last_updated_ms: int
