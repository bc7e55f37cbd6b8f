"""Occurrences."""

from faultline_lite.api.openapi.parts import (
    ERROR_PARAMETERS,
    LIMIT,
    READ_REFUSALS,
    REVERSED_UNIXTIME,
    TIME,
    Json,
    answer,
    data,
    list_of,
    object_,
    operation,
    path_parameter,
    query_parameter,
    ref,
)

SCHEMAS: Json = {
    "Occurrence": object_(
        ["project", "message", "type", "timestamp", "reversedUnixtime", "receivedAt", "event"],
        project={"type": "string"},
        message={"type": "string"},
        type={"type": "string"},
        timestamp=TIME,
        reversedUnixtime=REVERSED_UNIXTIME,
        receivedAt=TIME,
        event={"type": "object"},
    ),
}

_OCCURRENCES = operation(
    "Page through the occurrences of an error, newest first",
    "master",
    {
        "200": answer(
            "A page.", data(errors=list_of(ref("Occurrence")), totalCount={"type": "integer"})
        )
    },
    READ_REFUSALS,
    parameters=[
        query_parameter("limit", LIMIT, "10 by default."),
        query_parameter(
            "after", REVERSED_UNIXTIME, "reversedUnixtime of the last one of the page before."
        ),
    ],
)
_ONE_OCCURRENCE = operation(
    "Show one occurrence",
    "master",
    {"200": answer("The occurrence.", data(error=ref("Occurrence")))},
    READ_REFUSALS,
)

PATHS: Json = {
    "/v0/projects/{project}/errors/{message}/occurrences": {
        "parameters": ERROR_PARAMETERS,
        "get": _OCCURRENCES,
    },
    "/v0/projects/{project}/errors/{message}/occurrences/{reversedUnixtime}": {
        "parameters": [
            *ERROR_PARAMETERS,
            path_parameter("reversedUnixtime", "As an occurrence carries it."),
        ],
        "get": _ONE_OCCURRENCE,
    },
}
