"""Guesses of codes: counted for each address before they are compared, and wrong ones over all addresses (SEC-24).

Too many wrong codes over all addresses raise an alarm: new codes have eight digits instead of six until the hour ends,
so that a guess succeeds a hundred times less often. See https://cwe.mitre.org/data/definitions/307.html.
"""

from __future__ import annotations

from ..events import ManyWrongCodes
from ..model.threepid import Threepid
from ..roles.base import Role
from .counting import DAY, HOUR, Counter, charge, charged, happened, once, period

_ALARM = "alarm"
ALARM_DIGITS = 8
"""The least number of digits of new codes until the hour of an alarm ends."""


async def charge_guess(role: Role, threepid: Threepid) -> None:
    """Charge one guess of a code to an address. Raises ``LimitExceeded``."""
    # By address and not by session: a new session must not give new guesses (decision 23).
    await charge(role, "guess", [_guesses(role, threepid)])


async def count_wrong(role: Role) -> None:
    """Count one wrong code over all addresses; emit ``ManyWrongCodes`` once an hour above ``wrong_codes_alarm``."""
    # Guessing a few codes at each of many addresses stays below the limit of every single one.
    budget = _wrong_codes(role)
    if await charged(role, [budget]) and await once(role, budget, _ALARM):
        role.emit(ManyWrongCodes(role.policy.wrong_codes_alarm))


async def code_digits(role: Role) -> int:
    """Return the number of digits for the codes of a new session; a session keeps its number."""
    digits = role.policy.code_digits
    if digits >= ALARM_DIGITS or not await happened(role, _wrong_codes(role), _ALARM):
        return digits
    return ALARM_DIGITS


def _guesses(role: Role, threepid: Threepid) -> Counter:
    return period("guess", role.policy.limits.guesses, DAY, threepid.medium.value, threepid.address)


def _wrong_codes(role: Role) -> Counter:
    return period("wrong codes", role.policy.wrong_codes_alarm, HOUR)
