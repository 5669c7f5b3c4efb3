"""The server: a listener, a database, the application over them, and one task that keeps house."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from functools import partial
from itertools import count
from threading import Timer

import uvicorn

from matrix_threepid import ConfigurationError, Service
from matrix_threepid.bindings import retry_unbinds
from matrix_threepid.hosts.asgi import App, Asgi
from matrix_threepid.protocol.endpoint import Endpoint, Table
from matrix_threepid.stores.sql import Database

from .app import Parts, assemble, senders_of
from .config import Config
from .endpoints import IDENTITY_TABLE, SERVER_ENDPOINTS, TABLE
from .home import Home
from .identity import assemble_identity
from .peers import Peers
from .storage import opened, secret_of
from .tables import IDENTITY_SERVER

_GRACE = 1.5
_THREADS = 64
_log = logging.getLogger(__name__)


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
    secret = secret_of(config)
    peers, senders = Peers.of(config, secret), senders_of(config)
    # Mails that wait for their server must not keep passwords waiting for a thread.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS))
    async with opened(config.database) as db, _identity_database(config) as other:
        with _listener(*config.address) as listener:
            port = listener.getsockname()[1]
            home = assemble(Parts(config, db, secret, peers, senders), config.base_url(port))
            services = [Service(home, TABLE)]
            if other is not None:
                services.append(Service(assemble_identity(home, other, secret), IDENTITY_TABLE))
            async with _served(home, services, listener, extra, config.client_ip_header):
                yield f"http://{config.listen.rpartition(':')[0]}:{port}"


def _identity_database(config: Config) -> AbstractAsyncContextManager[Database | None]:
    return opened(config.database, IDENTITY_SERVER) if config.identity_server else nullcontext()


@asynccontextmanager
async def _served(
    home: Home, services: Sequence[Service], listener: socket.socket, extra: tuple[Endpoint, ...], header: str | None
) -> AsyncIterator[None]:
    beside = Service(home, Table("", (*SERVER_ENDPOINTS, *extra)))
    server = _Server(_application((*services, beside), header))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    chores = asyncio.create_task(keep_house(services, home))
    try:
        await server.ready.wait()
        yield
    finally:
        chores.cancel()
        server.should_exit = True
        await serving


def _application(services: Sequence[Service], client_header: str | None) -> App:
    """Return one application for all services; each has paths of its own."""
    first, *others = services
    return Asgi(first, _application(others, client_header) if others else None, client_header)


async def keep_house(services: Sequence[Service], home: Home) -> None:
    """Send what was put off and forget what is over; beside that, ask again for unbinds, which may take its time."""
    await asyncio.gather(_every_second(partial(_tidy, services, home)), _every_second(lambda _: retry_unbinds(home)))


async def _every_second(work: Callable[[int], Awaitable[object]]) -> None:
    for second in count():
        try:
            await work(second)
        except Exception:
            _log.exception("housekeeping failed, and goes on")
        await asyncio.sleep(1)


async def _tidy(services: Sequence[Service], home: Home, second: int) -> None:
    for service in services:
        await service.deliver_due()
    if second % 60 == 0:
        for service in services:
            await service.purge()
        await home.uia.purge()
        await home.openid.purge()


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
