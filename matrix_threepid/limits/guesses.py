"""Guesses of codes: counted for each address before they are compared, and wrong ones over all addresses (SEC-24).

Too many wrong codes over all addresses raise an alarm: new codes have eight digits instead of six until the hour ends,
so that a guess succeeds a hundred times less often. See https://cwe.mitre.org/data/definitions/307.html.
"""

from __future__ import annotations

from ..events import ManyWrongCodes
from ..model.call import Call
from ..model.session import Session
from ..roles.base import Role
from .counting import DAY, HOUR, Counter, charge, charged, happened, once, period, refuse, used
from .rate import address_parts, is_owner, known_network, shared

_ALARM = "alarm"
ALARM_DIGITS = 8
"""The least number of digits of new codes until the hour of an alarm ends."""


async def charge_guess(role: Role, call: Call, session: Session) -> list[Counter]:
    """Charge one guess of a code to the address of a session; return what was charged. Raises ``LimitExceeded``.

    * ``role``: gives policy, limiter and accounts.
    * ``call``: the call, for its client network.
    * ``session``: the session, for its address and its owner.

    Some are kept for the user who has the address, and for networks from which it was validated.
    """
    # By address and not by session: a new session must not give new guesses (decision 23).
    threepid, limits = session.threepid, role.policy.limits
    anybody, kept = shared(limits.guesses, limits.guesses_kept)
    counter = period("guess", anybody, DAY, *address_parts(threepid))
    wait = await charged(role, [counter])
    if not wait:
        return [counter]
    known = known_network(role, call, threepid)
    if not kept or not (any(await used(role, known)) or await is_owner(role, session.owner, threepid)):
        refuse(role, "guess", wait)
    counter = period("owner guess", kept, DAY, *address_parts(threepid))
    await charge(role, "guess", [counter])
    return [counter]


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


def _wrong_codes(role: Role) -> Counter:
    return period("wrong codes", role.policy.wrong_codes_alarm, HOUR)
