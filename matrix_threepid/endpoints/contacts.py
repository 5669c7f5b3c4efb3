"""The identifiers of an account: list, add (two ways), delete, unbind."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from .. import sessions
from ..call import Call
from ..events import ThreepidAdded, ThreepidRemoved
from ..homeserver import Homeserver
from ..limiting import charge_change
from ..listening import tell
from ..model.email import canonical_email
from ..model.session import Session
from ..model.threepid import AccountThreepid, AddOutcome, Medium, Purpose, Threepid
from ..protocol import errors
from ..protocol.endpoint import Access, History, Spending, endpoint
from ..protocol.members import flag, free_object, member, one_of, opaque, text, typed
from ..protocol.message import Nested

_ADDING = (errors.ThreepidAuthFailed, errors.ThreepidInUse, errors.ThreepidDenied, errors.Forbidden)


@frozen
class Empty:
    """Nothing to say: ``{}``."""


@frozen
class ListedThreepid:
    """An identifier of the account; times in ms."""

    medium: str
    address: str
    validated_at: int
    added_at: int


@frozen
class ThreepidList:
    """The identifiers of the account."""

    threepids: tuple[ListedThreepid, ...]


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
    """Put a proved address on the account, as clients before r0.6.0 do; ``bind`` has no effect (MSC2290)."""

    three_pid_creds: ThreepidCreds = member(Nested(ThreepidCreds), alias="threePidCreds", doc="the proof")
    bind: Any = flag(optional=True, doc="ignored")
    auth: Any = free_object(optional=True, secret=True, doc="only where the policy asks for it")


@frozen(kw_only=True)
class RemoveThreepid:
    """Name an identifier, and perhaps the identity server it was bound at."""

    medium: str = one_of(*(medium.value for medium in Medium), doc="kind of identifier")
    address: str = typed(512, doc="the address, in any spelling")
    id_server: str | None = text(512, optional=True, doc="host[:port] of the identity server")


@frozen(kw_only=True)
class UnbindResult:
    """Whether the identity server took the binding back: ``success`` or ``no-support``."""

    id_server_unbind_result: str


@endpoint("GET", "/account/3pid", History(r0="r0.0.0", v3="v1.1"), access=Access.USER, reply=ThreepidList)
async def list_threepids(hs: Homeserver, call: Call) -> ThreepidList:
    """List the identifiers of the caller's account; bindings at identity servers are not among them."""
    found = await hs.accounts.list(call.user.user_id)
    return ThreepidList(
        tuple(ListedThreepid(each.medium.value, each.address, each.validated_at, each.added_at) for each in found)
    )


def _changes_enabled(hs: Homeserver) -> None:
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
    admits=_changes_enabled,
)
async def add_threepid(hs: Homeserver, call: Call, message: AddThreepid) -> Empty:
    """Put an address the caller has proved on their account, after user-interactive authentication (MSC2290)."""
    if call.user.oauth:
        raise errors.Unrecognized
    # Asked before UIA so that nobody types a password in vain, and again by the claim after it.
    session = await _proved(hs, call, message.sid, message.client_secret, repeated=message.auth is not None)
    await hs.uia.require(call.request, call.user, call.body, "add a third-party identifier to your account")
    await _conclude(hs, call, session)
    return Empty()


def _legacy_admits(hs: Homeserver) -> None:
    if hs.policy.legacy_add == "off":
        raise errors.Unrecognized
    _changes_enabled(hs)


@endpoint(
    "POST",
    "/account/3pid",
    History(r0="r0.0.0", v3="v1.1", deprecated="r0.6.0"),
    access=Access.USER,
    spending=Spending.CHANGES,
    request=LegacyAddThreepid,
    reply=Empty,
    errors=(*_ADDING, errors.UiaRequired, errors.Unrecognized),
    admits=_legacy_admits,
)
async def add_threepid_legacy(hs: Homeserver, call: Call, message: LegacyAddThreepid) -> Empty:
    """Put a proved address on the caller's account, for clients that do not know ``/add``; never binds (MSC2290)."""
    creds, asks = message.three_pid_creds, hs.policy.legacy_add == "uia"
    repeated = asks and message.auth is not None
    session = await _proved(hs, call, creds.sid, creds.client_secret, repeated=repeated)
    if asks:
        await hs.uia.require(call.request, call.user, call.body, "add a third-party identifier to your account")
    await _conclude(hs, call, session)
    return Empty()


@endpoint(
    "POST",
    "/account/3pid/delete",
    History(r0="r0.4.0", v3="v1.1"),
    access=Access.USER,
    request=RemoveThreepid,
    reply=UnbindResult,
    errors=(errors.Forbidden, errors.UserSuspended),
    admits=_changes_enabled,
)
async def delete_threepid(hs: Homeserver, call: Call, message: RemoveThreepid) -> UnbindResult:
    """Take an identifier off the caller's own account (MSC1915)."""
    if call.user.suspended:
        raise errors.UserSuspended
    await remove(hs, call.user.user_id, _named(hs, message))
    return UnbindResult(id_server_unbind_result="no-support")


@endpoint(
    "POST",
    "/account/3pid/unbind",
    History(r0="r0.6.0", v3="v1.1"),
    access=Access.USER,
    request=RemoveThreepid,
    reply=UnbindResult,
)
async def unbind_threepid(hs: Homeserver, call: Call, message: RemoveThreepid) -> UnbindResult:
    """Take a binding back from an identity server; the account stays as it is (MSC2140)."""
    return UnbindResult(id_server_unbind_result="no-support")


async def remove(hs: Homeserver, user_id: str, candidates: tuple[Threepid, ...]) -> None:
    """Take the first of ``candidates`` that is on the account off it; sessions that could bring it back end."""
    for threepid in candidates:
        if await hs.accounts.remove(user_id, threepid):
            await sessions.end_all(hs, threepid, Purpose.PASSWORD)
            tell(hs, ThreepidRemoved(user_id, threepid))
            return


def _named(hs: Homeserver, message: RemoveThreepid) -> tuple[Threepid, ...]:
    """Return what an address may stand for: its canonical form, then as it was given (older data)."""
    medium = Medium(message.medium)
    verbatim = Threepid(medium, message.address.strip())
    if medium is Medium.MSISDN:
        return (Threepid(medium, bare_number(message.address)), verbatim)
    try:
        candidate = canonical_email(message.address, intranet_domains=hs.policy.intranet_domains)
    except errors.InvalidParam:
        return (verbatim,)
    return (candidate.threepid, verbatim)


def bare_number(typed: str) -> str:
    """Return a number as people write it without its plus sign and separators; plans change, so it is not judged."""
    return typed.strip().removeprefix("+").translate({ord(char): None for char in " -.()/"})


async def _proved(hs: Homeserver, call: Call, sid: str, secret: str, *, repeated: bool) -> Session:
    """Return the session if it lets the caller add its address, or did so a moment ago.

    A repetition counts only with the authentication it was sent with: an answer may have been lost.
    """
    session = await sessions.find(hs, sid, secret)
    now, lifetimes, user = hs.clock(), hs.policy.lifetimes, call.user.user_id
    if session is not None:
        if session.usable(Purpose.ADD, _claimant(user), user, now, lifetimes):
            return session
        if repeated and session.served(_claimant(user), now, lifetimes) and await _has(hs, user, session.threepid):
            return session
    raise errors.ThreepidAuthFailed


async def _conclude(hs: Homeserver, call: Call, session: Session) -> None:
    """Claim, add, spend: whatever happens in between, the same caller can finish it."""
    user = call.user.user_id
    if session.spent_at is not None:
        return
    await charge_change(hs, user)
    claimed = await sessions.change(hs, session.sid, lambda stored: _claim(hs, stored, user))
    if claimed is None:
        raise errors.ThreepidAuthFailed
    await _add(hs, user, claimed)
    await sessions.change(hs, session.sid, lambda stored: stored.spend(hs.clock()))


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
    if outcome is AddOutcome.ADDED:
        tell(hs, ThreepidAdded(user, session.threepid))


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


ENDPOINTS = (list_threepids, add_threepid, add_threepid_legacy, delete_threepid, unbind_threepid)
