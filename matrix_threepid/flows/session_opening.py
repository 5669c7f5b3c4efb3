"""Open a session, or find the one of an earlier equal request (REQ-SESS-1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..limits.counting import Counter, charges_of
from ..model.keys import Pepper
from ..model.session import Session
from ..model.threepid import Candidate, Purpose, Threepid
from ..protocol.errors import Unavailable
from ..roles.base import Role
from .session_access import TRIES, Step, secret_mac, try_charge_and_update, update_session


def new_session(
    role: Role, purpose: Purpose, candidate: Candidate, secret: str, owner: str | None, **more: Any
) -> Session:
    """Return a new session, not stored yet.

    * ``role``: gives peppers, clock and lifetimes.
    * ``purpose``: the only purpose it can be used for.
    * ``candidate``: the address, and the spelling to which messages are sent.
    * ``secret``: the client secret.
    * ``owner``: the user whose access token the request carried; ``None`` without one.
    * ``more``: other fields of the session.
    """
    pepper, now = role.peppers.current, role.clock()
    slot = _slot(pepper, purpose, candidate.threepid, secret, owner)
    sid = role.new_sid(slot)
    return Session(
        sid=sid,
        purpose=purpose,
        threepid=candidate.threepid,
        spelling=candidate.spelling,
        owner=owner,
        pepper_id=pepper.id,
        secret_mac=secret_mac(pepper, sid, secret),
        slot=slot,
        created_at=now,
        expires_at=now + role.policy.lifetimes.session,
        **more,
    )


async def join_or_open(role: Role, new: Session, secret: str, resume: Step) -> tuple[Session, Session | None]:
    """Find the live session of an earlier equal request and change it, or store ``new`` (REQ-SESS-1).

    * ``new``: the session to store if there is none.
    * ``secret``: the client secret, to compute the slot under the previous pepper.
    * ``resume``: the change of a session that was found.

    Returns the session as it was found or stored, and what is stored now: ``None`` if it was found and ``resume``
    changes nothing. Raises ``Unavailable`` if other processes take the slot at every try.
    """
    for _ in range(TRIES):
        holder = await _holder_under_previous_pepper(role, new, secret) or await role.writing_sessions.open(new)
        if holder.sid == new.sid:
            return new, new
        if holder.alive(role.clock()):
            # What was read a moment ago is enough to see that nothing is to be done.
            return holder, None if resume(holder) is None else await update_session(role, holder, resume)
        # The slot is held by a session that has expired. Ending it frees the slot, without waiting for a purge.
        await role.sessions.replace(holder.end())
    raise Unavailable


async def charge_and_open(
    role: Role,
    new: Session,
    secret: str,
    resume: Step,
    counters: Sequence[Counter],
    now: int,
    unless: Sequence[Counter],
) -> tuple[Session, Session | None, bool] | None:
    """Do ``join_or_open`` and charge limits in one commit; return ``None`` if they refuse, and then nothing is stored.

    * ``role``: one with ``charging_sessions``.
    * ``new``, ``secret``, ``resume``: as for ``join_or_open``.
    * ``counters``: what is charged.
    * ``now``: the time in ms, at which it is charged.
    * ``unless``: those of ``counters`` that need not be charged where ``resume`` changes nothing.

    Returns what ``join_or_open`` does, and whether ``unless`` was charged.
    """
    if (earlier := await _holder_under_previous_pepper(role, new, secret)) is not None:
        wait, changed = await try_charge_and_update(role, earlier, resume, counters, now)
        return None if wait else (earlier, changed, True)
    store = role.charging_sessions
    if store is None:
        raise Unavailable
    wait, holder, changed = await store.open_charging(
        new,
        charges_of(role, counters, now),
        now,
        # A session that has expired gives its slot up.
        lambda stored: resume(stored) if stored.alive(now) else stored.end(),
        charges_of(role, unless, now),
    )
    if wait:
        return None
    if holder.sid == new.sid:
        return holder, changed, True
    if not holder.alive(now):
        return *await join_or_open(role, new, secret, resume), True
    if changed == holder:
        return holder, None, False
    # Where nothing was stored somebody else has changed the session meanwhile.
    return holder, changed or await update_session(role, holder, resume), True


async def holder(role: Role, new: Session, secret: str) -> Session | None:
    """Return the live session of an earlier equal request; ``None`` if there is none."""
    held = await role.sessions.find(new.slot or "")
    if held is not None and held.alive(role.clock()):
        return held
    return await _holder_under_previous_pepper(role, new, secret)


async def _holder_under_previous_pepper(role: Role, new: Session, secret: str) -> Session | None:
    """Return the live session of an equal request that came before the peppers were rotated."""
    if role.peppers.previous is None:
        return None
    slot = _slot(role.peppers.previous, new.purpose, new.threepid, secret, new.owner)
    holder = await role.sessions.find(slot)
    return holder if holder is not None and holder.alive(role.clock()) else None


def _slot(pepper: Pepper, purpose: Purpose, threepid: Threepid, secret: str, owner: str | None) -> str:
    return pepper.mac("slot", purpose.value, threepid.medium.value, threepid.address, secret, owner or "")
