"""Which endpoints, media and ports a wiring has, and which it lacks."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from ...flows.undo import can_secure
from ...logs import LogListener
from ...memory.associations import MemoryAssociations
from ...memory.bindings import MemoryBindings
from ...memory.invitations import MemoryInvitations
from ...memory.limits import MemoryLimits
from ...memory.logins import MemoryLogins
from ...memory.messages import MemoryMessages
from ...memory.reversals import MemoryReversals
from ...memory.sessions import MemorySessions
from ...memory.suppressions import MemorySuppressions
from ...memory.uia_sessions import MemoryUiaSessions
from ...model.media import MEDIA
from ...model.threepid import Medium
from ...ports._checked import given
from ...roles.base import EverythingAllowed, Role
from ...roles.homeserver import Homeserver
from ...senders.console import ConsoleSender
from ...service import Service
from .findings import Finding, Kind
from .sms import of_sms

_IN_MEMORY = (
    MemorySessions,
    MemoryLimits,
    MemoryBindings,
    MemoryReversals,
    MemoryMessages,
    MemorySuppressions,
    MemoryAssociations,
    MemoryLogins,
    MemoryInvitations,
    MemoryUiaSessions,
)
_SILENT = {
    "listener": (LogListener, "events and alarms are only logged"),
    "rules": (EverythingAllowed, "every address is allowed"),
    "gate": (type(None), "whoever is within the limits gets messages sent"),
    "identity": (type(None), "addresses are neither bound nor unbound at identity servers"),
    "onbind": (type(None), "invited people need the link of their mail: their homeservers are told nothing"),
    "verifier": (type(None), "homeservers' signatures on unbinds are not checked"),
}
"""Ports whose default does nothing, and the consequence of each."""


def of_service(service: Service) -> Iterator[Finding]:
    """Yield the findings about a wiring, without its policy."""
    role = service.role
    yield Finding(Kind.FACT, "role", f"{type(role).__name__} of {role.server_name}")
    live = len(role.peppers.live)
    yield Finding(Kind.FACT, "peppers", "1 is live" if live == 1 else f"{live} are live: drop the older one in a day")
    yield from of_ways(role)
    yield from of_no_way(role)
    if role.policy.undo_links and isinstance(role, Homeserver) and not can_secure(role):
        yield Finding(
            Kind.SILENT, "accounts", "without secure(), taking changes back leaves the thief's devices logged in"
        )
    if role.policy.deferred_sending:
        yield Finding(Kind.FACT, "sending", "after the answer: run the jobs of the service (Service.jobs)")
    yield from _off(service)
    yield from _ports(role)


def of_ways(role: Role) -> Iterator[Finding]:
    """Yield where links lead, how messages are sent, and what turns a medium off."""
    yield Finding(Kind.FACT, "links", role.policy.public_base_url or "none: policy.public_base_url is not set")
    for medium, sender in ((medium, given(sender)) for medium, sender in role.senders.items()):
        parts = getattr(sender, "parts", ())
        within = f" of {', '.join(type(part).__name__ for part in parts)}" if parts else ""
        yield Finding(Kind.FACT, medium.value, f"by {type(sender).__name__}{within}{_reach(role, medium)}")
        if (reason := role.medium_off(medium)) is not None:
            yield Finding(Kind.WRONG, medium.value, f"has a sender, but {reason}")
        if any(isinstance(each, ConsoleSender) for each in (sender, *parts)):
            yield Finding(Kind.UNFIT, medium.value, "everyone who reads the terminal can confirm any address")
    yield from of_sms(role)


def of_no_way(role: Role) -> Iterator[Finding]:
    """Yield the finding for a role without any sender."""
    if not role.senders:
        yield Finding(Kind.WRONG, "senders", "there is none, so no address can be validated")


def _reach(role: Role, medium: Medium) -> str:
    """Return where SMS may go, and how many."""
    rules = role.policy.sms
    if not MEDIA[medium].costs or not rules.countries:
        return ""
    many = f"{rules.budget_per_hour} an hour, {rules.budget_per_day} a day, {rules.budget_per_country} a day to each"
    return f", to {', '.join(sorted(rules.countries))}; {many}"


def _off(service: Service) -> Iterator[Finding]:
    for declared in service.table.endpoints:
        if declared.name in service.off:
            yield Finding(Kind.OFF, f"{declared.method} {declared.path}", service.off[declared.name])


def _ports(role: Role) -> Iterator[Finding]:
    unused = {
        "reversals": not role.policy.undo_links,
        "uia_sessions": getattr(role, "keeper", None) is None,
        # A homeserver has one for invitations from other servers, which only hosts with rooms take.
        "verifier": isinstance(role, Homeserver) and role.rooms is None,
    }
    for field in attrs.fields(type(role)):
        port = given(getattr(role, field.name))
        silent, meaning = _SILENT.get(field.name, ((), ""))
        if unused.get(field.name):
            continue
        if isinstance(port, _IN_MEMORY):
            yield Finding(Kind.UNFIT, field.name, "in memory: lost at a restart, not shared between processes")
        elif isinstance(port, silent):
            yield Finding(Kind.SILENT, field.name, meaning)
