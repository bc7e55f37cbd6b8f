"""The server itself."""

from faultline_lite.api.openapi.parts import (
    RETRY,
    Json,
    answer,
    data,
    list_of,
    object_,
    operation,
    query_parameter,
)

_PRUNED = data(
    occurrences={"type": "integer"},
    errors={"type": "integer"},
    payloadBytes={"type": "integer", "description": "Compressed; a dry run estimates it."},
    reasons={
        "description": "Occurrences by why they went.",
        "type": "object",
        "additionalProperties": {"type": "integer"},
    },
)
_PRUNE = operation(
    "Run retention now",
    "master",
    {"200": answer("What it let go, or would let go.", _PRUNED)},
    ("400", "403", "503"),
    parameters=[
        query_parameter(
            "dryRun", {"type": "string", "enum": ["true", "false"]}, "Only say what would go."
        )
    ],
)
_BACKUP = operation(
    "Download a verified copy of the database",
    "master",
    {"200": {"description": "A SQLite file.", "content": {"application/vnd.sqlite3": {}}}},
    ("403", "503", "507"),
    description=(
        "The copy is made beside the database and removed once it is sent. Where it would leave "
        "less than min_free_bytes of the disk free, none is made and the answer is 507."
    ),
)
_ABOUT = object_(
    ["data"],
    data=object_(
        ["version"],
        version={"type": "string"},
        publicKey={"type": "string", "description": "32 bytes in base64url, to seal configs to."},
        keyId={"type": "string"},
    ),
)
_INFO = operation(
    "Say which version this is, and the key that seals",
    "master",
    {"200": answer("The version, and the public key where there is a key file.", _ABOUT)},
    ("403",),
)
_HEALTH = operation(
    "Say whether a report could be stored",
    "",
    {"200": answer("Yes."), "503": answer("No.", **RETRY)},
    (),
)
_METRICS = operation(
    "Metrics in Prometheus' text format",
    "",
    {"200": {"description": "The metrics.", "content": {"text/plain": {}}}},
    (),
)
_OPENAPI = operation("This document", "", {"200": answer("OpenAPI 3.1.")}, ())

SCHEMAS: Json = {
    "Refusal": object_(
        ["errors"],
        errors=list_of(
            object_(
                ["message"],
                message={"type": "string"},
                path=list_of({"type": "string"}),
                detail={},
            )
        ),
        error={"type": "string"},
        message={"type": "string"},
    ),
}

PATHS: Json = {
    "/v0/info": {"get": _INFO},
    "/v0/prune": {"post": _PRUNE},
    "/v0/backup": {"get": _BACKUP},
    "/v0/openapi.json": {"get": _OPENAPI},
    "/healthz": {"get": _HEALTH},
    "/metrics": {"get": _METRICS},
}
