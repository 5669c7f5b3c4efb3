"""The parts put together: settings and open databases in, services and jobs out."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from attrs import field, frozen

from ...endpoints.callbacks import callback_table
from ...housekeeping import Job
from ...logs import LogListener
from ...model.keys import Peppers
from ...model.threepid import Medium
from ...observing import HEALTH, Listeners, Metrics
from ...ports import Listener, RateLimiter, SessionStore, TokenSender
from ...protocol.errors import ConfigurationError, Unavailable
from ...protocol.wire import Request
from ...roles.base import Role
from ...roles.identity_server import Delegate, IdentityServer
from ...service import Service
from ...settings import stored_peppers
from ...stores import (
    Database,
    SqlAssociations,
    SqlInvitations,
    SqlLimits,
    SqlLogins,
    SqlMessages,
    SqlSessions,
    SqlSuppressions,
    migrate,
    open_database,
    open_valkey,
)
from ...texts.catalogue import Texts
from ...texts.pages import BuiltInPages
from .settings import DelegateSettings, IdentityServerRoleSettings, ServeSettings

_MEASURING = 5.0
"""The s that measuring queues and budgets may take."""


@frozen
class Served:
    """What a program serves.

    * ``delegate``, ``identity_server``: the services; ``None`` for one that is off.
    * ``callbacks``: the service for reports of providers; ``None`` without one.
    * ``jobs``: what runs beside the requests.
    """

    delegate: Service | None
    identity_server: Service | None
    jobs: tuple[Job, ...] = field(default=(), repr=False)
    callbacks: Service | None = None

    @property
    def services(self) -> tuple[Service, ...]:
        """The services that are on."""
        return tuple(filter(None, (self.delegate, self.identity_server)))

    async def problems(self) -> list[str]:
        """Return what keeps the program from serving."""
        return [problem for each in self.services for problem in (await each.health()).problems]

    async def is_ready(self) -> bool:
        """Return whether every service can serve."""
        answers = [
            await Service(each.role, HEALTH).handle(Request("GET", "/_threepid/ready")) for each in self.services
        ]
        return all(each.status == 200 for each in answers)


def listener_of(registry: Any = None, *, metrics: bool) -> tuple[Listener, Metrics | None]:
    """Return what hears the events, and the metrics if there are any. Raises ``ConfigurationError``."""
    counted = Metrics(registry) if metrics else None
    return (LogListener() if counted is None else Listeners(LogListener(), counted)), counted


@asynccontextmanager
async def opened(settings: ServeSettings, *, metrics: bool = False) -> AsyncIterator[Served]:
    """Open the databases, bring their schemas up to date, and wire the roles. Raises ``ConfigurationError``."""
    parts = Parts.of(settings)
    listener, counted = listener_of(metrics=metrics)
    async with AsyncExitStack() as stack:
        services: list[Service | None] = []
        jobs: list[Job] = []
        for role in (settings.delegate, settings.identity_server):
            if role is None:
                services.append(None)
                continue
            stores = await stack.enter_async_context(opened_stores(role))
            try:
                await migrate(stores.db)
            except Unavailable:
                raise ConfigurationError("database: cannot be written to at present") from None
            service = (
                parts.delegate(stores, listener)
                if isinstance(role, DelegateSettings)
                else parts.identity_server(role, stores, listener)
            )
            services.append(service)
            jobs += service.jobs()
            for job in () if counted is None else counted.jobs(service, stores.db):
                # A pool waits 30 s for a database that is gone, and the gauge has to tell of it before.
                jobs.append(_with_work(job, partial(_in_time, job.work)))
        yield Served(services[0], services[1], tuple(jobs), parts.callbacks([each.role for each in services if each]))


def _with_work(job: Job, work: Callable[[], Awaitable[object]]) -> Job:
    """Return a job with other work."""
    return Job(name=job.name, every=job.every, work=work, limit=job.limit, clock=job.clock)


async def _in_time(work: Callable[[], Awaitable[object]]) -> object:
    return await asyncio.wait_for(work(), _MEASURING)


@frozen
class Stores:
    """The open stores of one role.

    * ``db``: its database.
    * ``sessions``, ``limiter``: its sessions and counts, there or in a Valkey.
    """

    db: Database
    sessions: SessionStore
    limiter: RateLimiter


@asynccontextmanager
async def opened_stores(role: DelegateSettings | IdentityServerRoleSettings) -> AsyncIterator[Stores]:
    """Open the stores of a role. Raises ``ConfigurationError``."""
    async with open_database(role.database) as db:
        if role.sessions is None:
            yield Stores(db, SqlSessions(db), SqlLimits(db))
            return
        async with open_valkey(role.sessions) as valkey:
            # Here, where the extra is known to be installed.
            from ...stores import ValkeyLimits, ValkeySessions

            yield Stores(db, ValkeySessions(valkey), ValkeyLimits(valkey))


@frozen
class Parts:
    """Parts that both roles share."""

    settings: ServeSettings
    senders: dict[Medium, TokenSender]
    secret: Peppers

    @classmethod
    def of(cls, settings: ServeSettings) -> Parts:
        """Make senders and the secret. Raises ``ConfigurationError``."""
        texts = None if settings.texts is None else Texts(settings.texts)
        senders: dict[Medium, TokenSender] = {}
        if settings.smtp is not None:
            senders[Medium.EMAIL] = settings.smtp.sender(settings.server_name, texts=texts)
        if settings.sms is not None:
            senders[Medium.MSISDN] = settings.sms.sender(texts=texts)
        return cls(settings, senders, stored_peppers(Path(settings.secret_file)))

    def callbacks(self, roles: Sequence[Role]) -> Service | None:
        """Return the service for reports; ``None`` if no provider reports. Raises ``ConfigurationError``."""
        delivery, sms = self.settings.delivery, self.settings.sms
        providers = [] if delivery is None else delivery.providers(None if sms is None else sms.twilio)
        return Service(roles[0], callback_table(*providers, also=roles[1:])) if providers else None

    def delegate(self, stores: Stores, listener: Listener) -> Service:
        """Return the delegate."""
        return Service(Delegate(**self._shared("delegate", stores, listener)))

    def identity_server(self, settings: IdentityServerRoleSettings, stores: Stores, listener: Listener) -> Service:
        """Return the identity server. Raises ``ConfigurationError``."""
        from ...identity import (
            Discovery,
            EphemeralKeys,
            HttpOnbind,
            KeyLookup,
            NamedSigner,
            OpenIdLookup,
            XMatrixVerifier,
        )
        from ...net.server_names import FEDERATION_PORT

        key = _signing_key(settings.signing_key_file)
        fetch = self.settings.homeservers.fetch(FEDERATION_PORT)
        discover = Discovery(fetch=fetch)
        role = IdentityServer(
            **self._shared("identity server", stores, listener),
            openid=OpenIdLookup(fetch=fetch, discover=discover),
            logins=SqlLogins(stores.db),
            terms=settings.documents(),
            associations=SqlAssociations(stores.db),
            invitation_keys=EphemeralKeys(self.settings.server_name),
            onbind=HttpOnbind(fetch=fetch, discover=discover),
            invitations=SqlInvitations(stores.db),
            signer=NamedSigner(self.settings.server_name, key),
            verifier=XMatrixVerifier(frozenset({self.settings.server_name}), KeyLookup(fetch=fetch, discover=discover)),
            signed_once=settings.signed_once,
        )
        return Service(role)

    def _shared(self, role: str, stores: Stores, listener: Listener) -> dict[str, Any]:
        # Each role has peppers of its own, so that what one has validated is worth nothing at the other.
        key = hmac.digest(self.secret.current.key, f"matrix_threepid {role}".encode(), "sha256")
        return {
            "server_name": self.settings.server_name,
            "peppers": Peppers.of(key),
            "policy": self.settings.library_policy(),
            "senders": self.senders,
            "sessions": stores.sessions,
            "limiter": stores.limiter,
            "messages": None if self.settings.delivery is None else SqlMessages(stores.db),
            "suppressions": None if self.settings.delivery is None else SqlSuppressions(stores.db),
            "listener": listener,
            "pages": BuiltInPages(self.settings.texts),
        }


def _signing_key(file: str) -> Any:
    from ...identity import read_signing_key

    try:
        return read_signing_key(Path(file).read_text("ascii"))
    except OSError as error:
        raise ConfigurationError(
            f"identity_server.signing_key_file: {error.strerror}; matrix-threepid new-signing-key makes a key"
        ) from None
    except (ConfigurationError, ValueError):
        raise ConfigurationError("identity_server.signing_key_file: must hold ed25519 ID BASE64SEED") from None
