"""What a wiring has and lacks: endpoints, ways to addresses, ports."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from ...memory.associations import MemoryAssociations
from ...memory.bindings import MemoryBindings
from ...memory.limits import MemoryLimits
from ...memory.sessions import MemorySessions
from ...model.media import MEDIA
from ...model.threepid import Medium
from ...ports._checked import given
from ...roles.base import EverythingAllowed, Role, Silence
from ...senders.console import ConsoleSender
from ...service import Service
from .findings import Finding, Kind

_IN_MEMORY = (MemorySessions, MemoryLimits, MemoryBindings, MemoryAssociations)
_SILENT = {
    "listener": (Silence, "nobody hears of events and alarms"),
    "rules": (EverythingAllowed, "every address is allowed"),
    "identity": (type(None), "nothing is published at identity servers, nor taken back there"),
    "verifier": (type(None), "homeservers' signatures on unbinds are not checked"),
}
"""Ports whose default does nothing, and what that means."""


def of_service(service: Service) -> Iterator[Finding]:
    """Yield what there is to say of a wiring, its policy left aside."""
    role = service.role
    yield Finding(Kind.FACT, "role", f"{type(role).__name__} of {role.server_name}")
    live = len(role.peppers.live)
    yield Finding(Kind.FACT, "peppers", "1 is live" if live == 1 else f"{live} are live: drop the older one in a day")
    yield from of_ways(role)
    yield from of_no_way(role)
    if role.policy.deferred_sending:
        yield Finding(Kind.FACT, "sending", "after the answer: have the jobs of the service run (Service.jobs)")
    yield from _off(service)
    yield from _ports(role)


def of_ways(role: Role) -> Iterator[Finding]:
    """Yield where links lead, how addresses are reached, and what keeps them from being validated."""
    yield Finding(Kind.FACT, "links", role.policy.public_base_url or "none: policy.public_base_url is not set")
    for medium, sender in ((medium, given(sender)) for medium, sender in role.senders.items()):
        yield Finding(Kind.FACT, medium.value, f"by {type(sender).__name__}{_reach(role, medium)}")
        if (reason := role.medium_off(medium)) is not None:
            yield Finding(Kind.WRONG, medium.value, f"has a sender, but {reason}")
        if isinstance(sender, ConsoleSender):
            yield Finding(Kind.UNFIT, medium.value, "whoever reads the terminal can confirm any address")


def of_no_way(role: Role) -> Iterator[Finding]:
    """Yield what it means that there is no sender at all."""
    if not role.senders:
        yield Finding(Kind.WRONG, "senders", "there is none, so no address can be validated")


def _reach(role: Role, medium: Medium) -> str:
    """Say where SMS may go, and how many."""
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
    for field in attrs.fields(type(role)):
        port = given(getattr(role, field.name))
        silent, meaning = _SILENT.get(field.name, ((), ""))
        if isinstance(port, _IN_MEMORY):
            yield Finding(Kind.UNFIT, field.name, "in memory: lost at a restart, not shared between processes")
        elif isinstance(port, silent):
            yield Finding(Kind.SILENT, field.name, meaning)
