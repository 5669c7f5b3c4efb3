"""Put a proved address on an account: once, for its own user, and told once."""

from __future__ import annotations

from ..events import ThreepidAdded
from ..limits.rate import charge_change
from ..model.message import MessageKind
from ..model.session import Session
from ..model.threepid import AccountThreepid, AddOutcome, Purpose, Threepid
from ..protocol import errors
from ..roles.call import Call
from ..roles.emit import emit
from ..roles.homeserver import Homeserver
from . import session_access
from .notify_owner import notify_owner


async def proved(hs: Homeserver, call: Call, sid: str, secret: str, *, repeated: bool) -> Session:
    """Return the session if it lets the caller add its address, or did so a moment ago.

    A repetition counts only with the authentication it was sent with: an answer may have been lost.
    """
    session = await session_access.find(hs, sid, secret)
    now, lifetimes, user = hs.clock(), hs.policy.lifetimes, call.user.user_id
    if session is not None:
        if session.usable(Purpose.ADD, _claimant(user), user, now, lifetimes):
            return session
        if repeated and await _served(hs, session, user):
            return session
    raise errors.ThreepidAuthFailed


async def _served(hs: Homeserver, session: Session, user: str) -> bool:
    """Whether the session put its address on the user's account a moment ago, and it still is there."""
    lately = session.served(_claimant(user), hs.clock(), hs.policy.lifetimes)
    return lately and await _has(hs, user, session.threepid)


async def conclude(hs: Homeserver, call: Call, session: Session) -> None:
    """Claim, add, spend: whatever happens in between, the same caller can finish it."""
    user = call.user.user_id
    if session.consumed_at is not None:
        return
    await charge_change(hs, user)
    claimed = await session_access.update_session(hs, session.sid, lambda stored: _claim(hs, stored, user))
    if claimed is None:
        await _overtaken(hs, session, user)
    else:
        await _add(hs, user, claimed)
        await _consume(hs, user, claimed)


async def _consume(hs: Homeserver, user: str, session: Session) -> None:
    """Use the session up; whoever does that tells of the addition, so that it is told once, after a crash too."""
    now = hs.clock()
    if await session_access.update_session(
        hs, session.sid, lambda stored: None if stored.over else stored.consume(now)
    ):
        emit(hs, ThreepidAdded(user, session.threepid))
        await notify_owner(hs, user, MessageKind.ADDED, session.threepid)


async def _overtaken(hs: Homeserver, session: Session, user: str) -> None:
    """Accept that the same request, sent twice, was faster elsewhere; refuse whatever else took the session away."""
    stored = await hs.sessions.get(session.sid)
    if stored is None or not await _served(hs, stored, user):
        raise errors.ThreepidAuthFailed


def _claim(hs: Homeserver, session: Session, user: str) -> Session | None:
    now = hs.clock()
    usable = session.usable(Purpose.ADD, _claimant(user), user, now, hs.policy.lifetimes)
    return session.claim(_claimant(user), now) if usable else None


async def _add(hs: Homeserver, user: str, session: Session) -> None:
    """Add the address, or let go of the session and say why not."""
    if not await hs.rules.allows(session.threepid, Purpose.ADD, user):
        await session_access.update_session(hs, session.sid, Session.end)
        raise errors.ThreepidDenied
    outcome = await hs.accounts.add(user, account_threepid(session, hs.clock()))
    if outcome is AddOutcome.TAKEN:
        await session_access.update_session(hs, session.sid, Session.release)
        raise errors.ThreepidInUse


def account_threepid(session: Session, now: int) -> AccountThreepid:
    """Return what a validated session puts on an account."""
    return AccountThreepid(
        medium=session.threepid.medium,
        address=session.threepid.address,
        validated_at=session.validated_at or now,
        added_at=now,
        spelling=session.spelling,
    )


async def _has(hs: Homeserver, user: str, threepid: Threepid) -> bool:
    owner = await hs.accounts.owner(threepid)
    return owner is not None and owner.user_id == user


def _claimant(user_id: str) -> str:
    return f"user:{user_id}"
