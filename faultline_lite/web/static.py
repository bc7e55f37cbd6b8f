"""Send the assets: for ever where they are asked for by their content."""

import asyncio
from pathlib import PurePosixPath

from starlette.exceptions import HTTPException
from starlette.responses import Response

from faultline_lite.http.routing import segment
from faultline_lite.web.assets import MEDIA_TYPES
from faultline_lite.web.compression import choose_encoding
from faultline_lite.web.visits import Visit

_FOREVER = "public, max-age=31536000, immutable"


async def send_asset(visit: Visit) -> Response:
    """Send a style sheet, a script or an image."""
    assets = visit.pages.assets
    name = segment(visit.request, "name")
    content = assets.get(name)
    if content is None:
        raise HTTPException(404)
    # A page from before an upgrade asks for what has been replaced.
    current = segment(visit.request, "version") == assets.version
    headers = {
        "Content-Type": MEDIA_TYPES[PurePosixPath(name).suffix],
        "Cache-Control": _FOREVER if current else "no-cache",
        "Vary": "Accept-Encoding",
    }
    encoding = choose_encoding(visit.request.headers.get("accept-encoding", ""))
    if encoding is not None:
        compressed = await asyncio.to_thread(assets.get_compressed, name, encoding)
        if compressed is not None:
            return Response(compressed, headers={**headers, "Content-Encoding": encoding})
    return Response(content, headers=headers)
