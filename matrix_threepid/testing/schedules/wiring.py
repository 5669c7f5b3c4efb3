"""The ports of a world under a schedule: each call lets others run before and after it, and may fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Protocol

from ... import ports
from ...model.identity import ServerRefused, Unreachable
from ...model.message import RefusedForNow, Unknown
from ...model.threepid import Medium
from ...ports._checked import checked, checked_sender, given, methods
from ...ports.stores import ChargingSessions
from ...protocol.errors import Unavailable
from ..identity import FakeIdentityServers
from ..world import World
from .tasks import Task
from .turns import turn

SCHEDULED: Mapping[str, type] = {
    "sessions": ports.SessionStore,
    "limiter": ports.RateLimiter,
    "accounts": ports.Accounts,
    "callers": ports.Callers,
    "uia": ports.Uia,
    "rules": ports.AddressRules,
    "bindings": ports.BindingStore,
    "reversals": ports.ReversalStore,
    "identity": ports.IdentityServerClient,
}
"""The ports of a homeserver that calls wait for, senders left out."""
RECORDED: Mapping[str, type] = {"messages": ports.Messages, "suppressions": ports.Suppressions}
"""Those that a homeserver may go without: where messages are not recorded, it does here as well."""


class Hears(Protocol):
    """What hears of the calls of ports."""

    now: Task | None

    def asks(self, task: Task, port: str, method: str) -> None:
        """A call is about to be made."""

    def answered(self, task: Task, port: str, method: str, values: tuple[Any, ...], answer: Any) -> None:
        """A call was made."""

    def everything_seen(self) -> list[Any]:
        """Return the sessions that were stored at any time."""


class Scheduled:
    """A port whose calls wait for their turn; ``port`` is the one behind it."""

    def __init__(self, name: str, protocol: type, port: Any, hears: Hears) -> None:
        self.port, self._hears = port, hears
        for method in methods(protocol):
            setattr(self, method.name, _scheduled(name, method.name, port, hears))
        if name == "sessions" and hasattr(port, "counts_in"):
            self.counts_in = lambda limiter: port.counts_in(behind(limiter))
            for method in methods(ChargingSessions):
                if method.awaited:
                    setattr(self, method.name, _scheduled(name, method.name, port, hears))

    def __getattr__(self, name: str) -> Any:
        if name == "dump":
            return self._hears.everything_seen
        return getattr(self.port, name)


def _scheduled(name: str, method: str, port: Any, hears: Hears) -> Callable[..., Any]:
    ask = getattr(port, method)

    async def asked(*values: Any, **named: Any) -> Any:
        task = hears.now
        if task is None:
            return await ask(*values, **named)
        task.asked += 1
        fault = task.faults.get(task.asked)
        task.excused = task.excused or fault is not None
        hears.asks(task, name, method)
        await turn()
        if fault == "lost" or (fault == "refused" and name in ("sender", "identity")):
            return _failed(name, fault)
        answer = await ask(*values, **named)
        hears.answered(task, name, method, (*values, *named.values()), answer)
        await turn()
        return _failed(name, fault) if fault == "unsaid" else answer

    return asked


def _failed(name: str, fault: str) -> Any:
    """Return what a port that fails answers, or raise what it raises."""
    if name == "sender":
        return RefusedForNow("a fault") if fault == "refused" else Unknown("a fault")
    if name == "identity":
        refused = ServerRefused(403, "M_FORBIDDEN", "a fault")
        return refused if fault == "refused" else Unreachable("a fault", timeout=True)
    raise Unavailable


def wire(world: World, hears: Hears) -> None:
    """Put scheduled ports in the place of a world's own; those that are scheduled already stay."""
    homeserver = world.homeserver
    wired = {name: getattr(homeserver, name) or FakeIdentityServers() for name in SCHEDULED}
    recorded = {name: port for name in RECORDED if (port := getattr(homeserver, name)) is not None}
    kinds = {**SCHEDULED, **RECORDED}
    senders = {Medium.MSISDN: world.sms, **homeserver.senders}
    world.rewire(
        # Wrapped already, since a role compares the signatures of each port that is not: the ports behind were
        # compared when the world was made, and a search makes ten thousand worlds.
        **{
            name: checked(kinds[name], _once(name, kinds[name], port, hears))
            for name, port in {**wired, **recorded}.items()
        },
        senders={
            medium: checked_sender(_once("sender", ports.TokenSender, sender, hears))
            for medium, sender in senders.items()
        },
    )


def _once(name: str, protocol: type, port: Any, hears: Hears) -> Scheduled:
    raw = given(port)
    return raw if isinstance(raw, Scheduled) else Scheduled(name, protocol, raw, hears)


def behind(port: Any) -> Any:
    """Return the port a scheduled one stands for."""
    raw = given(port)
    return raw.port if isinstance(raw, Scheduled) else raw


class CountedBytes:
    """``RandomBytes`` that are the same in every run: the digests of whole numbers."""

    def __init__(self) -> None:
        self._drawn = 0

    def __call__(self, count: int) -> bytes:
        """Return the next bytes, at most 32."""
        self._drawn += 1
        return sha256(str(self._drawn).encode()).digest()[:count]
