"""Add a proved address to an account: the endpoint of today, and the one of clients before r0.6.0."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from .. import sessions
from ..call import Call
from ..events import ThreepidAdded
from ..homeserver import Homeserver
from ..limiting import charge_change
from ..listening import tell
from ..model.message import Kind
from ..model.session import Session
from ..model.threepid import AccountThreepid, AddOutcome, Purpose, Threepid
from ..notices import tell_others
from ..protocol import errors
from ..protocol.endpoint import Access, Spending, endpoint
from ..protocol.history import History
from ..protocol.members import free_object, member, opaque
from ..protocol.message import Nested

_ADDING = (
    errors.ThreepidAuthFailed,
    errors.ThreepidInUse,
    errors.ThreepidDenied,
    errors.Forbidden,
    errors.NoValidSession,
    errors.Unrecognized,
)
_ACTION = "add a third-party identifier to your account"


@frozen
class Empty:
    """Nothing to say: ``{}``."""


@frozen(kw_only=True)
class AddThreepid:
    """Put a proved address on the account."""

    sid: str = opaque(doc="the validated session")
    client_secret: str = opaque(secret=True, doc="the client's secret of this session")
    auth: Any = free_object(optional=True, secret=True, doc="user-interactive authentication")


@frozen(kw_only=True)
class ThreepidCreds:
    """A session and its secret, as older endpoints wrap them."""

    sid: str = opaque(doc="the validated session")
    client_secret: str = opaque(secret=True, alias="clientSecret", doc="the client's secret of this session")


@frozen(kw_only=True)
class LegacyAddThreepid:
    """Put a proved address on the account, as clients before r0.6.0 do; nothing else they send has an effect."""

    three_pid_creds: ThreepidCreds = member(Nested(ThreepidCreds), alias="threePidCreds", doc="the proof")
    auth: Any = free_object(optional=True, secret=True, doc="only where the policy asks for it")


def changes_enabled(hs: Homeserver) -> None:
    """Refuse where the capability ``m.3pid_changes`` is off."""
    if not hs.policy.changes_enabled:
        raise errors.Forbidden("Changing addresses is disabled on this server")


@endpoint(
    "POST",
    "/account/3pid/add",
    History(r0="r0.6.0", v3="v1.1"),
    access=Access.USER,
    spending=Spending.CHANGES,
    uia=True,
    request=AddThreepid,
    reply=Empty,
    errors=_ADDING,
    admits=changes_enabled,
)
async def add_threepid(hs: Homeserver, call: Call, message: AddThreepid) -> Empty:
    """Put an address the caller has proved on their account, after user-interactive authentication (MSC2290)."""
    if call.user.oauth:
        raise errors.Unrecognized
    # Asked before UIA so that nobody types a password in vain, and again by the claim after it.
    session = await _proved(hs, call, message.sid, message.client_secret, repeated=message.auth is not None)
    await hs.uia.require(call.request, call.user, call.body, _ACTION)
    await _conclude(hs, call, session)
    return Empty()


def _legacy_admits(hs: Homeserver) -> None:
    if hs.policy.legacy_add == "off":
        raise errors.Unrecognized
    changes_enabled(hs)


@endpoint(
    "POST",
    "/account/3pid",
    History(r0="r0.0.0", v3="v1.1", deprecated="r0.6.0"),
    access=Access.USER,
    spending=Spending.CHANGES,
    request=LegacyAddThreepid,
    reply=Empty,
    errors=(*_ADDING, errors.UiaRequired),
    admits=_legacy_admits,
)
async def add_threepid_legacy(hs: Homeserver, call: Call, message: LegacyAddThreepid) -> Empty:
    """Put a proved address on the caller's account, for clients that do not know ``/add``; never binds (MSC2290)."""
    creds, asks = message.three_pid_creds, hs.policy.legacy_add == "uia"
    repeated = asks and message.auth is not None
    session = await _proved(hs, call, creds.sid, creds.client_secret, repeated=repeated)
    if asks:
        await hs.uia.require(call.request, call.user, call.body, _ACTION)
    await _conclude(hs, call, session)
    return Empty()


async def _proved(hs: Homeserver, call: Call, sid: str, secret: str, *, repeated: bool) -> Session:
    """Return the session if it lets the caller add its address, or did so a moment ago.

    A repetition counts only with the authentication it was sent with: an answer may have been lost.
    """
    session = await sessions.find(hs, sid, secret)
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


async def _conclude(hs: Homeserver, call: Call, session: Session) -> None:
    """Claim, add, spend: whatever happens in between, the same caller can finish it."""
    user = call.user.user_id
    if session.spent_at is not None:
        return
    await charge_change(hs, user)
    claimed = await sessions.change(hs, session.sid, lambda stored: _claim(hs, stored, user))
    if claimed is None:
        await _overtaken(hs, session, user)
    else:
        await _add(hs, user, claimed)
        await _spend(hs, user, claimed)


async def _spend(hs: Homeserver, user: str, session: Session) -> None:
    """Use the session up; whoever does that tells of the addition, so that it is told once, after a crash too."""
    now = hs.clock()
    if await sessions.change(hs, session.sid, lambda stored: None if stored.over else stored.spend(now)):
        tell(hs, ThreepidAdded(user, session.threepid))
        await tell_others(hs, user, Kind.ADDED, session.threepid)


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
        await sessions.change(hs, session.sid, Session.end)
        raise errors.ThreepidDenied
    outcome = await hs.accounts.add(user, account_threepid(session, hs.clock()))
    if outcome is AddOutcome.TAKEN:
        await sessions.change(hs, session.sid, Session.release)
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


ENDPOINTS = (add_threepid, add_threepid_legacy)
