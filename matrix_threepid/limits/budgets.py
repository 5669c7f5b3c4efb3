"""Budgets: counts that start again at 0 with every hour or day of the clock (UTC), kept by the limiter.

The limiter only knows limits that refill. A budget is such a limit under a key that changes with every hour or day.
"""

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
    """A number of charges in every hour or day of the clock (UTC).

    * ``name``: part of the key; budgets of one name share their count.
    * ``allowed``: the charges granted in each period.
    * ``length``: the length of the period, in ms.
    """

    name: str
    allowed: int
    length: int

    def charge(self, role: Role, cost: int = 1) -> Charge:
        """Return a charge against the budget.

        * ``role``: gives the clock, and the pepper for the key.
        * ``cost``: the number of charges; 0 only asks. Default 1.
        """
        # ``1000 / length`` refills one charge in ``length`` ms, the length of a period. So less than one charge refills
        # between the first charge of a period and the next period, which has another key.
        key = key_of(role, "budget", self.name, str(role.clock() // self.length))
        return Charge(key, Limit(self.allowed, 1000 / self.length), cost)

    def ends_in(self, role: Role) -> int:
        """Return the ms until the next period begins."""
        return self.length - role.clock() % self.length


async def used(role: Role, budget: Budget) -> int:
    """Return how many charges of the current period are used; asking charges nothing."""
    # A cost of ``allowed + 1`` is above the burst and so is always refused, which counts nothing. ``Limit.charge``
    # answers a refusal with the wait, where ``base`` is the time from which the key is completely refilled:
    #     wait = base + interval * (allowed + 1) - now - interval * allowed = (base - now) + interval
    # The interval is ``length``, and each charge moves ``base`` on by one interval. Hence
    #     (wait - length) / length = (base - now) / length = charges used, less what has refilled since the first one.
    # Less than one charge refills in a period, so the next whole number is the count. ``-(-a // b)`` rounds a / b up.
    wait = await role.limiter.charge([budget.charge(role, budget.allowed + 1)], role.clock())
    return -(-(wait - budget.length) // budget.length)


async def emit_once(role: Role, budget: Budget, what: str, event: Event) -> None:
    """Emit an event at most once in each period of a budget, whichever process is first.

    * ``role``: gives limiter, clock and listener.
    * ``budget``: the budget that names the period.
    * ``what``: names the event among those of the budget.
    * ``event``: the event.
    """
    if not await role.limiter.charge([_emitting(budget, what).charge(role)], role.clock()):
        role.emit(event)


async def emitted(role: Role, budget: Budget, what: str) -> bool:
    """Return whether any process has emitted ``what`` in the current period of the budget; cost 0 only asks."""
    return await role.limiter.charge([_emitting(budget, what).charge(role, cost=0)], role.clock()) > 0


def _emitting(budget: Budget, what: str) -> Budget:
    return Budget(f"{budget.name} {what}", 1, budget.length)
