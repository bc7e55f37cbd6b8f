"""Every path of the API, with what answers it and the key that it needs."""

from starlette.routing import Route

from faultline_lite.api.admin import backup, prune
from faultline_lite.api.deliveries import get_decisions, get_deliveries, retry
from faultline_lite.api.encrypt import encrypt
from faultline_lite.api.errors import (
    get_errors,
    get_one_error,
    get_projects,
    patch_error,
    remove_error,
    remove_project,
)
from faultline_lite.api.facets import get_facets
from faultline_lite.api.occurrences import get_occurrences, get_one_occurrence
from faultline_lite.api.regroup import get_regroup, post_regroup
from faultline_lite.api.reports import post_report
from faultline_lite.api.search import get_search
from faultline_lite.api.service import get_health, get_info, get_metrics, get_openapi
from faultline_lite.api.timelines import (
    get_error_timeline,
    get_project_timeline,
    get_total_timeline,
)
from faultline_lite.http.routing import Method, resource

_ERRORS = "/v0/projects/{project}/errors"
_ERROR = f"{_ERRORS}/{{message}}"
_OCCURRENCES = f"{_ERROR}/occurrences"


def make_routes() -> list[Route]:
    """Return the routes; the one that reports come by is looked at first."""
    return [
        resource(_ERRORS, POST=Method(post_report, "client"), GET=Method(get_errors, "master")),
        resource(
            _ERROR,
            GET=Method(get_one_error, "master"),
            PATCH=Method(patch_error, "master"),
            DELETE=Method(remove_error, "master"),
        ),
        resource(_OCCURRENCES, GET=Method(get_occurrences, "master")),
        resource(f"{_OCCURRENCES}/{{reversed_unixtime}}", GET=Method(get_one_occurrence, "master")),
        resource(f"{_ERROR}/facets", GET=Method(get_facets, "master")),
        resource(f"{_ERROR}/timeline", GET=Method(get_error_timeline, "master")),
        resource(
            f"{_OCCURRENCES}/{{reversed_unixtime}}/decisions", GET=Method(get_decisions, "master")
        ),
        resource("/v0/deliveries", GET=Method(get_deliveries, "master")),
        resource("/v0/deliveries/{id}/retry", POST=Method(retry, "master")),
        resource("/v0/projects", GET=Method(get_projects, "master")),
        resource("/v0/projects/{project}", DELETE=Method(remove_project, "master")),
        resource("/v0/projects/{project}/timeline", GET=Method(get_project_timeline, "master")),
        resource("/v0/timeline", GET=Method(get_total_timeline, "master")),
        # It checks the key itself: without a master key the answer is 412, whatever is sent.
        resource("/v0/encrypt", POST=Method(encrypt, "none")),
        resource("/v0/search", GET=Method(get_search, "master")),
        resource("/v0/info", GET=Method(get_info, "master")),
        resource(
            "/v0/regroup",
            GET=Method(get_regroup, "master"),
            POST=Method(post_regroup, "master"),
        ),
        resource("/v0/prune", POST=Method(prune, "master")),
        resource("/v0/backup", GET=Method(backup, "master")),
        resource("/v0/openapi.json", GET=Method(get_openapi, "none")),
        resource("/healthz", GET=Method(get_health, "none")),
        resource("/metrics", GET=Method(get_metrics, "none")),
    ]
