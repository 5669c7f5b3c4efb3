"""Outages of what an identity server is reached by: who binds an address, and who logs in there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ..hosts.housekeeping import keep_house
from ..policy import Policy
from ..testing.outages.faults import Outage
from ..testing.outages.people import Person
from ..testing.outages.town import Town
from .people import A_DAY, LAST_LOOK, TRIES

_HOUR, _LASTS = 3600.0, 600.0
_AGAIN = TRIES[1]
_LONGEST = TRIES[-1] + LAST_LOOK


async def bound_in_outage(
    outage: Outage, policy: Policy, seed: int
) -> tuple[int, Sequence[float | None], Sequence[float | None]]:
    """Rehearse an hour that begins with ten minutes of an outage.

    Return the number of mails, and how many s each of fifty people needed to bind an address and of fifty others to log
    in at the identity server; ``None`` for who did not within 45 minutes.
    """
    town = Town(seed, policy, {})
    house = asyncio.ensure_future(keep_house(*town.services.values()))
    town.conditions.outage = outage
    begins = [town.conditions.chance.random() * _HOUR for _ in range(A_DAY)]
    lives = [asyncio.ensure_future(_lived(Person(town, at, again=_AGAIN), when)) for at, when in enumerate(begins)]
    await town.until(_LASTS)
    town.conditions.outage = {}
    await asyncio.wait(lives, timeout=_HOUR + _LONGEST - _LASTS)
    house.cancel()
    waited = [life.result() if life.done() else None for life in lives]
    mails = sum(len(sender.handed) for sender in town.senders.values())
    return mails, waited[::2], waited[1::2]


async def _lived(person: Person, begins: float) -> float | None:
    await person.town.until(begins)
    await person.log_in()
    if person.number % 2 == 0:
        await person.bind()
    took = person.town.passed - begins
    return took if took < _LONGEST else None
