"""FastAPI: ``python -m examples.hosts.fastapi_app --port 8008``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from matrix_threepid.hosts import Asgi, UvicornHttp, listener

from .wiring import account_server, configured, tell


async def hello() -> dict[str, str]:
    """Stand for everything else you serve."""
    return {"hello": "from FastAPI"}


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    config = configured(__doc__)
    with listener(*config.address) as listening:
        port = listening.getsockname()[1]

        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[None]:
            async with account_server(config, port) as server:
                app.mount("/", server.on(Asgi))
                tell(config, port)
                yield

        app = FastAPI(lifespan=lifespan)
        app.get("/")(hello)
        options = uvicorn.Config(app, log_level="warning", proxy_headers=False, http=UvicornHttp)
        uvicorn.Server(options).run([listening])


if __name__ == "__main__":
    main()
