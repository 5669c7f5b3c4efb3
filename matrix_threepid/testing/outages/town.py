"""``Town``: a homeserver and an identity server in virtual time, whose parts fail as the conditions say."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import count
from random import Random
from typing import Any

from attrs import define, evolve, field, frozen

from ... import ports
from ...identity.breaker import Breaker
from ...identity.client import HttpIdentityClient
from ...identity.key_lookup import KeyLookup
from ...identity.openid import OpenIdLookup
from ...identity.signed_requests import RequestSigner, XMatrixVerifier
from ...identity.signing import NamedSigner
from ...memory.associations import MemoryAssociations
from ...memory.bindings import MemoryBindings
from ...memory.limits import MemoryLimits
from ...memory.logins import MemoryLogins
from ...memory.reversals import MemoryReversals
from ...memory.sessions import MemorySessions
from ...memory.uia_sessions import MemoryUiaSessions
from ...model.keys import Peppers
from ...model.threepid import Medium
from ...policy import Policy
from ...protocol.wire import Request, Response
from ...roles.base import Silence
from ...roles.homeserver import Homeserver
from ...roles.identity_server import IdentityServer
from ...service import Service
from ..fake_accounts import FakeAccounts, FakeCallers, FakeKeeper, FakeUia
from ..fakes import Outbox
from ..world import GENEROUS, GENEROUS_SMS, PEPPER
from .faults import Conditions, Part
from .net import Net
from .parts import Sending, Stored
from .servers import HOMESERVER, IDENTITY_SERVER, identity_server, key_of, key_server

BEGIN = 1_767_225_600_000
"""The time at which a town begins, in ms."""
_OF_HOMESERVER: Mapping[str, tuple[type, type]] = {
    "accounts": (ports.Accounts, FakeAccounts),
    "callers": (ports.Callers, FakeCallers),
    "uia": (ports.Uia, FakeUia),
    "sessions": (ports.SessionStore, MemorySessions),
    "limiter": (ports.RateLimiter, MemoryLimits),
    "bindings": (ports.BindingStore, MemoryBindings),
    "reversals": (ports.ReversalStore, MemoryReversals),
    "uia_sessions": (ports.UiaSessionStore, MemoryUiaSessions),
}
_OF_IDENTITY_SERVER: Mapping[str, tuple[type, type]] = {
    "sessions": (ports.SessionStore, MemorySessions),
    "limiter": (ports.RateLimiter, MemoryLimits),
    "logins": (ports.LoginStore, MemoryLogins),
    "associations": (ports.AssociationStore, MemoryAssociations),
}
_SENDERS = {Medium.EMAIL: Part.MAIL, Medium.MSISDN: Part.SMS}


@frozen
class Answered:
    """A request that was answered.

    * ``step``: what was asked for.
    * ``at``, ``took``: when it began, and how long it took, in s.
    * ``status``: the status; 500 for an exception.
    * ``says``: the errcode, or the exception.
    """

    step: str
    at: float
    took: float
    status: int
    says: str = ""


@define(eq=False)
class Town:
    """What people use.

    * ``seed``: decides what is drawn.
    * ``policy``: the policy, or choices that replace the defaults, by name, with limits that nobody reaches.
    * ``given``: ports that replace those of the homeserver, by name; ``senders`` is a dict.
    * ``conditions``: what fails; nothing at first.
    * ``answers``: every request that was answered.
    """

    seed: int
    policy: Policy | Mapping[str, Any]
    given: Mapping[str, Any]
    conditions: Conditions = field(init=False)
    answers: list[Answered] = field(init=False, factory=list)
    senders: dict[Medium, Sending] = field(init=False)
    homeserver: Homeserver = field(init=False)
    identity_server: IdentityServer = field(init=False)
    services: dict[str, Service] = field(init=False)
    _begun: float = field(init=False)
    _from: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        chance, turns = Random(self.seed), count()  # noqa: S311  an order, no secret
        self.conditions = Conditions(chance)
        self._begun = self._from = asyncio.get_running_loop().time()
        net = Net(self.conditions)
        net.servers = {
            IDENTITY_SERVER: identity_server(lambda: self.services[IDENTITY_SERVER], lambda: next(turns)),
            HOMESERVER: key_server(self.now, lambda: next(turns)),
        }
        mine = self.given.get("senders", {})
        self.senders = {
            medium: Sending(part, mine.get(medium) or Outbox(), self.conditions) for medium, part in _SENDERS.items()
        }
        policy = self.policy
        if not isinstance(policy, Policy):
            choices: dict[str, Any] = {"limits": GENEROUS, "sms": GENEROUS_SMS, **policy}
            policy = Policy(**choices)
        shared: dict[str, Any] = {
            "peppers": Peppers.of(PEPPER),
            "senders": self.senders,
            "listener": Silence(),
            "clock": self.now,
            "random_bytes": chance.randbytes,
        }
        client = HttpIdentityClient(net, RequestSigner(HOMESERVER, key_of(HOMESERVER)), Breaker(clock=self.now))
        beside = {name: port for name, port in self.given.items() if name not in (*_OF_HOMESERVER, "keeper", "senders")}
        stored = self._stored(_OF_HOMESERVER, self.given)
        keeper = self.given.get("keeper") or FakeKeeper(stored["accounts"].port, HOMESERVER)
        stored["keeper"] = Stored(ports.AccountKeeper, keeper, self.conditions)
        self.homeserver = Homeserver(
            server_name=HOMESERVER,
            policy=evolve(policy, public_base_url=f"https://{HOMESERVER}"),
            **{"identity": client, **shared, **stored, **beside},
        )
        self.identity_server = IdentityServer(
            server_name=IDENTITY_SERVER,
            policy=evolve(policy, public_base_url=f"https://{IDENTITY_SERVER}"),
            openid=OpenIdLookup(fetch=net),
            signer=NamedSigner(IDENTITY_SERVER, key_of(IDENTITY_SERVER)),
            # No key is kept, so that every unbind needs the key server.
            verifier=XMatrixVerifier([IDENTITY_SERVER], KeyLookup(fetch=net, clock=self.now, max_servers=0)),
            **shared,
            **self._stored(_OF_IDENTITY_SERVER, {}),
        )
        self.services = {HOMESERVER: Service(self.homeserver), IDENTITY_SERVER: Service(self.identity_server)}

    def _stored(self, kinds: Mapping[str, tuple[type, type]], given: Mapping[str, Any]) -> dict[str, Any]:
        """Return ports behind the database: those given, and for others ports in memory."""
        return {
            name: Stored(protocol, given.get(name) or kind(), self.conditions)
            for name, (protocol, kind) in kinds.items()
        }

    def begin(self) -> None:
        """Count the time from now on."""
        self._from = asyncio.get_running_loop().time()

    @property
    def passed(self) -> float:
        """The s that have passed since the beginning."""
        return asyncio.get_running_loop().time() - self._from

    def now(self) -> int:
        """Return the time in ms of the wall clock."""
        return BEGIN + round((asyncio.get_running_loop().time() - self._begun) * 1000)

    async def until(self, moment: float) -> None:
        """Wait until so many s have passed."""
        await asyncio.sleep(max(0.0, moment - self.passed))

    async def ask(self, step: str, server: str, request: Request) -> Response | None:
        """Make a request of a server and note how it was answered; return ``None`` for an exception."""
        at = self.passed
        try:
            response = await self.services[server].handle(request)
        except Exception as error:  # what a host answers with 500
            self.answers.append(Answered(step, at, self.passed - at, 500, repr(error)))
            return None
        says = str(response.json().get("errcode", "")) if response.status >= 400 and _is_json(response) else ""
        self.answers.append(Answered(step, at, self.passed - at, response.status, says))
        return response


def _is_json(response: Response) -> bool:
    return (response.header("Content-Type") or "").startswith("application/json")
