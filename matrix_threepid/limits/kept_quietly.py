"""With hidden addresses: messages kept for networks that validated an address, of which no answer tells (SEC-45).

A neighbour in such a network could ask until strangers get no more. So every network is then granted as many requests
as messages are kept, and those of other networks send nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from ..model.call import Call
from ..model.threepid import Threepid
from ..roles.base import Role
from .counting import Counter, charged, used
from .rate import validating_network


def granted_quietly(role: Role, call: Call, owners: Sequence[Counter]) -> list[Counter]:
    """Return what counts the requests of a network that are granted when strangers get no more.

    * ``owners``: what counts the messages that are kept for the owner.

    Counted for each network, whatever others ask for; empty unless addresses are hidden.
    """
    if not (role.policy.hide_known_addresses and role.sees_clients):
        return []
    return [evolve(each, parts=(*each.parts, call.client)) for each in owners]


async def gets_a_kept_one(role: Role, call: Call, threepid: Threepid, owners: Sequence[Counter]) -> bool:
    """Return whether a network has validated an address, and a message was charged to what is kept for the owner."""
    known = any(await used(role, validating_network(role, call, threepid)))
    # Everybody else is charged as much, for nothing, so that the answers take as long.
    nothing = [evolve(each, parts=(*each.parts, call.client, "nothing")) for each in owners]
    granted = not await charged(role, owners if known else nothing)
    return known and granted
