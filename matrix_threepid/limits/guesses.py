"""Guesses of codes: counted for each address before they are compared, and wrong ones over all addresses (SEC-24).

Too many wrong codes over all addresses raise an alarm: new codes have eight digits instead of six until the hour ends,
so that a guess succeeds a hundred times less often. See https://cwe.mitre.org/data/definitions/307.html.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from attrs import frozen

from ..events import ManyWrongCodes
from ..model.call import Call
from ..model.session import Session
from ..model.threepid import Threepid
from ..roles.base import Role
from .counting import DAY, HOUR, Counter, charged, happened, once, period, refuse, used
from .rate import address_parts, is_owner, known_network, shared, validating_network

_ALARM = "alarm"
ALARM_DIGITS = 8
"""The least number of digits of new codes until the hour of an alarm ends."""


@frozen
class Guess:
    """What became of the charge of a guess.

    * ``counters``: what was charged with the session.
    * ``compared``: whether the code may be compared. Default ``True``.
    * ``wait``: the ms that the client is told to wait unless the code is right; 0 (default) if it is told that the code
      is wrong.
    """

    counters: Sequence[Counter]
    compared: bool = True
    wait: int = 0


async def charge_guess(
    role: Role, call: Call, session: Session, take: Callable[[Sequence[Counter]], Awaitable[int]]
) -> Guess:
    """Charge one guess of a code to the address of a session; return what came of it. Raises ``LimitExceeded``.

    * ``role``: gives policy, limiter and accounts.
    * ``call``: the call, for its client network.
    * ``session``: the session, for its address and its owner.
    * ``take``: charges counters, all or none; returns 0, or the ms until all would be granted.

    Some are kept for the user who has the address, and for networks from which it was validated.
    """
    # By address and not by session: a new session must not give new guesses (decision 23).
    threepid = session.threepid
    anybody, owners = guesses_of(role, threepid)
    counters = [anybody]
    wait = await take(counters)
    if wait and owners is not None:
        known = known_network(role, call, threepid)
        if any(await used(role, known)) or await is_owner(role, session.owner, threepid):
            counters = [owners]
            wait = await take(counters)
        elif role.policy.hide_known_addresses and role.sees_clients:
            return await _quiet_guess(role, call, threepid, owners, wait)
    if wait:
        refuse(role, "guess", wait)
    return Guess(counters)


async def _quiet_guess(role: Role, call: Call, threepid: Threepid, owners: Counter, wait: int) -> Guess:
    """Return the guess of a client whose network must not learn whether the address was validated from it.

    What is kept for the owner is compared for such a network, and the answer tells of it only if the code is right,
    which whoever reads it knows. Everybody else is charged as much, for nothing, so that the answers take as long.
    """
    known = any(await used(role, validating_network(role, call, threepid)))
    nothing = period("owner guess", owners.limit.burst, DAY, *address_parts(threepid), call.client)
    granted = not await charged(role, [owners if known else nothing])
    return Guess((), compared=known and granted, wait=wait)


def guesses_of(role: Role, threepid: Threepid) -> tuple[Counter, Counter | None]:
    """Return what counts the guesses of an address in a day: anybody's, and those kept for its owner, if there are."""
    limits, parts = role.policy.limits, address_parts(threepid)
    anybody, kept = shared(limits.guesses, limits.guesses_kept)
    return period("guess", anybody, DAY, *parts), period("owner guess", kept, DAY, *parts) if kept else None


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
