"""Time series."""

from faultline_lite.api.openapi.parts import (
    ERROR_PARAMETERS,
    PROJECT,
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

_UNIT = {"type": "string", "enum": ["minute", "hour", "day", "month", "year"]}

SCHEMAS: Json = {
    "Timeline": object_(
        ["timeunit", "start", "end", "count", "buckets"],
        timeunit=_UNIT,
        start={**TIME, "description": "Beginning of the first unit of time."},
        end={**TIME, "description": "End of the last one, which is not in it."},
        count={"type": "integer", "description": "Occurrences in all of them."},
        buckets=list_of(object_(["timestamp", "count"], timestamp=TIME, count={"type": "integer"})),
    ),
}

_PARAMETERS = [
    query_parameter("timeunit", _UNIT, "What a bucket spans, in UTC; default: as configured."),
    query_parameter(
        "start",
        TIME,
        "In the first bucket; default: an hour of minutes, a day of hours, a month of days, "
        "a year of months or ten years before end.",
    ),
    query_parameter("end", TIME, "In the last bucket; default: now. At most 10,080 buckets."),
    query_parameter(
        "fill", {"type": "string", "enum": ["true", "false"]}, "Show the empty buckets, too."
    ),
]
_ANSWERS = {"200": answer("The time series.", data(timeline=ref("Timeline")))}


def _describe(summary: str, refusals: tuple[str, ...] = READ_REFUSALS) -> Json:
    return operation(summary, "master", _ANSWERS, refusals, parameters=_PARAMETERS)


PATHS: Json = {
    "/v0/projects/{project}/errors/{message}/timeline": {
        "parameters": ERROR_PARAMETERS,
        "get": _describe("Show how often an error occurred, over time"),
    },
    "/v0/projects/{project}/timeline": {
        "parameters": [PROJECT],
        "get": _describe("Show how much a project reported, over time"),
    },
    "/v0/timeline": {
        "get": _describe("Show how much all projects reported, over time", ("400", "403")),
    },
}
