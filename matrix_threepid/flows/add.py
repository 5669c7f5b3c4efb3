"""Put a proved address on an account: once, for the user who proved it, and announced once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..events import ThreepidAdded
from ..limits.rate import charge_change
from ..model.call import Call
from ..model.message import MessageKind
from ..model.session import Session
from ..model.threepid import AccountThreepid, AddOutcome, Purpose
from ..protocol.errors import ThreepidAuthFailed, ThreepidDenied, ThreepidInUse
from ..roles.homeserver import Homeserver
from . import session_access
from .notify_owner import notify_owner


async def add(
    hs: Homeserver,
    call: Call,
    sid: str,
    client_secret: str,
    *,
    authenticate: Callable[[], Awaitable[None]],
    may_repeat: bool,
) -> None:
    """Add the address of a session to the caller's account.

    * ``authenticate``: awaited once the session was found usable; raises unless the caller has authenticated.
    * ``may_repeat``: whether the request may be one that was carried out a moment ago, and whose answer was lost. It
      must carry the authentication it was sent with then.

    Whatever happens between the steps, the same caller can finish what was begun (REQ-ADD-8). Raises
    ``ThreepidAuthFailed``, ``LimitExceeded``, ``ThreepidDenied`` or ``ThreepidInUse``.
    """
    user = call.user.user_id
    claimant = f"user:{user}"

    def usable(stored: Session) -> bool:
        return stored.usable(Purpose.ADD, claimant, user, hs.clock(), hs.policy.lifetimes)

    # Judged before authentication, so that nobody types a password for a session that cannot be used. The claim below
    # judges again, since authentication takes as long as the user likes.
    session = await session_access.find(hs, sid, client_secret)
    if session is None:
        raise ThreepidAuthFailed
    done_before = may_repeat and not usable(session) and await _added_lately(hs, session, claimant, user)
    if not usable(session) and not done_before:
        raise ThreepidAuthFailed
    await authenticate()
    if done_before:
        return

    await charge_change(hs, user)
    claimed = await session_access.update_session(
        hs, session.sid, lambda stored: stored.claim(claimant, hs.clock()) if usable(stored) else None
    )
    if claimed is None:
        # The same request, sent twice, may have been faster elsewhere. Whatever else took the session is a refusal.
        stored = await hs.sessions.get(session.sid)
        if stored is None or not await _added_lately(hs, stored, claimant, user):
            raise ThreepidAuthFailed
        return

    if not await hs.rules.allows(claimed.threepid, Purpose.ADD, user):
        await session_access.update_session(hs, claimed.sid, Session.end)
        raise ThreepidDenied
    if await hs.accounts.add(user, account_threepid(claimed, hs.clock())) is AddOutcome.TAKEN:
        await session_access.update_session(hs, claimed.sid, Session.release)
        raise ThreepidInUse

    # Whoever consumes the session announces the addition, so that it is announced once, after a crash too.
    now = hs.clock()
    if await session_access.update_session(
        hs, claimed.sid, lambda stored: None if stored.over else stored.consume(now)
    ):
        hs.emit(ThreepidAdded(user, claimed.threepid))
        await notify_owner(hs, user, MessageKind.ADDED, claimed.threepid)


async def _added_lately(hs: Homeserver, session: Session, claimant: str, user: str) -> bool:
    """Return whether the session put its address on the user's account a moment ago, and it still is there."""
    if not session.served(claimant, hs.clock(), hs.policy.lifetimes):
        return False
    owner = await hs.accounts.owner(session.threepid)
    return owner is not None and owner.user_id == user


def account_threepid(session: Session, now: int) -> AccountThreepid:
    """Return what a validated session puts on an account; ``now`` in ms."""
    return AccountThreepid(
        medium=session.threepid.medium,
        address=session.threepid.address,
        validated_at=session.validated_at or now,
        added_at=now,
        spelling=session.spelling,
    )
