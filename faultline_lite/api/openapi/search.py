"""Search."""

from faultline_lite.api.openapi.parts import (
    LIMIT,
    Json,
    answer,
    data,
    list_of,
    object_,
    operation,
    optional,
    query_parameter,
    ref,
)

SYNTAX = (
    'Words, all of which must be found; "exact phrase"; -without. Filters: project: status: '
    "type: environment: release: file: function: after: before: count:>10. Anything else is text."
)

SCHEMAS: Json = {
    "Snippet": object_(
        ["field", "parts"],
        field={
            "type": "string",
            "enum": ["message", "type", "file", "function", "value", "environment", "release"],
        },
        parts=list_of(
            object_(["text", "matched"], text={"type": "string"}, matched={"type": "boolean"})
        ),
    ),
    "FoundError": {
        "allOf": [ref("Error"), {"type": "object", "properties": {"snippet": ref("Snippet")}}]
    },
}

PATHS: Json = {
    "/v0/search": {
        "get": operation(
            "Find errors by full text, best match first",
            "master",
            {
                "200": answer(
                    "The errors. A notice says what of q was left out, or not read as a filter; "
                    "or that it took too long.",
                    data(
                        errors=list_of(ref("FoundError")),
                        nextCursor=optional("string"),
                        notice=optional("string"),
                    ),
                )
            },
            ("400", "403"),
            parameters=[
                query_parameter("q", {"type": "string"}, SYNTAX),
                query_parameter("project", {"type": "string"}, "Only errors of this one."),
                query_parameter("limit", LIMIT, "20 by default, at most 100."),
                query_parameter("cursor", {"type": "string"}, "nextCursor of the page before."),
            ],
        )
    }
}
