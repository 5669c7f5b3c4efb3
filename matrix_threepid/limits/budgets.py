"""Counts that start anew with every hour or day of the clock, kept by the limiter."""

from __future__ import annotations

from attrs import frozen

from ..events import Event
from ..policy import Limit
from ..ports import Charge
from ..roles.base import Role
from .rate import key_of

HOUR, DAY = 3_600_000, 86_400_000


@frozen
class Budget:
    """So many of something in every hour or day of the clock (UTC); ``length`` in ms."""

    name: str
    allowed: int
    length: int

    def charge(self, role: Role, cost: int = 1) -> Charge:
        """Return a charge against the budget. Its limit refills more slowly than the clock comes round to a new key."""
        key = key_of(role, "budget", self.name, str(role.clock() // self.length))
        return Charge(key, Limit(self.allowed, 1000 / self.length), cost)

    def ends_in(self, role: Role) -> int:
        """Return the ms until the count starts anew."""
        return self.length - role.clock() % self.length


async def used(role: Role, budget: Budget) -> int:
    """Return how much of a budget is used. One more than all of it is never granted, so asking counts nothing."""
    wait = await role.limiter.charge([budget.charge(role, budget.allowed + 1)], role.clock())
    return -(-(wait - budget.length) // budget.length)


async def emit_once(role: Role, budget: Budget, what: str, event: Event) -> None:
    """Tell the listener, unless it heard the same since the budget started anew."""
    if not await role.limiter.charge([_emitting(budget, what).charge(role)], role.clock()):
        role.emit(event)


async def emitted(role: Role, budget: Budget, what: str) -> bool:
    """Return whether the listener was told since the budget started anew, by whatever process."""
    return await role.limiter.charge([_emitting(budget, what).charge(role, cost=0)], role.clock()) > 0


def _emitting(budget: Budget, what: str) -> Budget:
    return Budget(f"{budget.name} {what}", 1, budget.length)
