"""``Homeserver``: the ports a host gives, checked when they are put together."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from . import ports
from .events import Event
from .memory.limits import MemoryLimits
from .memory.sessions import MemorySessions
from .model.keys import Peppers, random_text
from .model.threepid import Medium, Purpose, Threepid
from .pages import BuiltInPages
from .policy import Policy
from .protocol.errors import ConfigurationError

SID_BYTES = 16


def system_clock() -> int:
    """Return the time of this machine in ms."""
    return time.time_ns() // 1_000_000


class Silence:
    """A ``Listener`` that hears nothing."""

    def on(self, event: Event) -> None:
        return None


class EverythingAllowed:
    """``AddressRules`` without rules."""

    async def allows(self, threepid: Threepid, purpose: Purpose, user_id: str | None) -> bool:
        return True


def _fits(protocol: type) -> Any:
    """Return an attrs validator: the value must have every method of the protocol."""
    wanted = [name for name, value in vars(protocol).items() if callable(value) and not name.startswith("_")]

    def check(_: object, attribute: Any, port: object) -> None:
        lacking = [name for name in wanted if not callable(getattr(port, name, None))]
        if lacking:
            calls = ", ".join(f"{name}()" for name in lacking)
            raise ConfigurationError(f"{attribute.name}={type(port).__name__} lacks {calls}")

    return check


def _fit_senders(instance: object, attribute: Any, senders: Mapping[Medium, object]) -> None:
    for medium, sender in senders.items():
        if not isinstance(medium, Medium):
            raise ConfigurationError(f"senders: {medium!r} is no Medium")
        _fits(ports.TokenSender)(instance, attribute, sender)


@frozen(kw_only=True, slots=False)
class Homeserver:
    """A homeserver, as far as third-party identifiers go.

    ``server_name``: shown in messages. ``accounts``, ``callers``, ``uia``: the host's own; ``peppers``: its
    secret keys. Everything else has a default that is safe for one process; ``senders`` maps a ``Medium`` to a
    ``TokenSender``. Raises ``ConfigurationError`` naming what is wrong.
    """

    server_name: str
    accounts: ports.Accounts = field(validator=_fits(ports.Accounts), repr=False)
    callers: ports.Callers = field(validator=_fits(ports.Callers), repr=False)
    uia: ports.Uia = field(validator=_fits(ports.Uia), repr=False)
    peppers: Peppers
    policy: Policy = Policy()
    senders: Mapping[Medium, ports.TokenSender] = field(factory=dict, validator=_fit_senders, repr=False)
    sessions: ports.SessionStore = field(factory=MemorySessions, validator=_fits(ports.SessionStore), repr=False)
    limiter: ports.RateLimiter = field(factory=MemoryLimits, validator=_fits(ports.RateLimiter), repr=False)
    rules: ports.AddressRules = field(factory=EverythingAllowed, validator=_fits(ports.AddressRules), repr=False)
    listener: ports.Listener = field(factory=Silence, validator=_fits(ports.Listener), repr=False)
    pages: ports.Pages = field(factory=BuiltInPages, validator=_fits(ports.Pages), repr=False)
    clock: ports.Clock = field(default=system_clock, repr=False)
    chance: ports.Chance = field(default=secrets.token_bytes, repr=False)

    def medium_off(self, medium: Medium) -> str | None:
        """Return why addresses of this medium cannot be validated, or ``None`` if they can."""
        if medium not in self.senders:
            return f"no sender for {medium.value} is wired"
        if self.policy.public_base_url is None:
            return "policy.public_base_url is not set"
        return None

    def new_sid(self) -> str:
        """Return a fresh session id of 128 random bits."""
        return random_text(self.chance(SID_BYTES))
