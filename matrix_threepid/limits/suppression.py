"""Suppressions: which messages are kept from an address, since others to it came back or were called spam (SEC-148).

For requests of clients this is asked last: after the limits, and after whether an account has the address. With hidden
addresses it is asked when the message is sent, after the answer, which therefore tells nothing.
"""

from __future__ import annotations

from ..model.call import Call
from ..model.message import MessageKind
from ..model.outbound import address_keys
from ..model.threepid import Threepid
from ..protocol.errors import InvalidParam
from ..roles.base import Role
from .counting import DAY, Counter, charged, period, used
from .rate import address_parts, is_owner, known_network

CAME_BACK = "{}: messages to this address came back. Check how it is written; if it is right, try again tomorrow"
"""What clients are told of an address, after the name of the member."""


async def refuse_suppressed(role: Role, call: Call, threepid: Threepid) -> None:
    """Raise ``InvalidParam`` for an address to which messages came back, unless addresses are hidden.

    Strangers can use up the message that is let through that day, so the owner has one of her own.
    """
    if role.policy.hide_known_addresses or not await is_kept_back(role, threepid, MessageKind.TOKEN):
        return
    mine = any(await used(role, known_network(role, call, threepid))) or await is_owner(role, call.user_id, threepid)
    if not mine or await charged(role, [owners_probe_of(threepid)]):
        raise InvalidParam(CAME_BACK.format(threepid.medium.value))


async def is_kept_when_sent(role: Role, threepid: Threepid, kind: MessageKind) -> bool:
    """Return whether a message that is about to be sent is kept back: one that no request was refused for."""
    # Of the same calls for every kind of message, since with hidden addresses its kind says who has the address.
    if role.suppressions is None or not (kind.notice or role.policy.hide_known_addresses):
        return False
    return await is_kept_back(role, threepid, kind)


async def is_kept_back(role: Role, threepid: Threepid, kind: MessageKind) -> bool:
    """Return whether a message is kept from an address; after a failure one a day is let through to try it.

    * ``role``: gives suppressions, limiter and clock.
    * ``threepid``: the address.
    * ``kind``: what the message is about.
    """
    if role.suppressions is None:
        return False
    now = role.clock()
    held = await role.suppressions.of_address(address_keys(role.peppers, threepid))
    if not any(each.stops(kind, now) for each in held):
        return False
    if not any(each.failing(now) for each in held):
        return True
    return await charged(role, [probe_of(threepid)]) > 0


def probe_of(threepid: Threepid) -> Counter:
    """Return the counter of the one message a day that tries an address to which messages came back."""
    return period("probe of suppressed", 1, DAY, *address_parts(threepid))


def owners_probe_of(threepid: Threepid) -> Counter:
    """Return the counter of the message a day that is let through for the owner beside it."""
    return period("owner's probe", 1, DAY, *address_parts(threepid))
