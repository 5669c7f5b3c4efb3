"""Spend the policy's limits in the store, before anything is looked up."""

from __future__ import annotations

from typing import NoReturn

from ..events import LimitReached
from ..model.call import Call
from ..model.threepid import Threepid
from ..policy import Limit
from ..ports import Charge
from ..protocol.errors import LimitExceeded
from ..roles.base import Role

DISOWNED = Limit(1, 1 / 86_400)


async def charge_sending(role: Role, call: Call, threepid: Threepid) -> None:
    """Count one message to be sent: per address, client and user. Raises ``LimitExceeded``."""
    limits = role.policy.limits
    address, client = key_of(role, "address", *_parts(threepid)), key_of(role, "client", call.client)
    charges = [Charge(disowned_key(role, threepid, call.client), DISOWNED, cost=0), Charge(address, limits.per_address)]
    if role.sees_clients:
        charges.insert(1, Charge(client, limits.per_client))
    if call.user_id is not None:
        charges.append(Charge(key_of(role, "user", call.user_id), limits.per_user))
    await charge(role, "send", charges)


async def charge_change(role: Role, user_id: str) -> None:
    """Count one change of an account. Raises ``LimitExceeded``."""
    await charge(role, "change", [Charge(key_of(role, "change", user_id), role.policy.limits.changes)])


async def block_disowned(role: Role, threepid: Threepid, client_mac: str) -> None:
    """Let nobody from this client ask for messages to this address for a day."""
    await role.limiter.charge([Charge(_pair(role, threepid, client_mac), DISOWNED)], role.clock())


def disowned_key(role: Role, threepid: Threepid, client: str) -> str:
    """Return the key of an address and a client together."""
    return _pair(role, threepid, client_mac(role, client))


def client_mac(role: Role, client: str) -> str:
    """Return a client's address as it is kept with a session."""
    return role.peppers.current.mac("client", client)


def keys_of_user(role: Role, user_id: str) -> list[str]:
    """Return the keys under which what a user does is counted."""
    return [key_of(role, "user", user_id), key_of(role, "change", user_id)]


def key_of(role: Role, kind: str, *parts: str) -> str:
    """Return the key a limit is counted under: nothing personal can be read off it."""
    return f"{kind}:{role.peppers.current.mac(kind, *parts)}"


async def charge(role: Role, action: str, charges: list[Charge]) -> None:
    """Count the takes, all or up to the first that is refused. Raises ``LimitExceeded``, and tells the listener."""
    wait = await role.limiter.charge(charges, role.clock())
    if wait:
        refuse(role, action, wait)


def refuse(role: Role, action: str, wait: int) -> NoReturn:
    """Refuse an action for so many ms."""
    role.emit(LimitReached(action, wait))
    raise LimitExceeded(wait)


def _pair(role: Role, threepid: Threepid, mac: str) -> str:
    return key_of(role, "disowned", *_parts(threepid), mac)


def _parts(threepid: Threepid) -> tuple[str, str]:
    return threepid.medium.value, threepid.address
