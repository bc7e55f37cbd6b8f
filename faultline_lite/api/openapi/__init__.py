"""The description of the API, as OpenAPI 3.1; a module for each topic."""

from faultline_lite import __version__
from faultline_lite.api.openapi import (
    errors,
    facets,
    notifications,
    occurrences,
    regroup,
    reports,
    search,
    service,
    timelines,
)
from faultline_lite.api.openapi.parts import Json

_TOPICS = (errors, facets, occurrences, notifications, search, timelines, regroup, service)

#: The whole document.
OPENAPI: Json = {
    "openapi": "3.1.0",
    "info": {
        "title": "faultline-lite",
        "version": __version__,
        "description": "The API of faultline 1.x, with additions.",
    },
    "paths": {path: operations for topic in _TOPICS for path, operations in topic.PATHS.items()},
    "components": {
        "schemas": {
            name: schema for topic in (reports, *_TOPICS) for name, schema in topic.SCHEMAS.items()
        },
        "securitySchemes": {
            f"{kind}Key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"}
            for kind in ("client", "master")
        },
    },
}
