"""The description of the API, as OpenAPI 3.1."""

from typing import Any

from faultline_lite import __version__

Json = dict[str, Any]


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: list[str], **properties: Any) -> Json:
    return {"type": "object", "required": required, "properties": properties}


def _data(**properties: Any) -> Json:
    return _object(["data"], data=_object(list(properties), **properties))


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


def _optional(*types: str, **rest: Any) -> Json:
    """Null means absent, everywhere."""
    return {"type": [*types, "null"], **rest}


def _query(name: str, schema: Json, description: str) -> Json:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _path(name: str, description: str, **schema: Any) -> Json:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string", "minLength": 1, **schema},
    }


def _answer(description: str, schema: Json | None = None, **extra: Any) -> Json:
    answer: Json = {"description": description, **extra}
    if schema is not None:
        answer["content"] = {"application/json": {"schema": schema}}
    return answer


_RETRY = {"headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}}
_REFUSALS: dict[str, Json] = {
    "400": _answer("Malformed JSON, a wrong type, a bad parameter.", _ref("Refusal")),
    "403": _answer("The key is missing or wrong.", _ref("Refusal")),
    "404": _answer("There is no such project, error or occurrence.", _ref("Refusal")),
    "408": _answer("The body did not arrive in time.", _ref("Refusal")),
    "413": _answer("The body is too large.", _ref("Refusal")),
    "415": _answer("The Content-Encoding is unknown.", _ref("Refusal")),
    "429": _answer("Too many occurrences.", _ref("Refusal"), **_RETRY),
    "503": _answer("The store cannot take the write now.", _ref("Refusal"), **_RETRY),
}
_READ_REFUSALS = ("400", "403", "404")
_BODY_REFUSALS = (*_READ_REFUSALS, "408", "413", "415", "503")
_WRITE_REFUSALS = ("400", "403", "503")
_REPORT_REFUSALS = ("400", "403", "408", "413", "415", "429", "503")

_NOTHING = _answer("Done; there was nothing, or there is nothing left.")
_PROJECT = _path(
    "project", "No slash, no white space, no full stop; at most 256 bytes.", maxLength=256
)
_MESSAGE = _path("message", "Any message of the error, percent-encoded as one segment.")
_FINGERPRINT = _query(
    "fingerprint",
    {"type": "string", "pattern": "^([0-9a-f]{2})*$"},
    "Which error is meant where several share the message.",
)
_STATUS = {"type": "string", "enum": ["unresolved", "resolved"]}
_TIME = {"type": "string", "format": "date-time"}
_MAP = _optional("object")
_FRAME = {
    "type": "object",
    "properties": {
        "file": _optional("string"),
        "line": _optional("integer", format="int64"),
        "column": _optional("integer", format="int64"),
        "function": _optional("string"),
        "code": _optional("object", description="Source lines by their number."),
    },
}
_FRAMES = {**_optional("array"), "items": _FRAME}
_MAPS = dict.fromkeys(("context", "environment", "session", "params"), _MAP)


def _operation(
    summary: str, key: str, answers: Json, refusals: tuple[str, ...], **rest: Any
) -> Json:
    security: list[Json] = [{f"{key}Key": []}] if key else []
    responses = {**answers, **{status: _REFUSALS[status] for status in refusals}}
    return {"summary": summary, "security": security, "responses": responses, **rest}


def _body(schema: Json) -> Json:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


_SCHEMAS: Json = {
    "Refusal": _object(
        ["errors"],
        errors=_list(
            _object(
                ["message"],
                message={"type": "string"},
                path=_list({"type": "string"}),
                detail={},
            )
        ),
        error={"type": "string"},
        message={"type": "string"},
    ),
    "Entry": _object(
        ["message"],
        message={"type": "string"},
        type=_optional("string"),
        backtrace=_FRAMES,
        timestamp={"anyOf": [_TIME, {"type": "null"}]},
        fingerprint={**_optional("array"), "items": {"type": "string"}},
        causes={
            **_optional("array"),
            "items": {
                "type": "object",
                "properties": {
                    "type": _optional("string"),
                    "message": _optional("string"),
                    "backtrace": _FRAMES,
                },
            },
        },
        **_MAPS,
    ),
    "Report": _object(
        ["errors"],
        errors={"type": "array", "minItems": 1, "maxItems": 1000, "items": _ref("Entry")},
        notifier=_MAP,
        notifications={
            "description": "Configs, in the clear or sealed. A bad one never refuses the report."
        },
        **_MAPS,
    ),
    "Error": _object(
        ["project", "message", "type", "status", "count", "lastUpdated", "firstSeen"],
        project={"type": "string"},
        message={"type": "string", "description": "The first one seen, in its truncated form."},
        type={"type": "string"},
        status=_STATUS,
        count={"type": "integer"},
        lastUpdated=_TIME,
        firstSeen=_TIME,
        pattern={"type": "string"},
        fingerprint={"type": "string"},
        muted={"type": "boolean"},
        mutedUntil=_TIME,
        mutedUntilCount={"type": "integer"},
    ),
    "Occurrence": _object(
        ["project", "message", "type", "timestamp", "reversedUnixtime", "receivedAt", "event"],
        project={"type": "string"},
        message={"type": "string"},
        type={"type": "string"},
        timestamp=_TIME,
        reversedUnixtime={"type": "string", "pattern": "^[0-9]{16}(-[0-9]+)?$"},
        receivedAt=_TIME,
        event={"type": "object"},
    ),
    "Bucket": _object(
        ["key", "project", "message", "type", "timestamp", "count"],
        key={"type": "string"},
        project={"type": "string"},
        message={"type": "string"},
        type={"type": "string"},
        timestamp=_TIME,
        count={"type": "integer"},
    ),
    "Project": _object(
        ["name", "count", "unresolvedCount", "lastUpdated"],
        name={"type": "string"},
        count={"type": "integer"},
        unresolvedCount={"type": "integer"},
        lastUpdated=_TIME,
    ),
    "Patch": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "status": {"type": ["string", "null"], "enum": ["unresolved", "resolved", None]},
            "muted": _optional("boolean"),
            "until": {"anyOf": [_TIME, {"type": "null"}]},
            "untilCount": _optional("integer", minimum=1, maximum=2**31 - 1),
        },
    },
}

_POSTED = _object(
    ["data", "id", "warnings"],
    data=_object(["errors"], errors=_object(["postCount"], postCount={"type": "integer"})),
    id={"type": "string", "description": "reversedUnixtime of the first entry."},
    warnings=_list({"type": "string"}),
)
_LISTED_ERRORS = _data(
    errors=_list(_ref("Error")),
    scannedCount={"type": "integer"},
    nextCursor=_optional("string"),
)
_ONE_ERROR = _data(
    error=_ref("Occurrence"),
    timeline=_object(
        ["errors", "totalCount", "scannedCount"],
        errors=_list(_ref("Bucket")),
        totalCount={"type": "integer"},
        scannedCount={"type": "integer"},
    ),
    summary=_ref("Error"),
)
_LIMIT = {"type": "integer", "minimum": 1, "maximum": 1000}

_ERRORS: Json = {
    "parameters": [_PROJECT],
    "post": _operation(
        "Report errors; answered once they are durable",
        "client",
        {"201": _answer("Stored.", _POSTED)},
        _REPORT_REFUSALS,
        requestBody=_body(_ref("Report")),
    ),
    "get": _operation(
        "List the errors of a project",
        "master",
        {"200": _answer("The errors.", _LISTED_ERRORS)},
        _READ_REFUSALS,
        parameters=[
            _query("status", _STATUS, "Only these; all where it is empty."),
            _query("sort", {"type": "string", "enum": ["lastUpdated", "count", "firstSeen"]}, ""),
            _query("limit", _LIMIT, "At most, and by default, 1000."),
            _query("cursor", {"type": "string"}, "nextCursor of the page before."),
        ],
    ),
}
_ERROR: Json = {
    "parameters": [_PROJECT, _MESSAGE, _FINGERPRINT],
    "get": _operation(
        "Show an error: its latest occurrence and its timeline",
        "master",
        {"200": _answer("The error.", _ONE_ERROR)},
        _READ_REFUSALS,
        parameters=[
            _query("start", _TIME, "Beginning of the timeline; default: of this month."),
            _query("end", _TIME, "End of the timeline; default: now."),
        ],
    ),
    "patch": _operation(
        "Resolve, reopen, mute or unmute an error",
        "master",
        {"200": _answer("The error after it.", _data(error=_ref("Error")))},
        _BODY_REFUSALS,
        requestBody=_body(_ref("Patch")),
    ),
    "delete": _operation(
        "Delete an error and everything of it", "master", {"204": _NOTHING}, _WRITE_REFUSALS
    ),
}
_OCCURRENCES = _operation(
    "Page through the occurrences of an error, newest first",
    "master",
    {
        "200": _answer(
            "A page.", _data(errors=_list(_ref("Occurrence")), totalCount={"type": "integer"})
        )
    },
    _READ_REFUSALS,
    parameters=[
        _query("limit", _LIMIT, "10 by default."),
        _query("after", {"type": "string"}, "reversedUnixtime of the last one of the page before."),
    ],
)
_ONE_OCCURRENCE = _operation(
    "Show one occurrence",
    "master",
    {"200": _answer("The occurrence.", _data(error=_ref("Occurrence")))},
    _READ_REFUSALS,
)
_PROJECTS = _operation(
    "List the projects",
    "master",
    {"200": _answer("The projects.", _data(projects=_list(_ref("Project"))))},
    ("403",),
)
_DELETE_PROJECT = _operation(
    "Delete a project and everything in it", "master", {"204": _NOTHING}, _WRITE_REFUSALS
)
_PRUNED = _data(
    occurrences={"type": "integer"}, errors={"type": "integer"}, payloadBytes={"type": "integer"}
)
_PRUNE = _operation(
    "Run retention now",
    "master",
    {"200": _answer("What it let go.", _PRUNED)},
    ("403", "503"),
)
_BACKUP = _operation(
    "Download a verified copy of the database",
    "master",
    {"200": {"description": "A SQLite file.", "content": {"application/vnd.sqlite3": {}}}},
    ("403", "503"),
)
_INFO = _operation(
    "Say which version this is",
    "master",
    {"200": _answer("The version.", _data(version={"type": "string"}))},
    ("403",),
)
_HEALTH = _operation(
    "Say whether a report could be stored",
    "",
    {"200": _answer("Yes."), "503": _answer("No.", **_RETRY)},
    (),
)
_METRICS = _operation(
    "Metrics in Prometheus' text format",
    "",
    {"200": {"description": "The metrics.", "content": {"text/plain": {}}}},
    (),
)
_OPENAPI = _operation("This document", "", {"200": _answer("OpenAPI 3.1.")}, ())

_ERROR_PARAMETERS = _ERROR["parameters"]

#: The whole document.
OPENAPI: Json = {
    "openapi": "3.1.0",
    "info": {
        "title": "faultline-lite",
        "version": __version__,
        "description": "The API of faultline 1.x, with additions.",
    },
    "paths": {
        "/v0/projects": {"get": _PROJECTS},
        "/v0/projects/{project}": {"parameters": [_PROJECT], "delete": _DELETE_PROJECT},
        "/v0/projects/{project}/errors": _ERRORS,
        "/v0/projects/{project}/errors/{message}": _ERROR,
        "/v0/projects/{project}/errors/{message}/occurrences": {
            "parameters": _ERROR_PARAMETERS,
            "get": _OCCURRENCES,
        },
        "/v0/projects/{project}/errors/{message}/occurrences/{reversedUnixtime}": {
            "parameters": [
                *_ERROR_PARAMETERS,
                _path("reversedUnixtime", "As an occurrence carries it."),
            ],
            "get": _ONE_OCCURRENCE,
        },
        "/v0/info": {"get": _INFO},
        "/v0/prune": {"post": _PRUNE},
        "/v0/backup": {"get": _BACKUP},
        "/v0/openapi.json": {"get": _OPENAPI},
        "/healthz": {"get": _HEALTH},
        "/metrics": {"get": _METRICS},
    },
    "components": {
        "schemas": _SCHEMAS,
        "securitySchemes": {
            f"{kind}Key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"}
            for kind in ("client", "master")
        },
    },
}
