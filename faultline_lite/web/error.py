"""An error: how it is, one of its occurrences, and what can be done about it."""

import re
import sqlite3
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
from starlette.responses import Response

from faultline_lite.exceptions import BadRequestError, ChannelConfigError, Problem
from faultline_lite.facets import read_user_and_version
from faultline_lite.http.addresses import address_of, find_error, no_occurrence, place_of
from faultline_lite.http.changes import Change, change_error
from faultline_lite.models import Error, Occurrence
from faultline_lite.notifications.links import error_path
from faultline_lite.notifications.unsealing import Unsealer
from faultline_lite.sentences import say
from faultline_lite.store.census import list_versions
from faultline_lite.store.occurrences import get_latest, get_neighbours, get_occurrence
from faultline_lite.store.timeline import fill_buckets, list_error_buckets
from faultline_lite.store.tracked_issues import list_issues
from faultline_lite.timekeys import (
    HOUR_MS,
    parse_time,
    reversed_unixtime,
    span_around,
)
from faultline_lite.web.chart import RANGES_MS
from faultline_lite.web.details import read_details
from faultline_lite.web.forms import Form, first
from faultline_lite.web.visits import Values, Visit

#: How long an error can be muted with one press, in seconds.
MUTE_SECONDS = (3600, 24 * 3600, 7 * 24 * 3600)
MAX_UNTIL_COUNT = 2**31 - 1

_WHOLE = re.compile(r"\d{1,10}", re.ASCII)


class Trend(NamedTuple):
    """Occurrences in each of the last 48 hours, and of each of the two days."""

    hours: tuple[int, ...]
    today: int
    yesterday: int


class IssueLink(NamedTuple):
    """An issue that stands for the error; ``url`` is None where its config cannot be opened."""

    label: str
    number: int
    url: str | None


async def show_error(visit: Visit) -> Response:
    """Show an error with its latest occurrence."""
    return await _show(visit, None)


async def show_occurrence(visit: Visit) -> Response:
    """Show an error with the occurrence that the address names."""
    return await _show(visit, place_of(visit.request))


async def change(visit: Visit, form: Form) -> Response:
    """Resolve, reopen, mute or unmute the error."""
    error = await change_error(visit.services, address_of(visit.request), _read_change(visit, form))
    return visit.redirect(error_path(error))


async def _show(visit: Visit, place: tuple[int, int] | None) -> Response:
    address = address_of(visit.request)
    now_ms = visit.services.clock.now_ms()

    def read(connection: sqlite3.Connection) -> Values:
        error = find_error(connection, address)
        head = _head_values(connection, error, visit.services.unsealer, now_ms)
        if visit.wants_part:
            return head
        occurrence = _find_occurrence(connection, visit, error, place)
        return {
            **head,
            **_occurrence_values(connection, error, occurrence),
            "is_latest": place is None,
            "ranges": (*RANGES_MS, "all"),
            "mute_seconds": MUTE_SECONDS,
        }

    return await visit.show("error_head.html" if visit.wants_part else "error.html", read)


def _head_values(
    connection: sqlite3.Connection, error: Error, unsealer: Unsealer, now_ms: int
) -> Values:
    """Return what is seen of the error at a glance."""
    return {
        "error": error,
        "trend": _read_trend(connection, error.id, now_ms),
        **_version_values(connection, error.id),
        "issues": [
            IssueLink(each.label, each.number, _issue_url(unsealer, each.sealed, each.number))
            for each in list_issues(connection, error.id)
        ],
    }


def _version_values(connection: sqlite3.Connection, error_id: int) -> Values:
    """Return the versions that the error came in first and last, None where none is known."""
    versions = list_versions(connection, error_id)
    first_seen = min(versions, key=lambda each: each.first_ms, default=None)
    last_seen = max(versions, key=lambda each: each.last_ms, default=None)
    return {
        "first_version": first_seen and first_seen.version,
        "last_version": last_seen and last_seen.version,
    }


def _read_trend(connection: sqlite3.Connection, error_id: int, now_ms: int) -> Trend:
    span = span_around(now_ms - 47 * HOUR_MS, now_ms, "hour")
    buckets = fill_buckets(list_error_buckets(connection, [error_id], span)[error_id], span)
    hours = tuple(bucket.count for bucket in buckets)
    return Trend(hours, sum(hours[24:]), sum(hours[:24]))


def _issue_url(unsealer: Unsealer, sealed: str | None, number: int) -> str | None:
    if sealed is None:
        return None
    try:
        return unsealer.open_stored(sealed).issue_page(number)
    except ChannelConfigError:
        # Sealed to a key that is gone.
        return None


def _find_occurrence(
    connection: sqlite3.Connection, visit: Visit, error: Error, place: tuple[int, int] | None
) -> Occurrence | None:
    """Return the occurrence at the place, the latest without one. Raises NotFoundError."""
    codec = visit.services.codec
    if place is None:
        # None where retention has left none; the error has its counts still.
        return get_latest(connection, codec, error.id)
    occurrence = get_occurrence(connection, codec, error.id, place)
    if occurrence is None:
        raise no_occurrence()
    return occurrence


def _occurrence_values(
    connection: sqlite3.Connection, error: Error, occurrence: Occurrence | None
) -> Values:
    if occurrence is None:
        return {"occurrence": None}
    place = (occurrence.second, occurrence.ordinal)
    newer, older = get_neighbours(connection, error.id, place)
    user, _ = read_user_and_version(occurrence.payload)
    return {
        "occurrence": occurrence,
        "place": reversed_unixtime(*place),
        "newer": newer and reversed_unixtime(*newer),
        "older": older and reversed_unixtime(*older),
        "details": read_details(msgspec.json.decode(occurrence.payload), user or ""),
    }


def _read_change(visit: Visit, form: Form) -> Change:
    """Return what the form asks for. Raises BadRequestError."""
    action = first(form, "action")
    if action == "resolve":
        return Change(status="resolved")
    if action == "reopen":
        return Change(status="unresolved")
    if action == "unmute":
        return Change(muted=False)
    if action == "mute":
        return Change(
            muted=True,
            until_ms=_read_until(form, visit.services.clock.now_ms()),
            until_count=_read_until_count(form),
        )
    raise BadRequestError(Problem(say("there is no such action"), ("action",)))


def _read_until(form: Form, now_ms: int) -> int | None:
    """Return the end of a mute: after some seconds, or at a time; None where it has none."""
    seconds, until = first(form, "seconds"), first(form, "until")
    if seconds:
        if not _WHOLE.fullmatch(seconds):
            raise BadRequestError(Problem(say("seconds must be a whole number"), ("seconds",)))
        return now_ms + int(seconds) * 1000
    if not until:
        return None
    try:
        # A script adds the visitor's offset; what comes without one is meant in UTC.
        return parse_time(until) if until.endswith("Z") else _parse_local(until)
    except ValueError:
        raise BadRequestError(Problem(say("until must be a time"), ("until",))) from None


def _parse_local(text: str) -> int:
    """Return the epoch milliseconds of a ``datetime-local`` field taken as UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def _read_until_count(form: Form) -> int | None:
    count = first(form, "count")
    if not count:
        return None
    if not _WHOLE.fullmatch(count) or not 0 < int(count) <= MAX_UNTIL_COUNT:
        raise BadRequestError(Problem(say("count must be a positive whole number"), ("count",)))
    return int(count)
