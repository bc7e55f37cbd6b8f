"""A vendor's API that takes JSON."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from faultline_lite.egress.guard import MAX_ANSWER_BYTES, HttpResponse
from faultline_lite.notifiers.answers import JSON_HEADERS
from faultline_lite.notifiers.notifier import Http


class JsonApi:
    """Sends requests that have these headers in common, such as who we are."""

    def __init__(self, http: Http, headers: Mapping[str, str]) -> None:
        self._http = http
        self._headers = headers

    async def request(
        self,
        method: str,
        url: str,
        *,
        query: Mapping[str, Any] | None = None,
        content: Mapping[str, Any] | None = None,
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> HttpResponse:
        """Send one request and return its answer, whatever it is. Raises NotifyError."""
        return await self._http.request(
            method,
            f"{url}?{urlencode(query)}" if query else url,
            headers={**self._headers, **(JSON_HEADERS if content else {})},
            content=msgspec.json.encode(content) if content else None,
            max_bytes=max_bytes,
        )
