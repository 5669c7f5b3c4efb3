"""Open, find and change sessions: the only module that knows both the pure rules and the store."""

from __future__ import annotations

from collections.abc import Callable

from ..model.keys import Pepper, same
from ..model.session import Session
from ..model.threepid import Candidate, Purpose, Threepid
from ..protocol.errors import NoValidSession, Unavailable
from ..roles.base import Role

_TRIES = 32
_NOBODY = Pepper(b"\0" * 32)


def new_session(role: Role, purpose: Purpose, candidate: Candidate, secret: str, owner: str | None) -> Session:
    """Return a session as it is opened: no message sent, no address proved."""
    pepper, sid, now = role.peppers.current, role.new_sid(), role.clock()
    return Session(
        sid=sid,
        purpose=purpose,
        threepid=candidate.threepid,
        spelling=candidate.spelling,
        owner=owner,
        pepper_id=pepper.id,
        secret_mac=secret_mac(pepper, sid, secret),
        slot=_slot(pepper, purpose, candidate.threepid, secret, owner),
        created_at=now,
        expires_at=now + role.policy.lifetimes.session,
    )


async def join_or_open(role: Role, wanted: Session, secret: str) -> Session:
    """Return the live session of the same request, or ``wanted``, now stored."""
    for _ in range(_TRIES):
        holder = await _holder(role, wanted, secret) or await role.sessions.open(wanted)
        if holder.sid == wanted.sid or holder.alive(role.clock()):
            return holder
        await role.sessions.replace(holder.end())
    raise Unavailable


async def _holder(role: Role, wanted: Session, secret: str) -> Session | None:
    """Return the live session opened under the previous pepper."""
    if role.peppers.previous is None:
        return None
    slot = _slot(role.peppers.previous, wanted.purpose, wanted.threepid, secret, wanted.owner)
    holder = await role.sessions.find(slot)
    return holder if holder is not None and holder.alive(role.clock()) else None


async def find(role: Role, sid: str, secret: str) -> Session | None:
    """Return the session of ``sid`` if ``secret`` is its client secret; both misses cost the same."""
    session = await role.sessions.get(sid)
    pepper = (session and role.peppers.by_id(session.pepper_id)) or _NOBODY
    fits = same(secret_mac(pepper, sid, secret), session.secret_mac if session else "")
    return session if fits and pepper is not _NOBODY else None


async def update_session(role: Role, sid: str, step: Callable[[Session], Session | None]) -> Session | None:
    """Apply a pure step to the stored session until it holds; ``None`` if the step declines.

    Raises ``NoValidSession`` if the session is gone, ``Unavailable`` if others never let go of it.
    """
    for _ in range(_TRIES):
        session = await role.sessions.get(sid)
        if session is None:
            raise NoValidSession
        changed = step(session)
        if changed is None or changed is session or await role.sessions.replace(changed):
            return changed
    raise Unavailable


async def end_all(role: Role, threepid: Threepid, purpose: Purpose) -> None:
    """Call off every open session of an identifier for one purpose."""
    for session in await role.sessions.of_threepid(threepid, purpose):
        await update_session(role, session.sid, lambda session: None if session.over else session.end())


async def end_all_of(role: Role, user_id: str) -> None:
    """Call off every open session a user has opened."""
    for session in await role.sessions.of_owner(user_id):
        await update_session(role, session.sid, lambda session: None if session.over else session.end())


def secret_mac(pepper: Pepper, sid: str, secret: str) -> str:
    """Return a client secret as it is stored."""
    return pepper.mac("client_secret", sid, secret)


def link_token(role: Role, session: Session) -> str | None:
    """Return the token of the session's link, or ``None`` once its pepper is dropped."""
    pepper = role.peppers.by_id(session.pepper_id)
    return None if pepper is None else pepper.token("link", session.sid)


def code(role: Role, session: Session) -> str | None:
    """Return the session's newest code, or ``None`` once its pepper is dropped."""
    pepper = role.peppers.by_id(session.pepper_id)
    return None if pepper is None else pepper.code(session.code_digits, "code", session.sid, str(session.code_serial))


def _slot(pepper: Pepper, purpose: Purpose, threepid: Threepid, secret: str, owner: str | None) -> str:
    return pepper.mac("slot", purpose.value, threepid.medium.value, threepid.address, secret, owner or "")
