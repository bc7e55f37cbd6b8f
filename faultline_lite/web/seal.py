"""Seal a notification config: ask for its fields, try it, show it ready to be pasted.

What is entered is neither stored nor logged, and never in an address. What goes back to the browser
is sealed, and a secret is shown as nothing but its length.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from starlette.responses import Response

from faultline_lite.exceptions import BadRequestError, ChannelConfigError, NotifyError, Problem
from faultline_lite.notifications.channels import ChannelConfig
from faultline_lite.notifications.trial import try_config
from faultline_lite.notifiers import NOTIFIERS, notifier_of, parse_configs
from faultline_lite.notifiers.notifier import Notifier
from faultline_lite.sealedbox import COMFORTABLE_CHARACTERS, MAX_CHARACTERS
from faultline_lite.sentences import say
from faultline_lite.web.clients import CLIENTS
from faultline_lite.web.forms import Form, first
from faultline_lite.web.projects import SAMPLE_PROJECT, make_setup
from faultline_lite.web.seal_form import (
    Group,
    find_problems,
    make_groups,
    open_draft,
    read_value,
    seal_draft,
    to_value,
)
from faultline_lite.web.visits import Visit

_GLOB = frozenset("*?[")


class Trial(NamedTuple):
    """What came of sending a sample. ``passing`` says that it may work at another time."""

    succeeded: bool
    reason: str
    passing: bool = False


class Opened(NamedTuple):
    """A config that is in a sealed string: its label, its fields, and what a trial of it gave."""

    label: str
    type: str
    groups: list[Group]
    trial: Trial | None


async def show_form(visit: Visit) -> Response:
    """Show an empty form for the type in the query."""
    notifier = NOTIFIERS.get(visit.request.query_params.get("type", ""), _first_notifier())
    return await _show_form(visit, notifier, {"type": notifier.type}, ())


async def act(visit: Visit, form: Form) -> Response:
    """Seal what is in the form, or open, try or change what is sealed already."""
    action, sealed = first(form, "action"), first(form, "sealed").strip()
    if action == "seal":
        return await _seal(visit, form, is_tried=False)
    if action == "seal-and-try":
        return await _seal(visit, form, is_tried=True)
    if action not in {"open", "try", "change"}:
        raise BadRequestError(Problem(say("there is no such action"), ("action",)))
    try:
        configs = _open(visit, sealed)
    except ChannelConfigError as error:
        notifier = _first_notifier()
        return await _show_form(visit, notifier, {"type": notifier.type}, error.problems)
    if action == "change":
        return await _show_form(visit, notifier_of(configs[0]), to_value(configs[0]), ())
    return await _show_sealed(visit, sealed, configs, is_tried=action == "try")


async def _seal(visit: Visit, form: Form, *, is_tried: bool) -> Response:
    store = visit.services.key_store
    notifier = NOTIFIERS.get(first(form, "type"), _first_notifier())
    value = read_value(form, notifier, open_draft(store, first(form, "draft")))
    problems = find_problems(value, visit.services.clock.now_ms())
    if not problems:
        sealed = store.seal(msgspec.json.encode(value))
        if len(sealed) <= MAX_CHARACTERS:
            return await _show_sealed(visit, sealed, parse_configs(value), is_tried=is_tried)
        problems = [
            Problem(say("sealed it would have more than {count} characters", count=MAX_CHARACTERS))
        ]
    return await _show_form(visit, notifier, value, problems)


def _open(visit: Visit, sealed: str) -> list[ChannelConfig]:
    """Return the configs in a sealed string. Raises ChannelConfigError."""
    try:
        return parse_configs(msgspec.json.decode(visit.services.key_store.open(sealed)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ChannelConfigError(Problem(say("what is sealed is not JSON"))) from None


async def _show_form(
    visit: Visit, notifier: Notifier[Any], value: dict[str, Any], problems: Sequence[Problem]
) -> Response:
    store = visit.services.key_store
    groups = make_groups(notifier, value, problems)
    shown = {each.id for group in groups for each in group.inputs}
    response = await visit.show_plain(
        "seal.html",
        400 if problems else 200,
        types=tuple(NOTIFIERS),
        type=notifier.type,
        groups=groups,
        problems=[each.message for each in problems if ".".join(each.path) not in shown],
        draft=seal_draft(store, notifier, value) if store.pairs else "",
        can_seal=bool(store.pairs),
        timeunit=visit.services.config.timeunit,
    )
    return _forget(response)


async def _show_sealed(
    visit: Visit, sealed: str, configs: list[ChannelConfig], *, is_tried: bool
) -> Response:
    """Show the sealed string, what is in it, and where to paste it; try it first if asked to."""
    opened = [
        Opened(
            each.label,
            each.TYPE,
            make_groups(notifier_of(each), to_value(each)),
            await _try(visit, each) if is_tried else None,
        )
        for each in configs
    ]
    setup = make_setup(visit, _choose_project(configs), sealed)
    response = await visit.show_plain(
        "sealed.html",
        sealed=sealed,
        opened=opened,
        is_long=len(sealed) > COMFORTABLE_CHARACTERS,
        clients=[(client, client.render(setup)) for client in CLIENTS],
        key_id=sealed.split(".")[1] if sealed.startswith("sb1.") else None,
    )
    return _forget(response)


async def _try(visit: Visit, config: ChannelConfig) -> Trial:
    try:
        outcome = await try_config(config, visit.services.egress, visit.services.clock.now_ms())
    except NotifyError as error:
        return Trial(succeeded=False, reason=error.reason, passing=not error.permanent)
    return Trial(succeeded=True, reason=outcome)


def _choose_project(configs: list[ChannelConfig]) -> str:
    """Return a project that the configs may be used in, for what is to be pasted."""
    for config in configs:
        for project in (config.restrict and config.restrict.projects) or ():
            if not _GLOB & set(project):
                return project
    return SAMPLE_PROJECT


def _first_notifier() -> Notifier[Any]:
    return next(iter(NOTIFIERS.values()))


def _forget(response: Response) -> Response:
    """Have no cache keep the page, not even the one behind the back button."""
    response.headers["Cache-Control"] = "no-store"
    return response
