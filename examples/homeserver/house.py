"""The server without its listener: databases open, services ready for any kind of host, and its house kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import count
from typing import Any

from attrs import frozen

from matrix_threepid import Medium, Service
from matrix_threepid.bindings import retry_unbinds
from matrix_threepid.ports import TokenSender
from matrix_threepid.protocol.endpoint import Endpoint, Table

from .app import Parts, assemble
from .config import Config
from .endpoints import IDENTITY_TABLE, SERVER_ENDPOINTS, TABLE
from .home import Home
from .identity import assemble_identity
from .peers import Peers
from .storage import opened, secret_of
from .tables import IDENTITY_SERVER

_log = logging.getLogger(__name__)


@frozen
class House:
    """The services of the server, and how its hosts are to treat requests."""

    services: tuple[Service, ...]
    client_header: str | None = None

    @property
    def max_body(self) -> int:
        """The bytes a body may have."""
        return self.services[0].role.policy.max_body

    def on(self, host: Callable[..., Any], otherwise: Any = None, **options: Any) -> Any:
        """Return all services on one kind of host, in front of another application; each has paths of its own."""
        for service in reversed(self.services):
            otherwise = host(service, otherwise, self.client_header, **options)
        return otherwise


@asynccontextmanager
async def housed(
    config: Config, port: int, senders: Mapping[Medium, TokenSender], extra: tuple[Endpoint, ...] = ()
) -> AsyncIterator[House]:
    """Keep the server's databases open, and its house in order, while the block runs in an asyncio loop.

    ``port``: where clients will reach it; ``extra``: endpoints beside those of Matrix. Raises ``ConfigurationError``.
    """
    secret = secret_of(config)
    peers = Peers.of(config, secret)
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(opened(config.database))
        home = assemble(Parts(config, db, secret, peers, senders), config.base_url(port))
        services = [Service(home, TABLE)]
        if config.identity_server:
            other = await stack.enter_async_context(opened(config.database, IDENTITY_SERVER))
            services.append(Service(assemble_identity(home, other, secret), IDENTITY_TABLE))
        stack.push_async_callback(_ended, asyncio.create_task(_keep_house(services, home)))
        beside = Service(home, Table("", (*SERVER_ENDPOINTS, *extra)))
        yield House((*services, beside), config.client_ip_header)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def _keep_house(services: Sequence[Service], home: Home) -> None:
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
