"""Bindings: written down before an identity server is asked, forgotten when it has confirmed they are gone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

from attrs import evolve

from ..events import ThreepidUnbound, UnbindGivenUp
from ..model.binding import Binding
from ..model.identity import Blocked, Busy, Done, Failed, NotSupported, ServerRefused, UnbindAnswer, Unreachable
from ..model.keys import random_text
from ..model.threepid import Threepid
from ..protocol.errors import (
    BadGateway,
    GatewayTimeout,
    IdentityServerRefused,
    LimitExceeded,
    MatrixError,
    ServerBlocked,
    Unavailable,
)
from ..roles.emit import emit
from ..roles.homeserver import Homeserver

_TRIES = 32
LEASE = 3
"""Whoever asks an identity server keeps the queue off for so many times the deadline."""
BUSY_PAUSE = 5_000
"""The ms after which a client may try again that met too many calls to its identity server."""


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


async def unbind(hs: Homeserver, row: Binding, until: int, *, queue_refusals: bool) -> UnbindAnswer:
    """Take one binding back, write-ahead: what did not come to pass is in the queue afterwards.

    ``until``: when (ms) the time for all calls of the request is over. A refusal leaves things as they were, unless
    ``queue_refusals``. Unreachable servers are always asked again.
    """
    before, now = row, hs.clock()
    known = await hs.bindings.get(row.id) is not None
    taken = await update_binding(
        hs, row, lambda stored: stored.unwanted(now, now + LEASE * hs.policy.identity_deadline)
    )
    answer = await _ask(hs, taken, until)
    if isinstance(answer, Done):
        await _gone(hs, taken)
    elif isinstance(answer, NotSupported | ServerRefused) and not (
        queue_refusals and isinstance(answer, ServerRefused)
    ):
        await (
            update_binding(hs, taken, lambda stored: stored.wanted_again(before))
            if known
            else hs.bindings.forget(taken)
        )
    else:
        await _later(hs, taken)
    return answer


async def retry_unbinds(hs: Homeserver, limit: int = 100) -> int:
    """Ask again for up to ``limit`` unbinds that are due; return how many. Any number of processes may do this."""
    tried = 0
    while tried < limit and (taken := await _taken(hs)) is not None:
        answer = await _ask(hs, taken, hs.clock() + hs.policy.identity_deadline)
        await (_gone(hs, taken) if isinstance(answer, Done) else _later(hs, taken))
        tried += 1
    return tried


async def _taken(hs: Homeserver) -> Binding | None:
    """Return a binding that is to go and whose time has come; it is nobody else's until its lease ends."""
    now = hs.clock()
    return await hs.bindings.lease_due(now, now + LEASE * hs.policy.identity_deadline)


async def _ask(hs: Homeserver, row: Binding, until: int) -> UnbindAnswer:
    if hs.identity is None or row.threepid is None:
        return NotSupported()
    left = until - hs.clock()
    if left <= 0:
        return Unreachable("no time was left", timeout=True)
    medium, address = row.threepid.medium, row.spelling or row.threepid.address
    return await hs.identity.unbind(row.id_server, row.user_id, medium, address, left)


async def _gone(hs: Homeserver, row: Binding) -> None:
    if _being_asked(hs, row):
        return  # the queue asks again once the bind has had its time
    if await hs.bindings.forget(row) and row.threepid is not None:
        emit(hs, ThreepidUnbound(row.user_id, row.threepid, row.id_server))


def _being_asked(hs: Homeserver, row: Binding) -> bool:
    """Whether this is the intent of a bind whose request may still be under way."""
    return is_intent(row) and hs.clock() < row.created_at + LEASE * hs.policy.identity_deadline


async def _later(hs: Homeserver, row: Binding) -> None:
    jitter = hs.random_bytes(1)[0] / 255
    later = row.again(hs.clock(), hs.policy.retrying, jitter)
    if await hs.bindings.replace(later) and later.due_at is None and row.threepid is not None:
        emit(hs, UnbindGivenUp(row.user_id, row.threepid, row.id_server))


def as_error(failed: Failed) -> MatrixError:
    """Return what a client hears of an identity server's failure."""
    if isinstance(failed, ServerRefused):
        return IdentityServerRefused(failed.status, failed.errcode, failed.error, failed.retry_after_ms)
    if isinstance(failed, Blocked):
        return ServerBlocked()
    if isinstance(failed, Busy):
        return LimitExceeded(BUSY_PAUSE)
    return GatewayTimeout() if isinstance(failed, Unreachable) and failed.timeout else BadGateway()
