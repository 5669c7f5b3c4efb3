"""Limits of users and clients, and what is known of an address: its owner, and who is blocked there (SEC-26)."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.call import Call
from ..model.threepid import Threepid
from ..model.user_id import server_of
from ..policy import Limit
from ..roles.base import Role
from .counting import DAY, Counter, charge, charged, keys_of

KNOWN = Limit(1, 1 / (90 * 86_400))
"""Its refill is the time for which a network is known from which an address was validated."""
RENEWED = 7 * DAY
"""A network is remembered anew if it was last remembered so many ms ago, so that most validations write nothing."""
DISOWNED = Limit(1, 1 / 86_400)
"""One charge a day: after a person said "this was not me", its refill is the time for which the client is blocked."""

NETWORK = "client"
"""The kind of limit that counts the requests of a network, also those for which nothing is sent."""
ASKING = (NETWORK, "user", "inviter", "inviting homeserver", "inviting network")
"""The kinds of limits that count who asks for messages; the others count where messages go."""


def shared(number: int, kept: int) -> tuple[int, int]:
    """Return how many of a number are for anybody, at least one, and how many the owner has beside them."""
    anybody = max(number - kept, 1)
    return anybody, number - anybody


async def is_owner(role: Role, user_id: str | None, threepid: Threepid) -> bool:
    """Return whether a user has the address on the account, so that a part of its limits is kept for the user."""
    return user_id is not None and await role.owner_of(threepid) == user_id


def validating_network(role: Role, call: Call, threepid: Threepid) -> list[Counter]:
    """Return what is used if the address was validated from the network of a call in the last 90 days (decision 29)."""
    if not role.sees_clients or call.client == "unknown":
        return []
    return [Counter("known", (*address_parts(threepid), call.client), KNOWN)]


def known_network(role: Role, call: Call, threepid: Threepid) -> list[Counter]:
    """Return the same where the answer may depend on it.

    Empty with hidden addresses: a neighbour in the network could ask until strangers get no more, and would then learn
    from the answer that the address was validated there.
    """
    return [] if role.policy.hide_known_addresses else validating_network(role, call, threepid)


async def remember_network(role: Role, call: Call, threepid: Threepid) -> None:
    """Remember for 90 days that an address was validated from the network of a call."""
    for known in validating_network(role, call, threepid):
        left = await charged(role, [known])
        if left and left < KNOWN.interval - RENEWED:
            await role.limiter.forget([each.key for each in known.charges(role)])
            await charged(role, [known])


def changes(role: Role, user_id: str) -> Counter:
    """Return what counts the changes of an account."""
    return Counter("change", (user_id,), role.policy.limits.changes)


def invitations(role: Role, user_id: str) -> Counter:
    """Return what counts the addresses that a user invites to rooms."""
    return Counter("invite", (user_id,), role.policy.limits.invitations)


async def charge_authentication(role: Role, call: Call) -> None:
    """Charge one session of user-interactive authentication to its user, or to its client. Raises ``LimitExceeded``."""
    limit = role.policy.limits.authenticating
    user = None if call.user_id is None else Counter("uia_user", (call.user_id,), limit)
    await charge(role, "authenticate", [user or Counter("uia", (call.client,), limit)])


async def charge_password(role: Role, user_id: str) -> None:
    """Charge one try of a user's password. Raises ``LimitExceeded``."""
    await charge(role, "password", [Counter("password", (user_id,), role.policy.limits.passwords)])


async def charge_binding(role: Role, user_id: str) -> None:
    """Charge one request that calls identity servers to its user. Raises ``LimitExceeded``."""
    await charge(role, "bindings", [Counter("bindings", (user_id,), role.policy.limits.bindings)])


async def charge_call_out(role: Role, call: Call, count: int = 1) -> None:
    """Charge a request that makes this server call servers named by a stranger. Raises ``LimitExceeded``.

    To be called before the first call. It is charged to the network of the client, since the request proves nothing.

    * ``role``: gives policy and limiter.
    * ``call``: the request.
    * ``count``: how many calls it may make; what is above the limit's burst is not charged, since it would never be
      granted. Default 1.
    """
    limit = role.policy.limits.call_outs
    await charge(role, "call_out", [Counter("call_out", (call.client,), limit)], min(count, limit.burst))


async def block_disowned(role: Role, threepid: Threepid, client_mac: str) -> None:
    """Block requests of this client for messages to this address for a day (SEC-44)."""
    await charged(role, [_pair(threepid, client_mac)])


def client_mac(role: Role, client: str) -> str:
    """Return the MAC of a client's network, as it is stored with a session."""
    return role.peppers.current.mac("client", client)


def keys_of_user(role: Role, user_id: str) -> list[str]:
    """Return the keys of a user's limits, for deleting them with the account."""
    return [key for each in charged_to_user(role, user_id).values() for key in keys_of(role, each.kind, user_id)]


def charged_to_user(role: Role, user_id: str) -> dict[str, Counter]:
    """Return what counts what a user does, by what that is in words."""
    limits = role.policy.limits
    return {
        "messages asked for": Counter("user", (user_id,), limits.per_user),
        "addresses added": changes(role, user_id),
        "addresses invited": invitations(role, user_id),
        "binds and unbinds": Counter("bindings", (user_id,), limits.bindings),
        "sessions of user-interactive authentication": Counter("uia_user", (user_id,), limits.authenticating),
        "tries of the password": Counter("password", (user_id,), limits.passwords),
    }


def blocked_clients(threepid: Threepid, macs: Sequence[str]) -> list[Counter]:
    """Return what counts the blocks of an address for clients, by the MACs that are stored with sessions."""
    return [_pair(threepid, mac) for mac in macs]


def blocks(role: Role, threepid: Threepid, client: str) -> list[Counter]:
    """Return what counts the blocks of an address for a client: one for each pepper a session may be opened with."""
    return [_pair(threepid, pepper.mac("client", client)) for pepper in role.peppers.live]


def _pair(threepid: Threepid, mac: str) -> Counter:
    return Counter("disowned", (*address_parts(threepid), mac), DISOWNED)


def address_parts(threepid: Threepid) -> tuple[str, str]:
    """Return an address as parts of a ``Counter``."""
    return threepid.medium.value, threepid.address


def asker_of(call: Call) -> tuple[str, str]:
    """Return the user who asks an identity server for something, and the user's homeserver.

    Under version 1, which knows no users, each network counts as one, and all of them as users of one homeserver.
    """
    if call.user_id is None:
        return f"network {call.client}", "version 1"
    return call.user_id, server_of(call.user_id)
