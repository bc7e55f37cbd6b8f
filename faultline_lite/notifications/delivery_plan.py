"""When a channel is sent what: the first at once, then in batches, within its cap. Pure."""

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from faultline_lite.store.deliveries import Agenda, Waiting
from faultline_lite.timekeys import HOUR_MS

#: Between two messages to one channel, whatever the batch.
SPACING_MS = 1000
FIRST_BACK_OFF_SECONDS = 5.0
MAX_BACK_OFF_SECONDS = 900.0
#: A time that a vendor asks us to wait is kept up to this.
MAX_RETRY_AFTER_SECONDS = 6 * 3600.0


class Limits(NamedTuple):
    """The server's own limits, for configs that state none."""

    batch_seconds: int
    max_per_hour: int


class Send(NamedTuple):
    """Send this delivery now."""

    delivery_id: int


class Form(NamedTuple):
    """Put together what these configs have waiting, in at most ``limit`` messages.

    Some of it ``is_overdue``: it has found no room for an hour.
    """

    config_ids: tuple[int, ...]
    limit: int
    is_overdue: bool


class Wait(NamedTuple):
    """Nothing may be done before this time."""

    until_ms: int


Step = Send | Form | Wait | None


def plan(agenda: Agenda, now_ms: int, paused_until_ms: int, limits: Limits) -> Step:
    """Return what to do next for a channel, None where nothing is left to do.

    What has been tried less often goes first, what was not tried at all before everything, so that
    a message which the other side does not take holds up none after it. ``agenda.open`` is in that
    order.
    """
    if not agenda.open and not agenda.waiting:
        return None
    formed = _formed_last_hour(agenda, now_ms)
    ready = [(_ready_ms(each, agenda.formed_ms, formed, limits), each) for each in agenda.waiting]
    if paused_until_ms <= now_ms:
        due = [each for each in agenda.open if each.due_ms <= now_ms]
        chosen = [each for ready_ms, each in ready if ready_ms <= now_ms]
        if chosen and (not due or due[0].attempts > 0):
            limit = min(_cap(each, limits) - formed for each in chosen)
            is_overdue = min(each.decided_ms for each in chosen) <= now_ms - HOUR_MS
            return Form(tuple(each.config_id for each in chosen), limit, is_overdue)
        if due:
            return Send(due[0].id)
    moments = [*(each.due_ms for each in agenda.open), *(ready_ms for ready_ms, _ in ready)]
    return Wait(max(min(moments), paused_until_ms))


def find_capped(agenda: Agenda, now_ms: int, limits: Limits) -> dict[int, int]:
    """Return the ids of the configs that their cap holds back now, each with the cap."""
    formed = _formed_last_hour(agenda, now_ms)
    caps = {each.config_id: _cap(each, limits) for each in agenda.waiting}
    return {config_id: cap for config_id, cap in caps.items() if formed >= cap}


def back_off_seconds(attempts: int, jitter: Callable[[], float] = random.random) -> float:
    """Return the wait after so many failed attempts: twice as long each time, and less by chance.

    ``jitter`` returns 0 to 1, of which half the wait depends: channels that failed together do not
    come back together.
    """
    longest = min(FIRST_BACK_OFF_SECONDS * 2.0 ** (min(attempts, 32) - 1), MAX_BACK_OFF_SECONDS)
    return longest * (1 - jitter() / 2)


def _ready_ms(waiting: Waiting, formed_ms: Sequence[int], formed: int, limits: Limits) -> int:
    """Return when what waits may become a message: after the batch, and within the cap.

    ``formed`` is how many of ``formed_ms``, the latest first, were in the last hour.
    """
    batch_seconds = waiting.batch_seconds
    if batch_seconds is None:
        batch_seconds = limits.batch_seconds
    ready_ms = waiting.decided_ms
    if formed_ms:
        ready_ms = max(ready_ms, formed_ms[0] + batch_seconds * 1000)
    cap = _cap(waiting, limits)
    if formed >= cap:
        ready_ms = max(ready_ms, formed_ms[cap - 1] + HOUR_MS)
    return ready_ms


def _cap(waiting: Waiting, limits: Limits) -> int:
    return waiting.max_per_hour or limits.max_per_hour


def _formed_last_hour(agenda: Agenda, now_ms: int) -> int:
    return sum(each > now_ms - HOUR_MS for each in agenda.formed_ms)
