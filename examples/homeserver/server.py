"""The server: a listener, a database, the application over them, and one task that keeps house."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from threading import Timer

import uvicorn

from matrix_threepid import ConfigurationError, Service
from matrix_threepid.hosts.asgi import App, Asgi
from matrix_threepid.protocol.endpoint import Endpoint, Table

from .app import assemble
from .config import Config
from .endpoints import TABLE
from .home import Home
from .storage import opened, peppers_of

_GRACE = 1.5
_THREADS = 64
_log = logging.getLogger(__name__)


def serve(config: Config) -> None:
    """Serve until SIGTERM or SIGINT. Raises ``ConfigurationError`` before anything is served."""
    for part in config.put_off:
        _log.warning("%s: not configured, this release does not have it yet", part)
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
    peppers = peppers_of(config)
    # Mails that wait for their server must not keep passwords waiting for a thread.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS))
    async with opened(config.database) as db:
        with _listener(*config.address) as listener:
            port = listener.getsockname()[1]
            home = assemble(config, db, peppers, config.base_url(port))
            async with _served(home, listener, config, extra):
                yield f"http://{config.listen.rpartition(':')[0]}:{port}"


@asynccontextmanager
async def _served(
    home: Home, listener: socket.socket, config: Config, extra: tuple[Endpoint, ...]
) -> AsyncIterator[None]:
    service, header = Service(home, TABLE), config.client_ip_header and config.client_ip_header.lower()
    beside = Asgi(Service(home, Table("", extra)), client_header=header)
    server = _Server(Asgi(service, beside, header))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    chores = asyncio.create_task(keep_house(service, home))
    try:
        await server.ready.wait()
        yield
    finally:
        chores.cancel()
        server.should_exit = True
        await serving


async def keep_house(service: Service, home: Home) -> None:
    """Send what was put off, every second; forget what is over, every minute."""
    for second in count():
        try:
            await service.deliver_due()
            if second % 60 == 0:
                await service.purge()
                await home.uia.purge()
        except Exception:
            _log.exception("housekeeping failed, and goes on")
        await asyncio.sleep(1)


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which would end the process; ``ready`` is set once it listens."""

    def __init__(self, app: App) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise ConfigurationError(f"listen: {error.strerror}") from None
