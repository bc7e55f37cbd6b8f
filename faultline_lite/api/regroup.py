"""Group errors anew after a change of the rule: plan it, do it, undo it, see how far it is."""

from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from faultline_lite.api.answers import JsonAnswer
from faultline_lite.exceptions import ConflictError, Problem
from faultline_lite.http.parameters import read_json
from faultline_lite.http.services import Services, services_of
from faultline_lite.regroup.job import Planned
from faultline_lite.regroup.planning import Plan
from faultline_lite.store.regroup_journal import Progress, count_steps, get_progress
from faultline_lite.timekeys import format_time


class RegroupRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be begun."""

    action: Literal["plan", "apply", "undo"]


async def get_regroup(request: Request) -> Response:
    """Show the last plan and the last regrouping, and how far they are."""
    return JsonAnswer(await _show(services_of(request)))


async def post_regroup(request: Request) -> Response:
    """Begin to plan, to regroup or to undo the last regrouping."""
    services = services_of(request)
    wanted = await read_json(request, RegroupRequest)
    if not await services.regrouping.begin(wanted.action):
        raise ConflictError(Problem("a regrouping is under way already", ("action",)))
    return JsonAnswer(await _show(services), 202)


async def _show(services: Services) -> dict[str, Any]:
    progress = await services.database.read(get_progress)
    steps = await services.database.read(count_steps)
    planned = services.regrouping.planned
    return {
        "data": {
            "grouping": services.config.grouping,
            "plan": None if planned is None else _plan_json(planned),
            "regroup": None if progress is None else _progress_json(progress, steps),
        }
    }


def _plan_json(planned: Planned) -> dict[str, Any]:
    shown: dict[str, Any] = {"state": planned.state, "lookedAt": planned.looked_at}
    if planned.problem is not None:
        shown["problem"] = planned.problem
    if planned.plan is not None:
        shown["result"] = _result_json(planned.plan)
    return shown


def _result_json(plan: Plan) -> dict[str, Any]:
    return {
        "before": plan.before,
        "after": plan.after,
        "merged": plan.merged,
        "split": plan.split,
        "renamed": plan.renamed,
        "reopened": plan.reopened,
        "merges": plan.merges,
        "splits": plan.splits,
    }


def _progress_json(progress: Progress, steps: int) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "action": progress.action,
        "state": progress.state,
        "startedAt": format_time(progress.started_ms),
        "updatedAt": format_time(progress.updated_ms),
        "merged": progress.merged,
        "created": progress.created,
        "moved": progress.moved,
        "steps": steps,
    }
    if progress.action == "apply":
        shown["done"] = round(progress.error_id / max(1, progress.last_error_id), 3)
    if progress.problem is not None:
        shown["problem"] = progress.problem
    return shown
