"""Which groups the kept occurrences of an error belong to by the rule that is in force."""

import sqlite3
from collections import Counter
from dataclasses import dataclass, field

import msgspec

from faultline_lite.facets import read_user_and_version
from faultline_lite.fingerprint import address_keys, group_key, make_pattern, truncate
from faultline_lite.payloads.codec import PayloadCodec
from faultline_lite.store.census import Found, get_counted_id
from faultline_lite.store.recording import MAX_ADDRESSES
from faultline_lite.store.regroup_reading import StoredOccurrence, list_stored
from faultline_lite.timekeys import MINUTE_MS

#: Occurrences that are read at once.
STEP_OCCURRENCES = 500


class _Payload(msgspec.Struct):
    message: str
    type: str
    fingerprint: list[str] | None = None


_decoder = msgspec.json.Decoder(_Payload)


@dataclass
class Part:
    """The occurrences of an error that belong to one group; the first that came describes it."""

    key: bytes
    first_id: int
    message: str
    pattern: str
    type: str
    first_seen_ms: int
    last_seen_ms: int
    ids: list[int] = field(default_factory=list)
    minutes: Counter[int] = field(default_factory=Counter)
    address_keys: set[bytes] = field(default_factory=set)
    census: Found = field(default_factory=lambda: Found(set(), {}))


class Partition:
    """The parts of an error by their keys, as far as its occurrences have been read."""

    def __init__(self, codec: PayloadCodec, error_id: int, *, exact: bool) -> None:
        self._codec = codec
        self._error_id = error_id
        self._exact = exact
        self._last: StoredOccurrence | None = None
        self.parts: dict[bytes, Part] = {}

    @property
    def main(self) -> Part:
        """The part of the occurrence that came first."""
        return min(self.parts.values(), key=lambda part: part.first_id)

    def read(self, connection: sqlite3.Connection) -> bool:
        """Read some more occurrences; return whether there may be more."""
        counted_id = get_counted_id(connection)
        place = None if self._last is None else self._last.place
        stored = list_stored(connection, self._error_id, place, STEP_OCCURRENCES)
        for each in stored:
            self._add(each, is_counted=each.place.id <= counted_id)
            self._last = each
        return len(stored) == STEP_OCCURRENCES

    def _add(self, stored: StoredOccurrence, *, is_counted: bool) -> None:
        raw = self._codec.decompress(stored.dictionary_id, stored.payload)
        payload = _decoder.decode(raw)
        fingerprint = tuple(payload.fingerprint) if payload.fingerprint else None
        key = group_key(payload.message, exact=self._exact, fingerprint=fingerprint)
        part = self.parts.get(key)
        if part is None:
            part = self.parts[key] = _make_part(key, stored, payload)
        elif stored.place.id < part.first_id:
            _describe(part, stored.place.id, payload)
        part.first_seen_ms = min(part.first_seen_ms, stored.received_ms)
        part.last_seen_ms = max(part.last_seen_ms, stored.received_ms)
        part.ids.append(stored.place.id)
        part.minutes[stored.timestamp_ms // MINUTE_MS] += 1
        if len(part.address_keys) < MAX_ADDRESSES:
            part.address_keys.update(
                address_keys(payload.message, exact=self._exact, fingerprint=fingerprint)
            )
        if is_counted:
            part.census.add(*read_user_and_version(raw), stored.timestamp_ms)


def _make_part(key: bytes, stored: StoredOccurrence, payload: _Payload) -> Part:
    part = Part(key, 0, "", "", "", stored.received_ms, stored.received_ms)
    _describe(part, stored.place.id, payload)
    return part


def _describe(part: Part, first_id: int, payload: _Payload) -> None:
    part.first_id = first_id
    part.message = truncate(payload.message)
    part.pattern = truncate(make_pattern(payload.message))
    part.type = payload.type
