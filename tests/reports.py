"""Reports to post, and the paths to find them again by."""

import itertools
from typing import Any
from urllib.parse import quote

TIMESTAMP = "2016-12-07T00:00:00+09:00"
PROJECT = "sample-project"


_numbers = itertools.count(1)


def new_project() -> str:
    """Return the name of a project that nothing has been reported to."""
    return f"project-{next(_numbers)}"


def make_entry(message: str = "Undefined index: faultline", **fields: Any) -> dict[str, Any]:
    """Return an entry of a report; ``fields`` come on top, None leaves one out."""
    entry = {
        "type": "notice",
        "message": message,
        "backtrace": [{"file": "/var/www/user.php", "line": 15, "function": "User->edit()"}],
        "timestamp": TIMESTAMP,
        **fields,
    }
    return {name: value for name, value in entry.items() if value is not None}


def make_report(message: str = "Undefined index: faultline", **fields: Any) -> dict[str, Any]:
    """Return a report of one entry; ``fields`` are the report's own, ``errors`` among them."""
    return {
        "errors": [make_entry(message)],
        "context": {"environment": "production", "url": "https://example.com/users/edit"},
        **fields,
    }


def project_path(project: str = PROJECT) -> str:
    return f"/v0/projects/{escape(project)}"


def errors_path(project: str = PROJECT) -> str:
    return f"{project_path(project)}/errors"


def error_path(message: str, project: str = PROJECT) -> str:
    return f"{errors_path(project)}/{escape(message)}"


def occurrences_path(message: str, project: str = PROJECT) -> str:
    return f"{error_path(message, project)}/occurrences"


def escape(text: str) -> str:
    """Return the text as one segment of a path; clients drop segments of dots alone."""
    escaped = quote(text, safe="")
    return escaped.replace(".", "%2E") if escaped in {".", ".."} else escaped
