"""Guesses of codes: counted for each address before they are compared, and the wrong ones over all addresses."""

from __future__ import annotations

from .budgets import HOUR, Budget, tell_once
from .events import ManyWrongCodes
from .limiting import key_of, spend
from .model.threepid import Threepid
from .ports import Take
from .role import Role


async def charge_guess(role: Role, threepid: Threepid) -> None:
    """Count one guess of a code for an address, over all its sessions. Raises ``LimitExceeded``."""
    key = key_of(role, "guess", threepid.medium.value, threepid.address)
    await spend(role, "guess", [Take(key, role.policy.limits.guesses)])


async def count_wrong(role: Role) -> None:
    """Count one wrong code, and tell the listener once an hour if there are too many."""
    budget = Budget("wrong codes", role.policy.wrong_codes_alarm, HOUR)
    if await role.limiter.spend([budget.take(role)], role.clock()):
        await tell_once(role, budget, "alarm", ManyWrongCodes(budget.allowed))
