"""For tests of hosts and back ends: fakes, a world around them, and what must hold after every test."""

from .fakes import PASSWORD, Events, FakeAccounts, FakeCallers, FakeClock, FakeUia, Outbox, Rules
from .identity import FakeIdentityServers
from .invariants import check_invariants
from .world import ALICE, BASE_URL, BOB, GENEROUS, GENEROUS_SMS, World

__all__ = [
    "ALICE",
    "BASE_URL",
    "BOB",
    "GENEROUS",
    "GENEROUS_SMS",
    "PASSWORD",
    "Events",
    "FakeAccounts",
    "FakeCallers",
    "FakeClock",
    "FakeIdentityServers",
    "FakeUia",
    "Outbox",
    "Rules",
    "World",
    "check_invariants",
]
