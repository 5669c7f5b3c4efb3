"""Find and change sessions: the pure rules of ``Session`` applied to the store by compare-and-swap.

Secrets, tokens and codes are derived here from the peppers (decision 21). ``session_opening`` opens sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..limits.counting import Counter, charges_of, refuse
from ..model.delivery import DeliveryEvent
from ..model.keys import Pepper, same
from ..model.session import Session
from ..model.threepid import Purpose, Threepid
from ..policy.for_tests import PURPOSES
from ..ports import Charge, SessionStore
from ..protocol.errors import NoValidSession, Unavailable
from ..roles.base import Role

# A compare-and-swap fails only if another process changed the row meanwhile; 32 failures in a row mean a broken store.
TRIES = 32
"""How often a change is tried."""
# For the comparison that is made when there is no session or no pepper, so that it takes as long (SEC-114).
_DUMMY_PEPPER = Pepper(b"\0" * 32)

Step = Callable[[Session], Session | None]
"""A pure function from a stored session to the one that replaces it, or to ``None`` to change nothing."""


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
    for _ in range(TRIES):
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
    for number in range(TRIES):
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
