"""Notifications: what was decided, what was delivered, and sealing a config."""

from faultline_lite.api.openapi.parts import (
    BODY_REFUSALS,
    ERROR_PARAMETERS,
    LIMIT,
    READ_REFUSALS,
    TIME,
    Json,
    answer,
    body,
    data,
    list_of,
    object_,
    operation,
    optional,
    path_parameter,
    query_parameter,
    ref,
)

_COUNT = {"type": "integer", "minimum": 0}
_TEXT = {"type": "string"}
_STATES = {"type": "string", "enum": ["due", "sending", "sent", "failed"]}
_OUTCOMES = {"type": "string", "enum": ["notify", "held", "refused"]}
_PLACE = path_parameter("reversedUnixtime", "The occurrence's reversedUnixtime.")
_FATE = optional(
    "object",
    required=["state"],
    description="What became of it; null where nothing was to be sent, or nothing is known.",
    properties={
        "id": {"type": "integer"},
        "state": {"type": "string", "enum": ["waiting", *_STATES["enum"]]},
        "attempts": _COUNT,
        "updatedAt": TIME,
        "dueAt": TIME,
        "outcome": _TEXT,
        "failure": _TEXT,
    },
)

#: What a 201 says of each channel that the report named.
NOTIFICATIONS = list_of(
    object_(
        ["channel", "decision", "reason"],
        channel=_TEXT,
        decision=_OUTCOMES,
        reason=_TEXT,
        occurrences={**_COUNT, "description": "Of how many entries, in a report of several."},
    )
)

SCHEMAS: Json = {
    "Delivery": object_(
        [
            *("id", "channel", "kind", "state", "attempts", "createdAt", "updatedAt"),
            *("errorCount", "occurrenceCount", "errors"),
        ],
        id={"type": "integer"},
        channel={**_TEXT, "description": "Such as `slack #random`; never a token or a URL."},
        kind={"type": "string", "enum": ["message", "resolution"]},
        state=_STATES,
        attempts=_COUNT,
        createdAt=TIME,
        updatedAt=TIME,
        dueAt=TIME,
        outcome=_TEXT,
        failure=_TEXT,
        errorCount=_COUNT,
        occurrenceCount=_COUNT,
        errors=list_of(
            object_(
                ["project", "message", "type", "occurrences"],
                project=_TEXT,
                message=_TEXT,
                type=_TEXT,
                occurrences=_COUNT,
            )
        ),
    ),
    "Waiting": object_(
        ["channel", "errorCount", "occurrenceCount", "since"],
        channel=_TEXT,
        errorCount=_COUNT,
        occurrenceCount=_COUNT,
        since=TIME,
    ),
}

_LIST = operation(
    "List deliveries, the one that changed last first",
    "master",
    {
        "200": answer(
            "A page of them, and what waits in no message yet.",
            data(
                deliveries=list_of(ref("Delivery")),
                waiting=list_of(ref("Waiting")),
                nextCursor=optional("string"),
            ),
        )
    },
    ("400", "403"),
    parameters=[
        query_parameter("project", _TEXT, "Only what tells of this project's errors."),
        query_parameter("state", _STATES, "Only those."),
        query_parameter("limit", LIMIT, "Default 50, at most 200."),
        query_parameter("cursor", _TEXT, "nextCursor of the page before."),
    ],
)
_RETRY = operation(
    "Try a failed delivery again",
    "master",
    {"200": answer("It is due now.", data(delivery=ref("Delivery")))},
    (*READ_REFUSALS, "503"),
    parameters=[path_parameter("id", "The delivery's id.", pattern="^[0-9]+$")],
)
_DECISIONS = operation(
    "Say why an occurrence notified, or did not",
    "master",
    {
        "200": answer(
            "The numbers that it was decided by, and the decision for each config.",
            data(
                count=_COUNT,
                bucket={**_COUNT, "description": "Occurrences in its timeunit, up to it."},
                timeunit=_TEXT,
                regression={"type": "boolean"},
                muted={"type": "boolean"},
                decisions=list_of(
                    object_(
                        ["channel", "decision", "reason", "delivery"],
                        channel=_TEXT,
                        decision=_OUTCOMES,
                        reason=_TEXT,
                        delivery=_FATE,
                    )
                ),
            ),
        )
    },
    READ_REFUSALS,
    parameters=[*ERROR_PARAMETERS, _PLACE],
)
_ENCRYPT = operation(
    "Seal a notification config",
    "master",
    {
        "201": answer(
            "The sealed string, in both places that clients look in.",
            object_(
                ["data", "status", "encrypted"],
                data=object_(["encrypted"], encrypted=_TEXT),
                status={"type": "string", "enum": ["success"]},
                encrypted=_TEXT,
            ),
        )
    },
    (*(each for each in BODY_REFUSALS if each not in {"404", "503"}), "412"),
    requestBody=body({"description": "A config, or a list of several."}),
)

PATHS: Json = {
    "/v0/deliveries": {"get": _LIST},
    "/v0/deliveries/{id}/retry": {"post": _RETRY},
    "/v0/projects/{project}/errors/{message}/occurrences/{reversedUnixtime}/decisions": {
        "get": _DECISIONS
    },
    "/v0/encrypt": {"post": _ENCRYPT},
}
