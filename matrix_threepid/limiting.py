"""Spend the policy's limits in the store, before anything is looked up."""

from __future__ import annotations

from .call import Call
from .events import Limited
from .homeserver import Homeserver
from .listening import tell
from .model.threepid import Threepid
from .policy import Limit
from .ports import Take
from .protocol.errors import LimitExceeded

DISOWNED = Limit(1, 1 / 86_400)


async def charge_sending(hs: Homeserver, call: Call, threepid: Threepid) -> None:
    """Count one message to be sent: per address, client and user. Raises ``LimitExceeded``."""
    limits = hs.policy.limits
    address, client = key_of(hs, "address", *_parts(threepid)), key_of(hs, "client", call.client)
    takes = [
        Take(disowned_key(hs, threepid, call.client), DISOWNED, cost=0),
        Take(client, limits.per_client),
        Take(address, limits.per_address),
    ]
    if call.user_id is not None:
        takes.append(Take(key_of(hs, "user", call.user_id), limits.per_user))
    await _spend(hs, "send", takes)


async def charge_change(hs: Homeserver, user_id: str) -> None:
    """Count one change of an account. Raises ``LimitExceeded``."""
    await _spend(hs, "change", [Take(key_of(hs, "change", user_id), hs.policy.limits.changes)])


async def charge_guess(hs: Homeserver, threepid: Threepid) -> None:
    """Count one guess of a code for an address, over all its sessions. Raises ``LimitExceeded``."""
    await _spend(hs, "guess", [Take(key_of(hs, "guess", *_parts(threepid)), hs.policy.limits.guesses)])


async def block_disowned(hs: Homeserver, threepid: Threepid, client_mac: str) -> None:
    """Let nobody from this client ask for messages to this address for a day."""
    await hs.limiter.spend([Take(_pair(hs, threepid, client_mac), DISOWNED)], hs.clock())


def disowned_key(hs: Homeserver, threepid: Threepid, client: str) -> str:
    """Return the key of an address and a client together."""
    return _pair(hs, threepid, client_mac(hs, client))


def client_mac(hs: Homeserver, client: str) -> str:
    """Return a client's address as it is kept with a session."""
    return hs.peppers.current.mac("client", client)


def key_of(hs: Homeserver, kind: str, *parts: str) -> str:
    """Return the key a limit is counted under: nothing personal can be read off it."""
    return f"{kind}:{hs.peppers.current.mac(kind, *parts)}"


async def _spend(hs: Homeserver, action: str, takes: list[Take]) -> None:
    wait = await hs.limiter.spend(takes, hs.clock())
    if wait:
        tell(hs, Limited(action, wait))
        raise LimitExceeded(wait)


def _pair(hs: Homeserver, threepid: Threepid, mac: str) -> str:
    return key_of(hs, "disowned", *_parts(threepid), mac)


def _parts(threepid: Threepid) -> tuple[str, str]:
    return threepid.medium.value, threepid.address
