"""Starlette: ``python -m examples.hosts.starlette_app --port 8008``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from matrix_threepid.hosts import Asgi, UvicornHttp, listener

from .wiring import account_server, configured, tell


async def hello(request: Request) -> PlainTextResponse:
    """Stand for everything else you serve."""
    return PlainTextResponse("Hello from Starlette")


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    config = configured(__doc__)
    with listener(*config.address) as listening:
        port = listening.getsockname()[1]

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            async with account_server(config, port) as server:
                app.mount("/", server.on(Asgi))
                tell(config, port)
                yield

        app = Starlette(routes=[Route("/", hello)], lifespan=lifespan)
        options = uvicorn.Config(app, log_level="warning", proxy_headers=False, http=UvicornHttp)
        uvicorn.Server(options).run([listening])


if __name__ == "__main__":
    main()
