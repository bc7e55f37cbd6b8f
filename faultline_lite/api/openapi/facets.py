"""Facets."""

from faultline_lite.api.openapi.parts import (
    ERROR_PARAMETERS,
    LIMIT,
    READ_REFUSALS,
    TIME,
    Json,
    answer,
    data,
    list_of,
    object_,
    operation,
    query_parameter,
    ref,
)
from faultline_lite.facets import FACETS

_VALUE = object_(
    ["value", "count", "firstSeen", "lastSeen"],
    value={"type": "string"},
    count={"type": "integer", "description": "Occurrences that have it."},
    firstSeen={**TIME, "description": "The first timestamp of these."},
    lastSeen={**TIME, "description": "The last timestamp of these."},
)

SCHEMAS: Json = {
    "Facet": object_(
        ["values", "distinct", "known"],
        values={**list_of(_VALUE), "description": "The commonest first."},
        distinct={"type": "integer", "description": "How many values there are."},
        known={"type": "integer", "description": "Occurrences that have any."},
    ),
    "VersionCount": object_(
        ["version", "count", "firstSeen", "lastSeen"],
        version={"type": "string"},
        count={"type": "integer"},
        firstSeen=TIME,
        lastSeen=TIME,
    ),
}

_FACETS = operation(
    "Show which values the occurrences of an error have in common",
    "master",
    {
        "200": answer(
            "The facets, and what they were counted from.",
            data(
                facets=object_(list(FACETS), **dict.fromkeys(FACETS, ref("Facet"))),
                countedFrom={
                    "type": "integer",
                    "description": "Occurrences looked at: the latest 1,000 at most.",
                },
                kept={"type": "integer", "description": "Occurrences that retention has left."},
                count={"type": "integer", "description": "Occurrences that came."},
                versions={
                    **list_of(ref("VersionCount")),
                    "description": "What came in which version, whatever was kept of it, and of "
                    "all time; the newest version first.",
                },
            ),
        )
    },
    READ_REFUSALS,
    parameters=[
        query_parameter("start", TIME, "Only from this minute on."),
        query_parameter("end", TIME, "Only up to this minute; it is in."),
        query_parameter(
            "limit",
            LIMIT,
            "Values of each facet, 10 by default, at most 100.",
        ),
    ],
)

PATHS: Json = {
    "/v0/projects/{project}/errors/{message}/facets": {
        "parameters": ERROR_PARAMETERS,
        "get": _FACETS,
    },
}
