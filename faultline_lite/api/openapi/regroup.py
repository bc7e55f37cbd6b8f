"""Regrouping."""

from faultline_lite.api.openapi.parts import (
    BODY_REFUSALS,
    TIME,
    Json,
    answer,
    body,
    data,
    list_of,
    object_,
    operation,
    ref,
)

_NUMBER = {"type": "integer"}
_STATE = {"type": "string", "enum": ["running", "done", "stopped"]}
_EXAMPLES = list_of(
    object_(
        ["project", "message", "errors"],
        project={"type": "string"},
        message={"type": "string"},
        errors=_NUMBER,
    )
)

SCHEMAS: Json = {
    "Plan": object_(
        ["state", "lookedAt"],
        state=_STATE,
        lookedAt={**_NUMBER, "description": "Errors that have been looked at."},
        problem={"type": "string"},
        result=object_(
            ["before", "after", "merged", "split", "renamed", "reopened", "merges", "splits"],
            before={**_NUMBER, "description": "Errors that would merge or split."},
            after={**_NUMBER, "description": "What they would become."},
            merged=_NUMBER,
            split=_NUMBER,
            renamed={**_NUMBER, "description": "Others whose key would change, and nothing else."},
            reopened={**_NUMBER, "description": "Resolved ones that merge with unresolved ones."},
            merges={**_EXAMPLES, "description": "The largest; errors: how many become one."},
            splits={**_EXAMPLES, "description": "The largest; errors: how many one becomes."},
        ),
    ),
    "Regroup": object_(
        ["action", "state", "startedAt", "updatedAt", "merged", "created", "moved", "steps"],
        action={"type": "string", "enum": ["apply", "undo"]},
        state=_STATE,
        startedAt=TIME,
        updatedAt=TIME,
        done={"type": "number", "description": "The part of the errors that it is through."},
        merged={**_NUMBER, "description": "Errors that have become part of another."},
        created={**_NUMBER, "description": "Errors that have become of a part of another."},
        moved={**_NUMBER, "description": "Occurrences moved, or steps undone."},
        steps={**_NUMBER, "description": "What could be undone."},
        problem={"type": "string"},
    ),
}

_SHOWN = data(
    grouping={"type": "string", "enum": ["pattern", "message"]},
    plan={"anyOf": [ref("Plan"), {"type": "null"}]},
    regroup={"anyOf": [ref("Regroup"), {"type": "null"}]},
)
_SHOW = operation(
    "Show the last plan and the last regrouping",
    "master",
    {"200": answer("How far they are.", _SHOWN)},
    ("403",),
)
_BEGIN = operation(
    "Group the errors that are there by the rule in force, or undo the last time",
    "master",
    {"202": answer("It has begun; GET shows how far it is.", _SHOWN)},
    ("409", *(each for each in BODY_REFUSALS if each != "404")),
    requestBody=body(
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["action"],
            "properties": {
                "action": {
                    "type": "string",
                    "enum": ["plan", "apply", "undo"],
                    "description": "plan: only say what would merge and split.",
                }
            },
        }
    ),
)

PATHS: Json = {"/v0/regroup": {"get": _SHOW, "post": _BEGIN}}
