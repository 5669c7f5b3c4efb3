"""Remembered bindings: find, change and delete them; and the errors for failures of identity servers.

A binding is stored before its identity server is called, and deleted when that server has confirmed the unbind, so an
address that may be public always has a row (decision 13, REQ-BIND-5).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

from attrs import evolve

from ..model.binding import Binding
from ..model.id_server import normal_id_server, server_of
from ..model.identity import Blocked, Busy, Failed, ServerRefused, Unreachable
from ..model.keys import random_text
from ..model.threepid import Threepid
from ..protocol.errors import (
    BadGateway,
    ConfigurationError,
    GatewayTimeout,
    IdentityServerRefused,
    LimitExceeded,
    MatrixError,
    ServerBlocked,
    ServerNotTrusted,
    Unavailable,
)
from ..roles.homeserver import Homeserver

# A compare-and-swap fails only if another process changed the row meanwhile; 32 failures in a row mean a broken store.
_TRIES = 32
LEASE = 3
"""The lease of a process that calls an identity server, in multiples of ``Policy.identity_deadline``.

More than one, so that the lease outlasts the call and the writing of its result.
"""
BUSY_PAUSE = 5_000
"""The ms after which a client may try again if too many calls are waiting for its identity server."""


def binding_id(user_id: str, threepid: Threepid, id_server: str) -> str:
    """Return the id of the row for a user, an address and an identity server.

    * ``user_id``: the user.
    * ``threepid``: the canonical address.
    * ``id_server``: the identity server in normal form.

    The same values give the same id, so that a repeated bind finds its row.
    """
    # A plain hash and no MAC: rows outlive peppers. It hides nothing, and need not, since the row holds the address.
    parts = (user_id, threepid.medium.value, threepid.address, id_server)
    return sha256("\0".join(parts).encode()).hexdigest()[:32]


def intent(hs: Homeserver, user_id: str, id_server: str) -> Binding:
    """Return the row that announces a bind whose address is not known yet; its id is random."""
    return Binding(id=random_text(hs.random_bytes(16)), user_id=user_id, id_server=id_server, created_at=hs.clock())


def resolved(row: Binding, threepid: Threepid, spelling: str) -> Binding:
    """Return the binding that replaces an intent, once the address is known.

    * ``row``: the intent.
    * ``threepid``: the canonical address.
    * ``spelling``: the address as the identity server writes it.
    """
    fixed = binding_id(row.user_id, threepid, row.id_server)
    return evolve(row, id=fixed, threepid=threepid, spelling=spelling, revision=0)


def is_intent(row: Binding) -> bool:
    """Whether a row with an address is the announcement of a bind and not a binding."""
    # Ids of intents are random, ids of bindings are derived from their contents.
    return row.threepid is not None and row.id != binding_id(row.user_id, row.threepid, row.id_server)


async def update_binding(hs: Homeserver, row: Binding, step: Callable[[Binding], Binding]) -> Binding:
    """Change the stored row by compare-and-swap; return the new row.

    * ``row``: the row; inserted first if the store has none with its id.
    * ``step``: a pure function from the stored row to the new one; called again after each lost race.

    Raises ``Unavailable`` if the row was changed by others at every try.
    """
    for _ in range(_TRIES):
        stored = await hs.bindings.get(row.id)
        changed = step(row if stored is None else stored)
        if await (hs.bindings.insert(changed) if stored is None else hs.bindings.replace(changed)):
            return changed
    raise Unavailable


async def drop(hs: Homeserver, row: Binding) -> None:
    """Delete a row, also if other processes change it meanwhile."""
    stored: Binding | None = row
    while stored is not None and not await hs.bindings.forget(stored):
        stored = await hs.bindings.get(row.id)


async def rows_of(hs: Homeserver, user_id: str, threepids: Sequence[Threepid] | None) -> list[Binding]:
    """Return the remembered bindings of a user whose address is known.

    * ``threepids``: only those of these addresses; ``None`` for all.
    """
    rows = await hs.bindings.of_user(user_id)
    return [row for row in rows if row.threepid is not None and (threepids is None or row.threepid in threepids)]


async def bindings_of(hs: Homeserver, user_id: str) -> list[Binding]:
    """Return all remembered bindings of a user, also after the account was deactivated.

    A binding with ``unwanted_since`` is to be unbound: the next try is at ``due_at``; without one it was given up.
    """
    return await rows_of(hs, user_id, None)


async def full(hs: Homeserver, user_id: str) -> bool:
    """Return whether ``Policy.bindings_per_user`` allows no further row of a user.

    Requests of the user at the same time may each find room for one more; ``Limits.bindings`` bounds how many.
    """
    return len(await hs.bindings.of_user(user_id)) >= hs.policy.bindings_per_user


def trusted_id_server(hs: Homeserver, given: str) -> str:
    """Return the normal form of an ``id_server``.

    * ``given``: the member as the client wrote it.

    Raises ``InvalidParam`` for a name that is not valid, and ``ServerNotTrusted`` for a server that
    ``Policy.identity_servers`` does not allow (REQ-IDS-3).
    """
    server = normal_id_server(given)
    allows = hs.policy.identity_servers
    if allows is None:
        return server
    # Without its path as well: a server that a function refuses by name must not pass as ``name/path``.
    for name in dict.fromkeys((server_of(server), server)):
        allowed = allows(name)
        if type(allowed) is not bool:  # the coroutine of an async function would count as true
            raise ConfigurationError(f"policy.identity_servers: must return bool, not {type(allowed).__name__}")
        if not allowed:
            raise ServerNotTrusted
    return server


def as_error(failed: Failed) -> MatrixError:
    """Return the error for the client after a failure of an identity server (REQ-UNBIND-6, SEC-124)."""
    if isinstance(failed, ServerRefused):
        return IdentityServerRefused(failed.status, failed.errcode, failed.error, failed.retry_after_ms)
    if isinstance(failed, Blocked):
        return ServerBlocked()
    if isinstance(failed, Busy):
        return LimitExceeded(BUSY_PAUSE)
    return GatewayTimeout() if isinstance(failed, Unreachable) and failed.timeout else BadGateway()
