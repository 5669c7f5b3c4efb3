"""Open, find and change sessions: the only module that knows both the pure rules and the store."""

from __future__ import annotations

from collections.abc import Callable

from .homeserver import Homeserver
from .model.keys import Pepper, same
from .model.session import Session
from .model.threepid import Candidate, Purpose, Threepid
from .protocol.errors import NoValidSession, Unavailable

_TRIES = 32
_NOBODY = Pepper(b"\0" * 32)


def fresh(hs: Homeserver, purpose: Purpose, candidate: Candidate, secret: str, owner: str | None) -> Session:
    """Return a session as it is opened: nothing sent, nothing proved."""
    pepper, sid, now = hs.peppers.current, hs.new_sid(), hs.clock()
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
        expires_at=now + hs.policy.lifetimes.session,
    )


async def join_or_open(hs: Homeserver, wanted: Session, secret: str) -> Session:
    """Return the live session of the same request, or ``wanted``, now stored."""
    for _ in range(_TRIES):
        holder = await _holder(hs, wanted, secret) or await hs.sessions.open(wanted)
        if holder.sid == wanted.sid or holder.alive(hs.clock()):
            return holder
        await hs.sessions.replace(holder.end())
    raise Unavailable


async def _holder(hs: Homeserver, wanted: Session, secret: str) -> Session | None:
    """Return the live session opened under the previous pepper."""
    if hs.peppers.previous is None:
        return None
    slot = _slot(hs.peppers.previous, wanted.purpose, wanted.threepid, secret, wanted.owner)
    holder = await hs.sessions.find(slot)
    return holder if holder is not None and holder.alive(hs.clock()) else None


async def find(hs: Homeserver, sid: str, secret: str) -> Session | None:
    """Return the session of ``sid`` if ``secret`` is its client secret; both misses cost the same."""
    session = await hs.sessions.get(sid)
    pepper = (session and hs.peppers.named(session.pepper_id)) or _NOBODY
    fits = same(secret_mac(pepper, sid, secret), session.secret_mac if session else "")
    return session if fits and pepper is not _NOBODY else None


async def change(hs: Homeserver, sid: str, step: Callable[[Session], Session | None]) -> Session | None:
    """Apply a pure step to the stored session until it holds; ``None`` if the step declines.

    Raises ``NoValidSession`` if the session is gone, ``Unavailable`` if others never let go of it.
    """
    for _ in range(_TRIES):
        session = await hs.sessions.get(sid)
        if session is None:
            raise NoValidSession
        changed = step(session)
        if changed is None or changed is session or await hs.sessions.replace(changed):
            return changed
    raise Unavailable


async def end_all(hs: Homeserver, threepid: Threepid, purpose: Purpose) -> None:
    """Call off every open session of an identifier for one purpose."""
    for session in await hs.sessions.of_threepid(threepid, purpose):
        await change(hs, session.sid, lambda session: None if session.over else session.end())


async def end_all_of(hs: Homeserver, user_id: str) -> None:
    """Call off every open session a user has opened."""
    for session in await hs.sessions.of_owner(user_id):
        await change(hs, session.sid, lambda session: None if session.over else session.end())


def secret_mac(pepper: Pepper, sid: str, secret: str) -> str:
    """Return a client secret as it is stored."""
    return pepper.mac("client_secret", sid, secret)


def link_token(hs: Homeserver, session: Session) -> str | None:
    """Return the token of the session's link, or ``None`` once its pepper is dropped."""
    pepper = hs.peppers.named(session.pepper_id)
    return None if pepper is None else pepper.token("link", session.sid)


def code(hs: Homeserver, session: Session) -> str | None:
    """Return the session's newest code, or ``None`` once its pepper is dropped."""
    pepper = hs.peppers.named(session.pepper_id)
    return None if pepper is None else pepper.code(session.code_digits, "code", session.sid, str(session.serial))


def _slot(pepper: Pepper, purpose: Purpose, threepid: Threepid, secret: str, owner: str | None) -> str:
    return pepper.mac("slot", purpose.value, threepid.medium.value, threepid.address, secret, owner or "")
