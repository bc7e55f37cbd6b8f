"""Projects and their errors."""

from faultline_lite.api.openapi.parts import (
    BODY_REFUSALS,
    ERROR_PARAMETERS,
    LIMIT,
    NOTHING,
    PROJECT,
    READ_REFUSALS,
    STATUS,
    TIME,
    WRITE_REFUSALS,
    Json,
    answer,
    body,
    data,
    list_of,
    object_,
    operation,
    optional,
    query_parameter,
    ref,
)
from faultline_lite.api.openapi.reports import POST_REPORT

SCHEMAS: Json = {
    "Error": object_(
        ["project", "message", "type", "status", "count", "lastUpdated", "firstSeen"],
        project={"type": "string"},
        message={"type": "string", "description": "The first one seen, in its truncated form."},
        type={"type": "string"},
        status=STATUS,
        count={"type": "integer"},
        lastUpdated=TIME,
        firstSeen=TIME,
        pattern={"type": "string"},
        fingerprint={"type": "string"},
        muted={"type": "boolean"},
        people={
            "type": "integer",
            "description": "Users that it was seen with, where their ids are known; "
            "from 512 on an estimate.",
        },
        mutedUntil=TIME,
        mutedUntilCount={"type": "integer"},
    ),
    "Bucket": object_(
        ["key", "project", "message", "type", "timestamp", "count"],
        key={"type": "string"},
        project={"type": "string"},
        message={"type": "string"},
        type={"type": "string"},
        timestamp=TIME,
        count={"type": "integer"},
    ),
    "Project": object_(
        ["name", "count", "unresolvedCount", "lastUpdated"],
        name={"type": "string"},
        count={"type": "integer"},
        unresolvedCount={"type": "integer"},
        lastUpdated=TIME,
    ),
    "Patch": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "status": {"type": ["string", "null"], "enum": ["unresolved", "resolved", None]},
            "muted": optional("boolean"),
            "until": {"anyOf": [TIME, {"type": "null"}]},
            "untilCount": optional("integer", minimum=1, maximum=2**31 - 1),
        },
        "anyOf": [
            {"required": ["status"], "properties": {"status": STATUS}},
            {"required": ["muted"], "properties": {"muted": {"type": "boolean"}}},
        ],
        "if": {
            "anyOf": [
                {"required": ["until"], "properties": {"until": {"type": "string"}}},
                {"required": ["untilCount"], "properties": {"untilCount": {"type": "integer"}}},
            ]
        },
        "then": {"required": ["muted"], "properties": {"muted": {"const": True}}},
    },
}

_LISTED_ERRORS = object_(
    ["data"],
    data=object_(
        ["errors", "scannedCount", "nextCursor"],
        errors=list_of(ref("FoundError")),
        scannedCount={"type": "integer"},
        nextCursor=optional("string"),
        notice=optional(
            "string",
            description="With q: what was left out of it, or not read as a filter.",
        ),
    ),
)
_ONE_ERROR = data(
    error=ref("Occurrence"),
    timeline=object_(
        ["errors", "totalCount", "scannedCount"],
        errors=list_of(ref("Bucket")),
        totalCount={"type": "integer"},
        scannedCount={"type": "integer"},
    ),
    summary=ref("Error"),
)

_ERRORS: Json = {
    "parameters": [PROJECT],
    "post": POST_REPORT,
    "get": operation(
        "List the errors of a project",
        "master",
        {"200": answer("The errors.", _LISTED_ERRORS)},
        READ_REFUSALS,
        parameters=[
            query_parameter("q", {"type": "string"}, "Only errors that it finds, as in a search."),
            query_parameter("status", STATUS, "Only these; all where it is empty."),
            query_parameter(
                "sort", {"type": "string", "enum": ["lastUpdated", "count", "firstSeen"]}, ""
            ),
            query_parameter("limit", LIMIT, "At most, and by default, 1000."),
            query_parameter("cursor", {"type": "string"}, "nextCursor of the page before."),
        ],
    ),
}
_ERROR: Json = {
    "parameters": ERROR_PARAMETERS,
    "get": operation(
        "Show an error: its latest occurrence and its timeline",
        "master",
        {"200": answer("The error.", _ONE_ERROR)},
        READ_REFUSALS,
        parameters=[
            query_parameter("start", TIME, "Beginning of the timeline; default: of this month."),
            query_parameter("end", TIME, "End of the timeline; default: now."),
        ],
    ),
    "patch": operation(
        "Resolve, reopen, mute or unmute an error",
        "master",
        {"200": answer("The error after it.", data(error=ref("Error")))},
        BODY_REFUSALS,
        requestBody=body(ref("Patch")),
    ),
    "delete": operation(
        "Delete an error and everything of it", "master", {"204": NOTHING}, WRITE_REFUSALS
    ),
}
_PROJECTS = operation(
    "List the projects",
    "master",
    {"200": answer("The projects.", data(projects=list_of(ref("Project"))))},
    ("403",),
)
_DELETE_PROJECT = operation(
    "Delete a project and everything in it", "master", {"204": NOTHING}, WRITE_REFUSALS
)

PATHS: Json = {
    "/v0/projects": {"get": _PROJECTS},
    "/v0/projects/{project}": {"parameters": [PROJECT], "delete": _DELETE_PROJECT},
    "/v0/projects/{project}/errors": _ERRORS,
    "/v0/projects/{project}/errors/{message}": _ERROR,
}
