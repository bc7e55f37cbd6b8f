"""The paths of the pages, and links of templates of the user's.

Every segment is encoded whole: a message may hold anything.
"""

from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote, urlencode

import uritemplate

from faultline_lite.fingerprint import group_key

#: A longer one is nothing that a message can carry.
MAX_LINK_CHARACTERS = 8000


class Addressed(Protocol):
    """What tells of which error it is: the error itself, or an error that a delivery told of."""

    @property
    def project(self) -> str:
        """The name of its project."""

    @property
    def message(self) -> str:
        """A message of it."""

    @property
    def group_key(self) -> bytes:
        """Its fingerprint."""


def segment(text: str) -> str:
    """Return the text as one segment of a path."""
    # Browsers take full stops alone for a step in the path, encoded or not (URL standard,
    # "double-dot URL path segment"); such a message is addressed by its fingerprint.
    return "_" if text in {".", ".."} else quote(text.encode(errors="replace"), safe="")


def project_path(project: str) -> str:
    """Return the path of the list of a project's errors."""
    return f"/projects/{segment(project)}"


def error_path(error: Addressed, occurrence: str = "", below: str = "") -> str:
    """Return the path of an error's page, or of the page of an occurrence (its reversedUnixtime).

    ``below`` is what follows in the path. The fingerprint is in the query where the message alone
    would not lead to this error.
    """
    path = f"{project_path(error.project)}/errors/{segment(error.message)}"
    if occurrence:
        path += f"/occurrences/{occurrence}"
    query = "" if _leads_back(error) else f"?fingerprint={error.group_key.hex()}"
    return f"{path}{below}{query}"


def query(fields: Mapping[str, str | None]) -> str:
    """Return the query of an address, without the fields that are empty; nothing if all are."""
    given = {name: value for name, value in fields.items() if value}
    return f"?{urlencode(given, errors='replace')}" if given else ""


def fill_template(template: str, project: str, message: str, reversed_unixtime: str) -> str | None:
    """Return the link that an RFC 6570 template leads to, None where it leads to none."""
    try:
        link = uritemplate.expand(
            template, project=project, message=message, reversedUnixtime=reversed_unixtime
        )
    except ValueError:
        # Such as a prefix that is no number.
        return None
    return link if len(link) <= MAX_LINK_CHARACTERS else None


def _leads_back(error: Addressed) -> bool:
    if error.message in {".", ".."}:
        return False
    ways = (False, True)
    return error.group_key in {
        group_key(error.message, exact=exact, fingerprint=None) for exact in ways
    }
