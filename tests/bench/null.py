"""The reference of the benchmarks: what Starlette costs before there is any work."""

import socket
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def answer(request: Request) -> Response:
    await request.body()
    return Response(b'{"data":{"errors":{"postCount":1}}}', 201, media_type="application/json")


def main() -> None:
    app = Starlette(
        routes=[Route("/v0/projects/{project}/errors", answer, methods=["POST"])],
    )
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(f"null listens on http://127.0.0.1:{listener.getsockname()[1]}")
    sys.stdout.flush()
    config = uvicorn.Config(app, access_log=False, log_config=None, server_header=False)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
