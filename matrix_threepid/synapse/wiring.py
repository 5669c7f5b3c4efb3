"""Makes roles from a Synapse and the settings of the module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve, frozen

from ..memory.bindings import MemoryBindings
from ..memory.limits import MemoryLimits
from ..memory.sessions import MemorySessions
from ..model.threepid import Medium
from ..observing import Listeners, SqlAudit
from ..policy import Policy
from ..ports import TokenSender, system_clock
from ..roles.homeserver import Homeserver
from ..roles.identity_server import Delegate
from ..settings import IdentityServerSettings
from ..settings.secret import stored_peppers
from ..stores.sql import (
    Operation,
    SqlLimits,
    SqlMessages,
    SqlReversals,
    SqlSessions,
    SqlSuppressions,
    migrate,
)
from ..texts.catalogue import Texts
from ..texts.pages import BuiltInPages
from .authentication import SynapseUia
from .bindings import SharedBindings
from .database import SynapseDatabase
from .host import SynapseAccounts, SynapseCallers, SynapseRules
from .mail import SynapseMailer
from .metrics import Metrics
from .private import Inside
from .settings import ModuleSettings
from .shadow_ports import ShadowAccounts, ShadowCallers, ShadowIdentity, ShadowSender, ShadowUia, Silent

if TYPE_CHECKING:
    from synapse.module_api import ModuleApi

    from ..identity.client import HttpIdentityClient

T = TypeVar("T")


class Prepared:
    """Synapse's database, in which the library's tables are migrated before they are first used."""

    def __init__(self, api: ModuleApi) -> None:
        self._db = SynapseDatabase(api)
        self._ready = False

    @property
    def dialect(self) -> str:
        """``"sqlite"`` or ``"postgresql"``."""
        return self._db.dialect

    async def run(self, operation: Callable[[], Operation[T]], /) -> T:
        """Run one operation as one transaction. Raises ``ConfigurationError`` if a later release made the tables."""
        await self.prepare()
        return await self._db.run(operation)

    async def prepare(self) -> None:
        """Create or migrate the tables, once. Raises ``ConfigurationError``."""
        if not self._ready:
            await migrate(self._db)
            self._ready = True


@frozen
class Wiring:
    """The parts of which the roles are made.

    Senders and the client of identity servers have threads of their own, as many as they may need at most: Synapse's
    pool also serves Synapse's look-ups and media, which a slow mail server must not delay.
    """

    settings: ModuleSettings
    api: ModuleApi
    db: Prepared

    def audit(self) -> SqlAudit | None:
        """Return the audit; ``None`` without ``administration_path``."""
        if self.settings.administration_path is None:
            return None
        return SqlAudit(self.db, stored_peppers(Path(self.settings.secret_file)))

    def delegate(self) -> Delegate:
        """Return the role that sends SMS for Synapse's own endpoints."""
        return Delegate(**self._shared(self._senders(Medium.MSISDN)), **self._recorded(), policy=self._policy())

    def homeserver(self, inside: Inside, audit: SqlAudit | None = None) -> Homeserver:
        """Return the role that serves Synapse's users.

        * ``audit``: hears what happens, too; default ``None``: there is none.
        """
        shared = self._shared(self._senders(*Medium))
        if audit is not None:
            shared["listener"] = Listeners(shared["listener"], audit)
        return Homeserver(
            **shared,
            **self._recorded(),
            policy=self._own_policy(),
            accounts=SynapseAccounts(self.api, self.db, inside, system_clock),
            callers=SynapseCallers(self.api, inside),
            uia=SynapseUia(self.api, inside),
            rules=SynapseRules(inside),
            bindings=SharedBindings(self.db, system_clock),
            reversals=SqlReversals(self.db),
            identity=self._identity(inside),
        )

    def shadow(self, inside: Inside) -> Homeserver:
        """Return the role of ``endpoints: shadow``: what it keeps is in memory, and nothing is sent or changed."""
        accounts = SynapseAccounts(self.api, self.db, inside, system_clock)
        kept = {"sessions": MemorySessions(), "limiter": MemoryLimits(), "listener": Silent()}
        return Homeserver(
            **{**self._shared({medium: ShadowSender() for medium in self._senders(*Medium)}), **kept},
            policy=self._own_policy(),
            accounts=ShadowAccounts(accounts, self.db),
            callers=ShadowCallers(inside),
            uia=ShadowUia(),
            rules=SynapseRules(inside),
            bindings=MemoryBindings(),
            identity=ShadowIdentity(),
        )

    def _shared(self, senders: Mapping[Medium, TokenSender]) -> dict[str, Any]:
        return {
            "server_name": self.api.server_name,
            "peppers": stored_peppers(Path(self.settings.secret_file)),
            "senders": senders,
            "sessions": SqlSessions(self.db),
            "limiter": SqlLimits(self.db),
            "listener": Metrics(),
            "pages": BuiltInPages(self.settings.texts),
        }

    def _recorded(self) -> dict[str, Any]:
        """Return the stores of what becomes of messages; none without ``delivery``."""
        if self.settings.delivery is None:
            return {}
        return {"messages": SqlMessages(self.db), "suppressions": SqlSuppressions(self.db)}

    def _senders(self, *media: Medium) -> dict[Medium, TokenSender]:
        ways = {Medium.EMAIL: self._mail, Medium.MSISDN: self._sms}
        made = {medium: way() for medium, way in ways.items() if medium in media}
        return {medium: sender for medium, sender in made.items() if sender is not None}

    @property
    def _texts(self) -> Texts:
        return Texts(self.settings.texts)

    def _mail(self) -> TokenSender | None:
        email, name = self.settings.email, self.api.server_name
        if email is None:
            return None
        return email.smtp.sender(name, texts=self._texts) if email.smtp else SynapseMailer(self.api, name, self._texts)

    def _sms(self) -> TokenSender | None:
        return self.settings.sms.sender(texts=self._texts) if self.settings.sms else None

    def _identity(self, inside: Inside) -> HttpIdentityClient:
        from ..identity.client import HttpIdentityClient
        from ..identity.signed_requests import RequestSigner

        servers = self.settings.identity_servers or IdentityServerSettings()
        signer = RequestSigner(self.api.server_name, inside.signing_key)
        return HttpIdentityClient(servers.fetch(allowed=self._policy().identity_servers), signer)

    def _policy(self) -> Policy:
        return self.settings.library_policy(self.api.public_baseurl)

    def _own_policy(self) -> Policy:
        """Return the policy of the homeserver.

        A claim lasts as long as the proof, since Synapse keeps proofs with its own UIA sessions. A refusal of an
        identity server is put in the queue, so that it does not stop a deactivation.
        """
        policy = self._policy()
        lifetimes = evolve(policy.lifetimes, claim=policy.lifetimes.validated)
        return evolve(policy, lifetimes=lifetimes, identity_server_refusal="queue")
