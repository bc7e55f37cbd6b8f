"""Which error, or which occurrence of it, a path means."""

import binascii
import sqlite3

from starlette.requests import Request

from faultline_lite.exceptions import BadRequestError, NotFoundError, Problem
from faultline_lite.fingerprint import address_key, group_key, is_truncated
from faultline_lite.http.routing import project_of, segment
from faultline_lite.http.services import services_of
from faultline_lite.models import Error
from faultline_lite.sentences import say
from faultline_lite.store.errors import ErrorAddress, get_error
from faultline_lite.store.projects import get_project_id
from faultline_lite.timekeys import parse_reversed_unixtime


def address_of(request: Request) -> ErrorAddress:
    """Return what the path addresses: any message of the error, or its truncated form.

    Where several errors share a message, since their clients sent fingerprints, the query's
    ``fingerprint``, as the lists show it, tells which one is meant.
    """
    project = project_of(request)
    message = segment(request, "message")
    given = request.query_params.get("fingerprint", "")
    if given:
        try:
            return ErrorAddress(project, (binascii.unhexlify(given),))
        except ValueError:
            problem = Problem(say("fingerprint must be hexadecimal digits"), ("fingerprint",))
            raise BadRequestError(problem) from None
    services = services_of(request)
    exact = services.config.grouping == "message"
    # Secrets in a message were scrubbed before it was grouped. An error that was stored under the
    # other way of grouping, or before a key was named as secret, is still found.
    forms = dict.fromkeys((services.ingest.scrub_message(message), message))
    keys = tuple(
        group_key(form, exact=way, fingerprint=None) for way in (exact, not exact) for form in forms
    )
    if is_truncated(message):
        return ErrorAddress(project, keys, (address_key(message), *keys))
    return ErrorAddress(project, keys, keys)


def place_of(request: Request) -> tuple[int, int]:
    """Return the (second, ordinal) of the occurrence in the path.

    Raises NotFoundError where there can be none of that address.
    """
    try:
        return parse_reversed_unixtime(segment(request, "reversed_unixtime"))
    except ValueError:
        raise no_occurrence() from None


def find_error(connection: sqlite3.Connection, address: ErrorAddress) -> Error:
    """Return the error at that address. Raises NotFoundError."""
    error = get_error(connection, address)
    if error is not None:
        return error
    if get_project_id(connection, address.project) is None:
        raise no_project(address.project)
    raise no_error()


def no_project(name: str) -> NotFoundError:
    """Return what to raise for an unknown project."""
    return NotFoundError(Problem(say("there is no project {name}", name=name)))


def no_error() -> NotFoundError:
    """Return what to raise for an unknown error."""
    return NotFoundError(Problem(say("there is no such error")))


def no_occurrence() -> NotFoundError:
    """Return what to raise for an unknown occurrence."""
    return NotFoundError(Problem(say("there is no such occurrence")))
