"""Open, find and change sessions: the pure rules of ``Session`` applied to the store by compare-and-swap.

Secrets, tokens and codes are derived here from the peppers (decision 21).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..limits.counting import Counter, charges_of, refuse
from ..model.delivery import DeliveryEvent
from ..model.keys import Pepper, same
from ..model.session import Session
from ..model.threepid import Candidate, Purpose, Threepid
from ..policy.for_tests import PURPOSES
from ..ports import Charge, SessionStore
from ..protocol.errors import NoValidSession, Unavailable
from ..roles.base import Role

# A compare-and-swap fails only if another process changed the row meanwhile; 32 failures in a row mean a broken store.
_TRIES = 32
# For the comparison that is made when there is no session or no pepper, so that it takes as long (SEC-114).
_DUMMY_PEPPER = Pepper(b"\0" * 32)


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


Step = Callable[[Session], Session | None]
"""A pure function from a stored session to the one that replaces it, or to ``None`` to change nothing."""


async def join_or_open(role: Role, new: Session, secret: str, resume: Step) -> tuple[Session, Session | None]:
    """Find the live session of an earlier equal request and change it, or store ``new`` (REQ-SESS-1).

    * ``new``: the session to store if there is none.
    * ``secret``: the client secret, to compute the slot under the previous pepper.
    * ``resume``: the change of a session that was found.

    Returns the session as it was found or stored, and what is stored now: ``None`` if it was found and ``resume``
    changes nothing. Raises ``Unavailable`` if other processes take the slot at every try.
    """
    for _ in range(_TRIES):
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


async def find(role: Role, sid: str, secret: str) -> Session | None:
    """Return the session with this id if ``secret`` is its client secret, else ``None``.

    An unknown id and a wrong secret are answered alike, after the same comparison (REQ-SESS-8, SEC-114).
    """
    session = await role.sessions.get(sid)
    pepper = (session and role.peppers.by_id(session.pepper_id)) or _DUMMY_PEPPER
    matches = same(secret_mac(pepper, sid, secret), session.secret_mac if session else "")
    # The key of the dummy is public, so a row with a MAC under it must not match.
    return session if matches and pepper is not _DUMMY_PEPPER else None


async def update_session(role: Role, seen: Session | str, step: Step) -> Session | None:
    """Change the stored session by compare-and-swap; return the new session.

    * ``seen``: the session as the caller has read it, which is not read again unless it was changed since; its id if
      the caller has not read it.
    * ``step``: a pure function from the stored session to the new one; called again after each lost race. It returns
      ``None`` to change nothing, and then so does this function.

    Raises ``NoValidSession`` if the session does not exist, and ``Unavailable`` if it was changed by others at every
    try.
    """
    if isinstance(seen, Session):
        changed = step(seen)
        # A step that has nothing to do with what was read before must see what is stored now.
        if changed is not None and changed is not seen and await role.writing_sessions.replace(changed):
            return changed
    sid = seen if isinstance(seen, str) else seen.sid
    for _ in range(_TRIES):
        session = await role.sessions.get(sid)
        if session is None:
            raise NoValidSession
        changed = step(session)
        # A step that returns its argument has nothing to write.
        if changed is None or changed is session or await role.writing_sessions.replace(changed):
            return changed
    raise Unavailable


async def charge_and_update(
    role: Role, seen: Session, step: Step, action: str, counters: Sequence[Counter]
) -> Session | None:
    """Charge limits and change a session, in one commit where the stores can; return the new session.

    * ``seen``, ``step``: as for ``update_session``.
    * ``action``, ``counters``: as for ``charge``. They are charged whether or not there is anything to change.

    Raises ``LimitExceeded``, and what ``update_session`` raises.
    """
    wait, changed = await try_charge_and_update(role, seen, step, counters)
    if wait:
        refuse(role, action, wait)
    return changed


async def try_charge_and_update(
    role: Role, seen: Session, step: Step, counters: Sequence[Counter], at: int | None = None
) -> tuple[int, Session | None]:
    """Do ``charge_and_update``; return the ms until the limits have room, 0 if they were charged, and the new session.

    * ``at``: the time in ms, at which it is charged; default now.

    Raises what ``update_session`` raises.
    """
    store, changed = role.charging_sessions, step(seen)
    now = role.clock() if at is None else at
    if store is not None and changed is not None:
        stored, granted = await store.replace_charging(changed, charges_of(role, counters, now), now, required=True)
        if stored:
            return 0, changed
        if granted:  # somebody has changed the session meanwhile
            return 0, await update_session(role, seen.sid, step)
    wait = await role.limiter.charge(charges_of(role, counters, now), now)
    return wait, None if wait else await update_session(role, seen, step)


async def update_and_count(
    role: Role, seen: Session, step: Step, counters: Sequence[Counter]
) -> tuple[Session | None, bool]:
    """Change a session, and charge limits in the same commit where the stores can.

    * ``seen``, ``step``: as for ``update_session``.
    * ``counters``: what is charged once the session is changed.

    Returns the new session, and whether the limits were charged; if they were not, they may still be, by ``charged``.
    Raises what ``update_session`` raises.
    """
    store, changed = role.charging_sessions, step(seen)
    if store is not None and counters and changed is not None and changed is not seen:
        now, charges = role.clock(), charges_of(role, counters)
        stored, granted = await store.replace_charging(changed, charges, now, required=False)
        if stored:
            return changed, granted
        return await update_session(role, seen.sid, step), False
    return await update_session(role, seen, step), False


async def update_and_give_back(
    role: Role,
    seen: Session,
    step: Callable[[Session], tuple[Session | None, Sequence[Charge]]],
    event: DeliveryEvent | None,
) -> None:
    """Change a session, give charges back, and record an event of its message, in the same commit where stores can.

    * ``seen``: as for ``update_session``.
    * ``step``: a pure function from the stored session to the new one, or to ``None`` to change nothing, and to what is
      given back; called again after each lost race.
    * ``event``: what became of the message; ``None`` where that is not recorded.

    Raises what ``update_session`` raises.
    """
    session: Session | None = seen
    for number in range(_TRIES):
        if session is None:
            raise NoValidSession
        changed, back = step(session)
        if changed is not None:
            if await _replace_giving_back(role, role.telling_sessions(event), changed, back):
                return
        elif number:  # what was read before may have been changed since
            await role.limiter.give_back(back, role.clock())
            if event is not None and role.messages is not None:
                await role.messages.record(event)
            return
        session = await role.sessions.get(seen.sid)
    raise Unavailable


async def _replace_giving_back(role: Role, sessions: SessionStore, changed: Session, back: Sequence[Charge]) -> bool:
    store = role.charging(sessions)
    if back and store is not None:
        return await store.replace_giving_back(changed, back)
    # In this order: after a crash in between nothing is given back, and never anything twice.
    replaced = await sessions.replace(changed)
    if replaced and back:
        await role.limiter.give_back(back, role.clock())
    return replaced


async def replace_charged(role: Role, changed: Session, charges: Sequence[Charge]) -> bool:
    """Charge limits and store a session, or do neither; return whether it was done.

    * ``changed``: the session, with the next revision.
    * ``charges``: the charges.
    """
    store, now = role.charging_sessions, role.clock()
    if store is not None:
        stored, made = await store.replace_charging(changed, charges, now, required=True)
    else:
        made = not await role.limiter.charge(charges, now)
        stored = made and await role.writing_sessions.replace(changed)
    if made and not stored:
        await role.limiter.give_back(charges, now)
    return stored


async def end_all(role: Role, threepid: Threepid, purpose: Purpose) -> None:
    """End every open session of an identifier for one purpose."""
    for session in await role.sessions.of_threepid(threepid, purpose):
        await update_session(role, session, lambda stored: None if stored.over else stored.end())


async def end_all_of(role: Role, user_id: str) -> None:
    """End every open session that a user has opened."""
    for session in await role.sessions.of_owner(user_id):
        await update_session(role, session, lambda stored: None if stored.over else stored.end())


def secret_mac(pepper: Pepper, sid: str, secret: str) -> str:
    """Return the MAC of a client secret, as it is stored (SEC-112)."""
    # The sid is part of it, so that equal secrets of two sessions are stored as different MACs.
    return pepper.mac("client_secret", sid, secret)


def link_token(role: Role, session: Session) -> str | None:
    """Return the token of the session's link, or ``None`` if its pepper is no longer in force."""
    # The same for every message of the session: people open the first mail that arrives (decision 21).
    pepper = role.peppers.by_id(session.pepper_id)
    return None if pepper is None else pepper.token("link", session.sid)


def code(role: Role, session: Session) -> str | None:
    """Return the session's valid code, or ``None`` if its pepper is no longer in force."""
    pepper = role.peppers.by_id(session.pepper_id)
    if (test := role.for_tests(session.threepid)) is not None and pepper is not None and session.purpose in PURPOSES:
        stored, fixed = session.code_digits, len(test.code)
        if stored == fixed:  # else it was opened before, with a code of its own
            return test.code
    return None if pepper is None else pepper.code(session.code_digits, "code", session.sid, str(session.code_serial))


def _slot(pepper: Pepper, purpose: Purpose, threepid: Threepid, secret: str, owner: str | None) -> str:
    return pepper.mac("slot", purpose.value, threepid.medium.value, threepid.address, secret, owner or "")
