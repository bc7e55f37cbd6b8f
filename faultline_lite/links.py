"""Where an error can be looked at: this server's own pages, or a template of the user's."""

from urllib.parse import quote

import uritemplate

#: A longer one is nothing that a message can carry.
MAX_LINK_CHARACTERS = 8000


def occurrence_page(
    public_url: str, project: str, message: str, reversed_unixtime: str, fingerprint: str | None
) -> str:
    """Return the URL of an occurrence's page on the server at ``public_url``.

    ``message`` addresses the error, and ``fingerprint`` where the message alone does not.
    """
    segments = (project, "errors", message, "occurrences", reversed_unixtime)
    path = "/".join(_encode(each) for each in segments)
    query = "" if fingerprint is None else f"?fingerprint={fingerprint}"
    return f"{public_url}/projects/{path}{query}"


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


def _encode(segment: str) -> str:
    # Full stops alone would be taken for a step in the path (RFC 3986, section 5.2.4).
    if segment in {".", ".."}:
        return segment.replace(".", "%2E")
    return quote(segment, safe="")
