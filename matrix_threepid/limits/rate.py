"""Charge the limits of the policy, in the store, before anything is looked up (SEC-26, decision 24)."""

from __future__ import annotations

from ..model.call import Call
from ..model.threepid import Threepid
from ..policy import Limit
from ..roles.base import Role
from .counting import Counter, charge, charged, keys_of, refuse

DISOWNED = Limit(1, 1 / 86_400)
"""One charge a day: after a person said "this was not me", its refill is the time for which the client is blocked."""


async def charge_sending(role: Role, call: Call, threepid: Threepid) -> list[Counter]:
    """Charge one message to its address, its client and its user; return what was charged. Raises ``LimitExceeded``.

    * ``role``: gives policy and limiter.
    * ``call``: the call, for its client network and user.
    * ``threepid``: the address; its canonical form is the key, so that other spellings share the limit.
    """
    limits = role.policy.limits
    counters = [Counter("address", _parts(threepid), limits.per_address)]
    # A delegate is called by a homeserver, whose one address would use up the limit of a client for all its users.
    if role.sees_clients:
        counters.append(Counter("client", (call.client,), limits.per_client))
    if call.user_id is not None:
        counters.append(Counter("user", (call.user_id,), limits.per_user))
    wait = await charged(role, counters, asked=_disowned(role, threepid, call.client))
    if wait:
        refuse(role, "send", wait)
    return counters


async def charge_change(role: Role, user_id: str) -> None:
    """Charge one change of an account to its user. Raises ``LimitExceeded``."""
    await charge(role, "change", [Counter("change", (user_id,), role.policy.limits.changes)])


async def charge_binding(role: Role, user_id: str) -> None:
    """Charge one request that calls identity servers to its user. Raises ``LimitExceeded``."""
    await charge(role, "bindings", [Counter("bindings", (user_id,), role.policy.limits.bindings)])


async def charge_call_out(role: Role, call: Call) -> None:
    """Charge one request that makes this server call a server named by a stranger. Raises ``LimitExceeded``.

    To be called before the call out. It is charged to the network of the client, since the request proves nothing yet.

    * ``role``: gives policy and limiter.
    * ``call``: the request.
    """
    await charge(role, "call_out", [Counter("call_out", (call.client,), role.policy.limits.call_outs)])


async def block_disowned(role: Role, threepid: Threepid, client_mac: str) -> None:
    """Block requests of this client for messages to this address for a day (SEC-44)."""
    await charged(role, [_pair(threepid, client_mac)])


def client_mac(role: Role, client: str) -> str:
    """Return the MAC of a client's network, as it is stored with a session."""
    return role.peppers.current.mac("client", client)


def keys_of_user(role: Role, user_id: str) -> list[str]:
    """Return the keys of a user's limits, for deleting them with the account."""
    return [key for kind in ("user", "change", "bindings") for key in keys_of(role, kind, user_id)]


def _disowned(role: Role, threepid: Threepid, client: str) -> list[Counter]:
    """Return what counts blocks of an address for a client: one for each pepper a session may have been opened with."""
    return [_pair(threepid, pepper.mac("client", client)) for pepper in role.peppers.live]


def _pair(threepid: Threepid, mac: str) -> Counter:
    return Counter("disowned", (*_parts(threepid), mac), DISOWNED)


def _parts(threepid: Threepid) -> tuple[str, str]:
    return threepid.medium.value, threepid.address
