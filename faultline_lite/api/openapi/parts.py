"""What the descriptions are built from: parameters, answers, operations, and their parts."""

from typing import Any

Json = dict[str, Any]


def ref(name: str) -> Json:
    """Return a reference to a shared schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def object_(required: list[str], **properties: Any) -> Json:
    """Return the schema of an object; more properties than these may be there."""
    return {"type": "object", "required": required, "properties": properties}


def data(**properties: Any) -> Json:
    """Return the schema of an answer whose ``data`` has these properties, all required."""
    return object_(["data"], data=object_(list(properties), **properties))


def list_of(items: Json) -> Json:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


def optional(*types: str, **rest: Any) -> Json:
    """Return the schema of a value that may be null, which means absent, everywhere."""
    return {"type": [*types, "null"], **rest}


def query_parameter(name: str, schema: Json, description: str) -> Json:
    """Return a parameter of the query, never required; where it is empty it counts as absent."""
    empty = {"type": "string", "maxLength": 0}
    schema = schema if schema == {"type": "string"} else {"anyOf": [schema, empty]}
    return {"name": name, "in": "query", "schema": schema, "description": description}


def path_parameter(name: str, description: str, **schema: Any) -> Json:
    """Return a percent-encoded segment of the path."""
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string", "minLength": 1, **schema},
    }


def answer(description: str, schema: Json | None = None, **extra: Any) -> Json:
    """Return an answer, with a JSON body of that schema where one is given."""
    described: Json = {"description": description, **extra}
    if schema is not None:
        described["content"] = {"application/json": {"schema": schema}}
    return described


def operation(
    summary: str, key: str, answers: Json, refusals: tuple[str, ...], **rest: Any
) -> Json:
    """Return an operation; ``key`` is "client", "master" or empty, ``refusals`` are statuses."""
    security: list[Json] = [{f"{key}Key": []}] if key else []
    responses = {**answers, **{status: REFUSALS[status] for status in refusals}}
    return {"summary": summary, "security": security, "responses": responses, **rest}


def body(schema: Json) -> Json:
    """Return a required JSON body."""
    return {"required": True, "content": {"application/json": {"schema": schema}}}


RETRY = {"headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}}
REFUSALS: dict[str, Json] = {
    "400": answer("Malformed JSON, a wrong type, a bad parameter.", ref("Refusal")),
    "403": answer("The key is missing or wrong.", ref("Refusal")),
    "404": answer("There is no such project, error or occurrence.", ref("Refusal")),
    "408": answer("The body did not arrive in time.", ref("Refusal")),
    "412": answer("The server is not set up for it.", ref("Refusal")),
    "409": answer("Something is under way that must end first.", ref("Refusal")),
    "413": answer("The body is too large.", ref("Refusal")),
    "415": answer("The Content-Encoding is unknown.", ref("Refusal")),
    "429": answer("Too many occurrences.", ref("Refusal"), **RETRY),
    "503": answer("The store cannot take the write now.", ref("Refusal"), **RETRY),
    "507": answer("The disk has no room for it beside what is kept free.", ref("Refusal")),
}
READ_REFUSALS = ("400", "403", "404")
BODY_REFUSALS = (*READ_REFUSALS, "408", "413", "415", "503")
WRITE_REFUSALS = ("400", "403", "503")

NOTHING = answer("Done; there was nothing, or there is nothing left.")
PROJECT = path_parameter(
    "project",
    "No slash, no white space, no full stop; at most 256 bytes.",
    maxLength=256,
    pattern=r"^[^\s/.]+$",
)
MESSAGE = path_parameter("message", "Any message of the error, percent-encoded as one segment.")
FINGERPRINT = query_parameter(
    "fingerprint",
    {"type": "string", "pattern": "^([0-9a-f]{2})*$"},
    "Which error is meant where several share the message.",
)
STATUS = {"type": "string", "enum": ["unresolved", "resolved"]}
TIME = {"type": "string", "format": "date-time"}
ERROR_PARAMETERS = [PROJECT, MESSAGE, FINGERPRINT]
#: More than the largest page is not refused, it counts as that.
LIMIT = {"type": "integer", "minimum": 1}
REVERSED_UNIXTIME = {"type": "string", "pattern": "^[0-9]{16}(-([2-9]|[1-9][0-9]{1,9}))?$"}
