"""Remembered bindings: find, change and drop them; and what a client is told of an identity server's failure.

A binding is written down before its identity server is asked, and forgotten when the server has confirmed that it is
gone: what may be public is never lost sight of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

from attrs import evolve

from ..model.binding import Binding
from ..model.id_server import normal_id_server
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

_TRIES = 32
LEASE = 3
"""The lease of a process that asks an identity server, in multiples of ``Policy.identity_deadline``."""
BUSY_PAUSE = 5_000
"""The ms after which a client may try again if too many calls wait for its identity server."""


def binding_id(user_id: str, threepid: Threepid, id_server: str) -> str:
    """Return the id of the one row of a user, an address and a server; no pepper, since rows outlive peppers."""
    parts = (user_id, threepid.medium.value, threepid.address, id_server)
    return sha256("\0".join(parts).encode()).hexdigest()[:32]


def intent(hs: Homeserver, user_id: str, id_server: str) -> Binding:
    """Return a row for a bind whose address is not known yet."""
    return Binding(id=random_text(hs.random_bytes(16)), user_id=user_id, id_server=id_server, created_at=hs.clock())


def resolved(row: Binding, threepid: Threepid, spelling: str) -> Binding:
    """Return the row an intent becomes once its outcome is known, or known to be uncertain."""
    fixed = binding_id(row.user_id, threepid, row.id_server)
    return evolve(row, id=fixed, threepid=threepid, spelling=spelling, revision=0)


def is_intent(row: Binding) -> bool:
    """Whether a row with an address only announces a bind: another one stands for what came of it."""
    return row.threepid is not None and row.id != binding_id(row.user_id, row.threepid, row.id_server)


async def update_binding(hs: Homeserver, row: Binding, step: Callable[[Binding], Binding]) -> Binding:
    """Apply a pure step to the stored row (or to ``row``, inserted) until it holds; return the new row."""
    for _ in range(_TRIES):
        stored = await hs.bindings.get(row.id)
        if stored is None:
            await hs.bindings.insert(row)
            continue
        changed = step(stored)
        if await hs.bindings.replace(changed):
            return changed
    raise Unavailable


async def drop(hs: Homeserver, row: Binding) -> None:
    """Forget a row whatever was done to it meanwhile."""
    stored: Binding | None = row
    while stored is not None and not await hs.bindings.forget(stored):
        stored = await hs.bindings.get(row.id)


async def rows_of(hs: Homeserver, user_id: str, threepids: Sequence[Threepid] | None) -> list[Binding]:
    """Return the remembered bindings of a user with a known address, all or those of some addresses."""
    rows = await hs.bindings.of_user(user_id)
    return [row for row in rows if row.threepid is not None and (threepids is None or row.threepid in threepids)]


async def bindings_of(hs: Homeserver, user_id: str) -> list[Binding]:
    """Return where a user's addresses are bound or may be, for the user and for administrators; also after they left.

    Those with ``unwanted_since`` are to go: tried again at ``due_at``, or given up when there is none.
    """
    return await rows_of(hs, user_id, None)


def trusted_id_server(hs: Homeserver, given: str) -> str:
    """Return the normal form of an ``id_server``. Raises ``InvalidParam`` or ``ServerNotTrusted``."""
    server = normal_id_server(given)
    allowed = hs.policy.identity_servers(server)
    if type(allowed) is not bool:  # an async function's coroutine is true, too
        raise ConfigurationError(f"policy.identity_servers: must return bool, not {type(allowed).__name__}")
    if not allowed:
        raise ServerNotTrusted
    return server


def as_error(failed: Failed) -> MatrixError:
    """Return what a client hears of an identity server's failure."""
    if isinstance(failed, ServerRefused):
        return IdentityServerRefused(failed.status, failed.errcode, failed.error, failed.retry_after_ms)
    if isinstance(failed, Blocked):
        return ServerBlocked()
    if isinstance(failed, Busy):
        return LimitExceeded(BUSY_PAUSE)
    return GatewayTimeout() if isinstance(failed, Unreachable) and failed.timeout else BadGateway()
