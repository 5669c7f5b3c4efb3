"""Guesses of codes: counted for each address before they are compared, and the wrong ones over all addresses.

While there are too many wrong ones, new codes are longer: a guess is worth a hundredth then.
"""

from __future__ import annotations

from ..events import ManyWrongCodes
from ..model.threepid import Threepid
from ..ports import Charge
from ..roles.base import Role
from .budgets import HOUR, Budget, emit_once, emitted
from .rate import charge, key_of

_ALARM = "alarm"
ALARM_DIGITS = 8
"""So many digits new codes have at least until the hour of an alarm ends."""


async def charge_guess(role: Role, threepid: Threepid) -> None:
    """Count one guess of a code for an address, over all its sessions. Raises ``LimitExceeded``."""
    key = key_of(role, "guess", threepid.medium.value, threepid.address)
    await charge(role, "guess", [Charge(key, role.policy.limits.guesses)])


async def count_wrong(role: Role) -> None:
    """Count one wrong code, and tell the listener once an hour if there are too many."""
    budget = _wrong_codes(role)
    if await role.limiter.charge([budget.charge(role)], role.clock()):
        await emit_once(role, budget, _ALARM, ManyWrongCodes(budget.allowed))


async def code_digits(role: Role) -> int:
    """Return how many digits a new session's codes have; a session keeps its number, or codes would change length."""
    digits = role.policy.code_digits
    if digits >= ALARM_DIGITS or not await emitted(role, _wrong_codes(role), _ALARM):
        return digits
    return ALARM_DIGITS


def _wrong_codes(role: Role) -> Budget:
    return Budget("wrong codes", role.policy.wrong_codes_alarm, HOUR)
