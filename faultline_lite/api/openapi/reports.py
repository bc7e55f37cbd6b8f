"""Reporting."""

from faultline_lite.api.openapi.notifications import NOTIFICATIONS
from faultline_lite.api.openapi.parts import (
    TIME,
    Json,
    answer,
    body,
    list_of,
    object_,
    operation,
    optional,
    ref,
)

_REPORT_REFUSALS = ("400", "403", "408", "413", "415", "429", "503")
#: PHP's json_encode makes an empty array of an empty map.
MAP = optional("object", "array", maxItems=0)
_FRAME = {
    "type": "object",
    "properties": {
        "file": optional("string"),
        "line": optional("number"),
        "column": optional("number"),
        "function": optional("string"),
        "code": optional("object", "array", description="Source lines by their number."),
    },
}
FRAMES = {**optional("array"), "items": _FRAME}
MAPS = dict.fromkeys(("context", "environment", "session", "params"), MAP)

SCHEMAS: Json = {
    "Entry": object_(
        ["message"],
        message={"type": "string"},
        type=optional("string"),
        backtrace=FRAMES,
        timestamp={"anyOf": [TIME, {"type": "null"}]},
        fingerprint={**optional("array"), "items": {"type": "string"}},
        causes={
            **optional("array"),
            "items": {
                "type": "object",
                "properties": {
                    "type": optional("string"),
                    "message": optional("string"),
                    "backtrace": FRAMES,
                },
            },
        },
        **MAPS,
    ),
    "Report": object_(
        ["errors"],
        errors={"type": "array", "minItems": 1, "maxItems": 1000, "items": ref("Entry")},
        notifier=MAP,
        notifications={
            "description": "Configs, in the clear or sealed. A bad one never refuses the report."
        },
        **MAPS,
    ),
}

_POSTED = object_(
    ["data", "id", "warnings"],
    data=object_(["errors"], errors=object_(["postCount"], postCount={"type": "integer"})),
    id={"type": "string", "description": "reversedUnixtime of the first entry."},
    warnings=list_of({"type": "string"}),
    notifications=NOTIFICATIONS,
)

POST_REPORT = operation(
    "Report errors; answered once they are durable",
    "client",
    {"201": answer("Stored.", _POSTED)},
    _REPORT_REFUSALS,
    requestBody=body(ref("Report")),
)
