"""For tests of hosts and back ends: fakes, a world around them, and what must hold after every test."""

from .fakes import PASSWORD, Events, FakeAccounts, FakeCallers, FakeClock, FakeUia, Outbox, Rules
from .invariants import check_invariants
from .world import ALICE, BASE_URL, BOB, GENEROUS, World

__all__ = [
    "ALICE",
    "BASE_URL",
    "BOB",
    "GENEROUS",
    "PASSWORD",
    "Events",
    "FakeAccounts",
    "FakeCallers",
    "FakeClock",
    "FakeUia",
    "Outbox",
    "Rules",
    "World",
    "check_invariants",
]
