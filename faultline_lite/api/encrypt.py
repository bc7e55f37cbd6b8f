"""Seal a notification config for a client that cannot, as the original's /encrypt did."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from faultline_lite.api.answers import JsonAnswer
from faultline_lite.exceptions import (
    BadRequestError,
    ChannelConfigError,
    NotifyError,
    PreconditionFailedError,
    Problem,
)
from faultline_lite.http.parameters import read_json
from faultline_lite.http.services import services_of
from faultline_lite.notifications.trial import check_endpoint
from faultline_lite.notifiers import parse_configs


async def encrypt(request: Request) -> Response:
    """Answer the config in the body, checked and sealed to the newest key."""
    services = services_of(request)
    if services.config.master_api_key is None:
        raise _no("master key")
    services.keys.check(request.headers, "master")
    if not services.key_store.pairs:
        raise _no("key pair")
    value = await read_json(request, Any)
    try:
        for config in parse_configs(value):
            # Only this server opens it, and it would refuse to send each of its messages.
            check_endpoint(config, services.egress)
    except ChannelConfigError as error:
        raise BadRequestError(*error.problems) from None
    except NotifyError as error:
        raise BadRequestError(Problem(f"endpoint: {error.reason}", ("endpoint",))) from None
    sealed = services.key_store.seal(msgspec.json.encode(value))
    # Some clients read the one place, some the other.
    answer = {"data": {"encrypted": sealed}, "status": "success", "encrypted": sealed}
    return JsonAnswer(answer, 201)


def _no(missing: str) -> PreconditionFailedError:
    return PreconditionFailedError(Problem(f"412 Precondition Failed: there is no {missing}"))
