"""Add a proved address to an account: for the user who proved it, once (SEC-128).

See MSC2290, https://github.com/matrix-org/matrix-spec-proposals/pull/2290, and
https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3account3pidadd.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import evolve

from ..events import ThreepidAdded
from ..limits.rate import changes
from ..model.call import Call
from ..model.message import MessageKind
from ..model.session import Session
from ..model.threepid import AccountThreepid, AddOutcome, Purpose
from ..protocol.errors import Forbidden, MatrixError, ThreepidAuthFailed, ThreepidDenied, ThreepidInUse, UnknownToken
from ..roles.homeserver import Homeserver
from . import session_access
from .delete import release
from .delivery import came_back
from .notify_owner import notify_owner
from .reversals import Noted, not_made, note_change


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

    * ``hs``: the homeserver.
    * ``call``: the call; its caller is the user.
    * ``sid``, ``client_secret``: the session and its secret, as the client sent them.
    * ``authenticate``: awaited once the session was found usable; raises unless the caller has authenticated.
    * ``may_repeat``: whether a session that this user consumed within ``Lifetimes.repeat`` counts as success, since
      the answer may have been lost (SEC-4). Such a request must carry ``auth`` as the first one did.

    After a crash between two steps the same user can repeat the request (SEC-128). Raises ``ThreepidAuthFailed``,
    ``LimitExceeded``, ``ThreepidDenied``, ``Forbidden``, ``ThreepidInUse``, or what ``authenticate`` raises.
    """
    user = call.user.user_id
    claimant = f"user:{user}"

    def usable(stored: Session) -> bool:
        return stored.usable(Purpose.ADD, claimant, user, hs.clock(), hs.policy.lifetimes)

    # Checked before authentication, so that no user types a password for a session that cannot be used (REQ-ADD-9). The
    # claim below checks again, since minutes may pass while the user authenticates.
    session = await session_access.find(hs, sid, client_secret)
    if session is None:
        raise ThreepidAuthFailed
    done_before = may_repeat and not usable(session) and await _added_lately(hs, session, claimant, user)
    if not usable(session) and not done_before:
        raise ThreepidAuthFailed(await came_back(hs, session))
    await authenticate()
    if done_before:
        return

    # Charged after authentication: a request without ``auth`` is the ordinary first step and changes nothing.
    # With an owner the session ends with the user's account, also one that was opened without an access token.
    claimed = await session_access.charge_and_update(
        hs,
        session,
        lambda stored: evolve(stored.claim(claimant, hs.clock()), owner=user) if usable(stored) else None,
        "change",
        [changes(hs, user)],
    )
    if claimed is None:
        # The same request may have been sent twice and the other one finished first: that is a success. If the session
        # was claimed or consumed in any other way, this request is refused.
        stored = await hs.sessions.get(session.sid)
        if stored is None or not await _added_lately(hs, stored, claimant, user):
            raise ThreepidAuthFailed
        return

    if session.owner is None:
        await _check_caller(hs, call, claimed)
    # The rules of the host are asked again, since they may have changed since requestToken (SEC-55).
    if not await hs.rules.allows(claimed.threepid, Purpose.ADD, user):
        await session_access.update_session(hs, claimed, Session.end)
        raise ThreepidDenied
    await _refuse_too_many(hs, user, claimed, room_for=1)
    noted = await note_change(hs, user, MessageKind.ADDED, claimed.threepid)
    await _put_onto_account(hs, user, claimed, noted)

    # Only the process whose compare-and-swap consumes the session emits the event. So one event is emitted even if two
    # requests add the address, or a second one completes what a crash interrupted.
    now = hs.clock()
    if await session_access.update_session(hs, claimed, lambda stored: None if stored.over else stored.consume(now)):
        hs.emit(ThreepidAdded(user, claimed.threepid))
        await notify_owner(hs, user, MessageKind.ADDED, claimed.threepid)
        return
    stored = await hs.sessions.get(claimed.sid)
    if stored is None or stored.ended:
        # The account was deactivated meanwhile, or the address disowned. Deactivation ends the sessions before it
        # removes the addresses, so one that was added too late for that is taken back here (REQ-DEACT-9).
        await hs.accounts.remove(user, claimed.threepid)
        await not_made(hs, noted)
        raise ThreepidAuthFailed


async def _put_onto_account(hs: Homeserver, user: str, claimed: Session, noted: Noted | None) -> None:
    """Add the address of a claimed session; a session whose address is not added is released, not ended.

    Raises ``ThreepidInUse`` or ``Forbidden``.
    """
    # ``Accounts.add`` decides and adds in one step; a look-up before it would leave a gap for another user (REQ-ADD-4).
    outcome = await hs.accounts.add(user, account_threepid(claimed, hs.clock()))
    if outcome is AddOutcome.TAKEN and hs.policy.addresses.release:
        await release(hs, claimed.threepid)
        outcome = await hs.accounts.add(user, account_threepid(claimed, hs.clock()))
    if outcome is AddOutcome.TAKEN:
        # The owner of the address may delete it, and then the proof can still be used.
        await session_access.update_session(hs, claimed.sid, Session.release)
        await not_made(hs, noted)
        raise ThreepidInUse
    if outcome is AddOutcome.ADDED:
        try:
            await _refuse_too_many(hs, user, claimed)
        except Forbidden:
            # Two additions at once may each have found room for one more.
            await hs.accounts.remove(user, claimed.threepid)
            await not_made(hs, noted)
            raise


async def _refuse_too_many(hs: Homeserver, user: str, claimed: Session, room_for: int = 0) -> None:
    """Raise ``Forbidden`` if an account has more addresses than ``AccountAddresses.most``, or has no room for more."""
    most = hs.policy.addresses.most
    if most is None:
        return
    held = [each.threepid for each in await hs.accounts.list(user)]
    if len(held) + (room_for if claimed.threepid not in held else 0) > most:
        # Released, not ended: the user may remove another address, and then the proof can still be used.
        await session_access.update_session(hs, claimed.sid, Session.release)
        raise Forbidden(f"An account has at most {most} addresses on this server")


async def _check_caller(hs: Homeserver, call: Call, claimed: Session) -> None:
    """Check that the access token is still valid, for a session that a deactivation could not have ended before.

    Raises ``UnknownToken`` or what else the host answers to the token.
    """
    try:
        caller = await hs.identify(call.request)
        if caller is None or caller.user_id != call.user.user_id:
            raise UnknownToken
    except MatrixError:
        await session_access.update_session(hs, claimed, Session.end)
        raise


async def _added_lately(hs: Homeserver, session: Session, claimant: str, user: str) -> bool:
    """Return whether ``claimant`` consumed the session lately and its address is still on the user's account.

    Without the second condition a repeated request would report success for an address deleted meanwhile (SEC-4).
    """
    if not session.served(claimant, hs.clock(), hs.policy.lifetimes):
        return False
    owner = await hs.accounts.owner(session.threepid)
    return owner is not None and owner.user_id == user


def account_threepid(session: Session, now: int) -> AccountThreepid:
    """Return the identifier that a validated session adds to an account.

    * ``session``: the validated session.
    * ``now``: the time of the addition, in ms.
    """
    return AccountThreepid(
        medium=session.threepid.medium,
        address=session.threepid.address,
        validated_at=session.validated_at or now,
        added_at=now,
        spelling=session.spelling,
    )
