"""The server without its listener: databases open, services ready for any kind of host, and its house kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from attrs import frozen

from matrix_threepid import Job, Medium, Service
from matrix_threepid.endpoints import FEDERATION, Endpoint, Table
from matrix_threepid.hosts import keeping_house
from matrix_threepid.ports import TokenSender

from .app import Parts, assemble
from .config import Config
from .endpoints import SERVER_ENDPOINTS, TABLE
from .home import Home
from .identity import assemble_identity
from .peers import Peers
from .storage import opened, secret_of, sessions_in
from .tables import IDENTITY_SERVER

_SECOND, _MINUTE = 1000, 60_000


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
        sessions, limiter = await stack.enter_async_context(sessions_in(config, db))
        home = assemble(Parts(config, db, sessions, limiter, secret, peers, senders), config.base_url(port))
        services = [Service(home, TABLE)]
        if config.identity_server:
            other = await stack.enter_async_context(opened(config.database, IDENTITY_SERVER))
            services.append(Service(assemble_identity(home, other, secret)))
        await stack.enter_async_context(keeping_house(*_jobs(services, home)))
        federation, beside = Service(home, FEDERATION), Service(home, Table("", (*SERVER_ENDPOINTS, *extra)))
        yield House((*services, federation, beside), config.client_ip_header)


def _jobs(services: Sequence[Service], home: Home) -> Iterator[Job]:
    """Yield what runs beside the requests: the library's jobs, at a pace for a small server, and our own."""
    for service in services:
        yield from service.jobs(deliver_every=_SECOND, retry_every=_SECOND, purge_every=_MINUTE)
    yield Job(name="purge OpenID tokens", every=_MINUTE, work=home.openid.purge)
    yield Job(name="ask for invitations", every=_SECOND, work=home.exchanges.work)
