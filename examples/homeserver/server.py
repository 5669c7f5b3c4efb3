"""The server: a listener, a database, the application over them, and one task that keeps house."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Timer

from matrix_threepid.endpoints import Endpoint
from matrix_threepid.hosts import Asgi, listener, served_by_uvicorn

from .app import senders_of
from .config import Config
from .house import housed

_GRACE = 1.5


def serve(config: Config) -> None:
    """Serve until SIGTERM or SIGINT. Raises ``ConfigurationError`` before anything is served."""
    asyncio.run(_serve(config))


async def _serve(config: Config) -> None:
    async with running(config) as url:
        print(f"listening on {url}", flush=True)
        await told_to_stop()


async def told_to_stop() -> None:
    """Return at SIGTERM or SIGINT; the process then ends within two seconds, whatever it still waits for."""
    stop = asyncio.Event()
    for wish in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(wish, stop.set)
    await stop.wait()
    # A mail server that does not answer must not hold up the exit; the mail is written down as due.
    last = Timer(_GRACE, os._exit, [0])
    last.daemon = True
    last.start()


@asynccontextmanager
async def running(config: Config, extra: tuple[Endpoint, ...] = ()) -> AsyncIterator[str]:
    """Run the server inside the block, which gets its URL. ``extra``: endpoints beside those of Matrix."""
    senders = senders_of(config)
    with listener(*config.address) as listening:
        port = listening.getsockname()[1]
        async with housed(config, port, senders, extra) as house, served_by_uvicorn(house.on(Asgi), listening):
            yield f"http://{config.listen.rpartition(':')[0]}:{port}"
