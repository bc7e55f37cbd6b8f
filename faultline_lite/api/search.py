"""Search over all errors, or those of a project."""

from starlette.requests import Request
from starlette.responses import Response

from faultline_lite.api.answers import JsonAnswer
from faultline_lite.api.errors import hit_json
from faultline_lite.http.parameters import get_cursor, get_limit, make_cursor
from faultline_lite.http.services import services_of
from faultline_lite.search.query import parse_query
from faultline_lite.store.search import SearchPosition, search_errors

DEFAULT_HITS = 20
MAX_HITS = 100


async def get_search(request: Request) -> Response:
    """Find errors by full text, best match first."""
    services = services_of(request)
    limit = get_limit(request, default=DEFAULT_HITS, maximum=MAX_HITS)
    after = get_cursor(request, SearchPosition)
    now_ms = services.clock.now_ms()
    query = parse_query(request.query_params.get("q", ""), now_ms)
    project = request.query_params.get("project", "")
    if project:
        query = query.narrow("project", project)
    page = await services.database.read(
        search_errors, services.codec, query, limit=limit, after=after
    )
    return JsonAnswer(
        {
            "data": {
                "errors": [hit_json(each, now_ms) for each in page.hits],
                "nextCursor": None if page.following is None else make_cursor(page.following),
                "notice": page.notice,
            }
        }
    )
