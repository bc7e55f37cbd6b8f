"""The paths of the pages. Every segment is encoded whole: a message may hold anything."""

from urllib.parse import quote

from faultline_lite.fingerprint import group_key
from faultline_lite.models import Error


def segment(text: str) -> str:
    """Return the text as one segment of a path."""
    # Browsers take full stops alone for a step in the path, encoded or not (URL standard,
    # "double-dot URL path segment"); such a message is addressed by its fingerprint.
    return "_" if text in {".", ".."} else quote(text.encode(errors="replace"), safe="")


def project_path(project: str) -> str:
    """Return the path of the list of a project's errors."""
    return f"/projects/{segment(project)}"


def error_path(error: Error, occurrence: str = "", below: str = "") -> str:
    """Return the path of an error's page, or of the page of an occurrence (its reversedUnixtime).

    ``below`` is what follows in the path. The fingerprint is in the query where the message alone
    would not lead to this error.
    """
    path = f"{project_path(error.project)}/errors/{segment(error.message)}"
    if occurrence:
        path += f"/occurrences/{occurrence}"
    query = "" if _leads_back(error) else f"?fingerprint={error.group_key.hex()}"
    return f"{path}{below}{query}"


def _leads_back(error: Error) -> bool:
    if error.message in {".", ".."}:
        return False
    ways = (False, True)
    return error.group_key in {
        group_key(error.message, exact=exact, fingerprint=None) for exact in ways
    }
