"""Guesses of codes: counted for each address before they are compared, and wrong ones over all addresses (SEC-24).

Too many wrong codes over all addresses raise an alarm: new codes have eight digits instead of six until the hour ends,
so that a guess succeeds a hundred times less often. See https://cwe.mitre.org/data/definitions/307.html.
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
"""The least number of digits of new codes until the hour of an alarm ends."""


async def charge_guess(role: Role, threepid: Threepid) -> None:
    """Charge one guess of a code to an address. Raises ``LimitExceeded``."""
    # By address and not by session: a new session must not give new guesses (decision 23).
    key = key_of(role, "guess", threepid.medium.value, threepid.address)
    await charge(role, "guess", [Charge(key, role.policy.limits.guesses)])


async def count_wrong(role: Role) -> None:
    """Count one wrong code over all addresses; emit ``ManyWrongCodes`` once an hour above ``wrong_codes_alarm``."""
    # Guessing a few codes at each of many addresses stays below the limit of every single one.
    budget = _wrong_codes(role)
    if await role.limiter.charge([budget.charge(role)], role.clock()):
        await emit_once(role, budget, _ALARM, ManyWrongCodes(budget.allowed))


async def code_digits(role: Role) -> int:
    """Return the number of digits for the codes of a new session; a session keeps its number."""
    digits = role.policy.code_digits
    if digits >= ALARM_DIGITS or not await emitted(role, _wrong_codes(role), _ALARM):
        return digits
    return ALARM_DIGITS


def _wrong_codes(role: Role) -> Budget:
    return Budget("wrong codes", role.policy.wrong_codes_alarm, HOUR)
