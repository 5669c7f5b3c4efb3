"""Look up users by addresses, and rotate the pepper of the hashes without refusing a look-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..limits.counting import DAY, charge, period
from ..limits.rate import asker_of
from ..model.call import Call
from ..model.keys import random_text
from ..model.lookup import LookupPepper, served
from ..protocol.errors import Unavailable
from ..roles.identity_server import IdentityServer

PART = 10
"""The largest number of associations that one transaction hashes anew; binds may have to wait for it to end.

Each of them changes leaves of three indexes in no order, so that a commit of many waits long for the disk.
"""
_PEPPER_BYTES = 16


async def peppers_of(role: IdentityServer) -> list[LookupPepper]:
    """Return the peppers that clients may use, the newest first; the first one is made when it is first asked for.

    Raises ``Unavailable`` while the associations of a server from before look-ups are hashed for the first time.
    """
    usable = served(await role.associations.peppers())
    if not usable:
        await rotate(role)
        usable = served(await role.associations.peppers())
    if not usable:
        raise Unavailable("Addresses are being hashed: please try again")
    return usable


async def rotate(role: IdentityServer) -> bool:
    """Hash a part of the associations with the newest pepper, or make a new pepper; return whether more is to do.

    One piece of the job ``rotate_lookup_pepper``. Several processes may do it at once.
    """
    if done := await role.associations.rehash(PART):
        return done == PART
    peppers = await role.associations.peppers()
    newest = peppers[0] if peppers else None
    if newest is not None and role.clock() < newest.since + role.policy.lookup.pepper_days * DAY:
        return False
    number = 1 if newest is None else newest.number + 1
    text = random_text(role.random_bytes(_PEPPER_BYTES)).replace("_", ".").replace("-", "~")
    await role.associations.add_pepper(LookupPepper(number, text, role.clock(), ready=False))
    return await role.associations.rehash(PART) == PART


async def charge_lookup(role: IdentityServer, call: Call, addresses: int) -> None:
    """Charge the addresses of a look-up to its user, homeserver and network, or to none. Raises ``LimitExceeded``."""
    rules, (user_id, homeserver) = role.policy.lookup, asker_of(call)
    counters = [
        period("lookup user", rules.per_account, DAY, user_id),
        # Accounts are free at a homeserver of one's own.
        period("lookup homeserver", rules.per_homeserver, DAY, homeserver),
        period("lookup network", rules.per_network, DAY, call.client),
    ]
    if addresses:
        await charge(role, "lookup", counters, addresses)


async def found(role: IdentityServer, pepper: LookupPepper, hashes: Sequence[str]) -> Mapping[str, str]:
    """Return the user ids of those hashes that are published."""
    return await role.associations.look_up(pepper.number, hashes) if hashes else {}
