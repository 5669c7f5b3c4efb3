"""Charge the limits of the policy, in the store, before anything is looked up (SEC-26, decision 24)."""

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
"""One charge a day: after a person said "this was not me", its refill is the time for which the client is blocked."""


async def charge_sending(role: Role, call: Call, threepid: Threepid) -> None:
    """Charge one message to its address, its client and its user. Raises ``LimitExceeded``.

    * ``role``: gives policy and limiter.
    * ``call``: the call, for its client network and user.
    * ``threepid``: the address; its canonical form is the key, so that other spellings share the limit.
    """
    limits = role.policy.limits
    address, client = key_of(role, "address", *_parts(threepid)), client_mac(role, call.client)
    # Cost 0 asks for the block of this client and address without counting.
    charges = [Charge(_pair(role, threepid, client), DISOWNED, cost=0), Charge(address, limits.per_address)]
    # A delegate is called by a homeserver, whose one address would use up the limit of a client for all its users.
    if role.sees_clients:
        charges.insert(1, Charge(f"client:{client}", limits.per_client))
    if call.user_id is not None:
        charges.append(Charge(key_of(role, "user", call.user_id), limits.per_user))
    await charge(role, "send", charges)


async def charge_change(role: Role, user_id: str) -> None:
    """Charge one change of an account to its user. Raises ``LimitExceeded``."""
    await charge(role, "change", [Charge(key_of(role, "change", user_id), role.policy.limits.changes)])


async def charge_binding(role: Role, user_id: str) -> None:
    """Charge one request that calls identity servers to its user. Raises ``LimitExceeded``."""
    await charge(role, "bindings", [Charge(key_of(role, "bindings", user_id), role.policy.limits.bindings)])


async def block_disowned(role: Role, threepid: Threepid, client_mac: str) -> None:
    """Block requests of this client for messages to this address for a day (SEC-44)."""
    await role.limiter.charge([Charge(_pair(role, threepid, client_mac), DISOWNED)], role.clock())


def client_mac(role: Role, client: str) -> str:
    """Return the MAC of a client's network, as it is stored with a session."""
    return role.peppers.current.mac("client", client)


def keys_of_user(role: Role, user_id: str) -> list[str]:
    """Return the keys of a user's limits, for deleting them with the account."""
    return [key_of(role, kind, user_id) for kind in ("user", "change", "bindings")]


def key_of(role: Role, kind: str, *parts: str) -> str:
    """Return the key of a limit: its kind, and a MAC of what it counts.

    * ``kind``: the name of the limit.
    * ``parts``: what is counted, such as an address; it cannot be read from the key (SEC-117).
    """
    return f"{kind}:{role.peppers.current.mac(kind, *parts)}"


async def charge(role: Role, action: str, charges: list[Charge]) -> None:
    """Make charges in order up to the first that is refused.

    * ``role``: gives limiter and listener.
    * ``action``: the name of what is limited, for the event ``LimitReached``.
    * ``charges``: the charges; those before a refused one stay counted (decision 30).

    Raises ``LimitExceeded``.
    """
    wait = await role.limiter.charge(charges, role.clock())
    if wait:
        refuse(role, action, wait)


def refuse(role: Role, action: str, wait: int) -> NoReturn:
    """Emit ``LimitReached`` and raise ``LimitExceeded``; ``wait``: the ms until the client may try again."""
    role.emit(LimitReached(action, wait))
    raise LimitExceeded(wait)


def _pair(role: Role, threepid: Threepid, mac: str) -> str:
    """Return the key under which an address is blocked for a client; ``mac``: that of the client."""
    return key_of(role, "disowned", *_parts(threepid), mac)


def _parts(threepid: Threepid) -> tuple[str, str]:
    return threepid.medium.value, threepid.address
