"""Publish an address at an identity server: separate from adding it, and never forgotten (MSC2290)."""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from ...events import ThreepidBound
from ...flows import binding_access
from ...flows.delete import trusted_id_server
from ...limits.rate import charge_change
from ...model.binding import Binding
from ...model.email import canonical_email
from ...model.identity import Associated, Blocked, Busy, Failed, NotSupported, Proved, ServerRefused
from ...model.msisdn import bare_number
from ...model.threepid import Medium, Threepid
from ...ports import Credentials, IdentityServerClient
from ...protocol import errors
from ...protocol.endpoint import Access, Charged, endpoint
from ...protocol.history import History
from ...protocol.members import opaque, text
from ...roles.call import Call
from ...roles.emit import emit
from ...roles.homeserver import Homeserver
from .add_threepid import Empty


@frozen(kw_only=True)
class BindThreepid:
    """Publish an address proved at an identity server; the draft's wrapped shape is taken as well."""

    WRAPPED_IN: ClassVar[tuple[str, ...]] = ("three_pid_creds", "threePidCreds")

    id_server: str = text(512, doc="host[:port] of the identity server")
    id_access_token: str = text(4096, secret=True, doc="the user's token at the identity server")
    sid: str = opaque(doc="the session at the identity server")
    client_secret: str = opaque(secret=True, doc="the client's secret of this session")


def _identity_off(hs: Homeserver) -> str | None:
    return "no identity-server client is wired (identity=)" if hs.identity is None else None


@endpoint(
    "POST",
    "/account/3pid/bind",
    History(r0="r0.6.0", v3="v1.1", also=("/account/3pid/identity/bind",)),
    access=Access.USER,
    charged=Charged.CHANGES,
    request=BindThreepid,
    reply=Empty,
    errors=(errors.IdentityServerRefused, errors.ServerNotTrusted, errors.BadGateway, errors.GatewayTimeout),
    offered=_identity_off,
)
async def bind_threepid(hs: Homeserver, call: Call, message: BindThreepid) -> Empty:
    """Publish an address for the caller at an identity server, and remember where; the account stays as it is."""
    server = trusted_id_server(hs, message.id_server)
    await charge_change(hs, call.user.user_id)
    row = binding_access.intent(hs, call.user.user_id, server)
    await hs.bindings.insert(row)
    await _bind(hs, row, message)
    return Empty()


async def _bind(hs: Homeserver, row: Binding, message: BindThreepid) -> None:
    """Ask for the address first, so that a binding whose confirmation gets lost is remembered by its address."""
    identity, until = _identity(hs), hs.clock() + hs.policy.identity_deadline
    credentials = Credentials(message.sid, message.client_secret)
    proved = await identity.proved(row.id_server, message.id_access_token, credentials, until - hs.clock())
    if not isinstance(proved, Proved | NotSupported):
        await hs.bindings.forget(row)
        raise binding_access.as_error(proved)
    if isinstance(proved, Proved):
        row = await _proved(hs, row, proved)
    left = max(1, until - hs.clock())
    answer = await identity.bind(row.id_server, message.id_access_token, credentials, row.user_id, left)
    if isinstance(answer, Associated):
        await _bound(hs, row, answer)
    else:
        await _not_bound(hs, row, answer)


async def _bound(hs: Homeserver, intent: Binding, answer: Associated) -> None:
    """Remember the success; an answer about somebody else leaves a row for what may have been bound."""
    threepid = _published(hs, intent, answer)
    if threepid is None:
        await _uncertain(hs, intent)
        raise errors.BadGateway("The identity server answered for somebody else")
    row = binding_access.resolved(intent, threepid, answer.address)
    await binding_access.update_binding(hs, row, lambda stored: stored.bound(hs.clock()))
    await binding_access.drop(hs, intent)
    emit(hs, ThreepidBound(row.user_id, threepid, row.id_server))


async def _not_bound(hs: Homeserver, intent: Binding, answer: Failed) -> None:
    """After a refusal or without a call nothing new is bound; in any other case it may be, and a row remembers that."""
    refused = isinstance(answer, ServerRefused | NotSupported | Blocked | Busy)
    await (binding_access.drop(hs, intent) if refused else _uncertain(hs, intent))
    raise binding_access.as_error(answer)


async def _uncertain(hs: Homeserver, intent: Binding) -> None:
    """Let the row of the address stand for what may have been bound; without an address the intent does."""
    if intent.threepid is not None:
        row = binding_access.resolved(intent, intent.threepid, intent.spelling or intent.threepid.address)
        await binding_access.update_binding(hs, row, Binding.asked)
        await binding_access.drop(hs, intent)


def _published(hs: Homeserver, intent: Binding, answer: Associated) -> Threepid | None:
    """Return what was bound for the user who asked, or ``None`` if the answer is about anything else."""
    try:
        threepid = _canonical(hs, answer.medium, answer.address)
    except errors.BadGateway:
        return None
    fits = answer.mxid == intent.user_id and intent.threepid in (None, threepid)
    return threepid if fits else None


async def _proved(hs: Homeserver, intent: Binding, proved: Proved) -> Binding:
    """Write the proved address into the intent; nothing was asked to be bound yet if it is none."""
    try:
        threepid = _canonical(hs, proved.medium, proved.address)
    except errors.BadGateway:
        await hs.bindings.forget(intent)
        raise
    known = intent.known(threepid, proved.address)
    await hs.bindings.replace(known)
    return known


def _canonical(hs: Homeserver, medium: Medium, address: str) -> Threepid:
    """Return the identifier an identity server's address stands for."""
    try:
        if medium is Medium.MSISDN:
            return Threepid(medium, bare_number(address))
        return canonical_email(address, intranet_domains=hs.policy.intranet_domains).threepid
    except errors.InvalidParam:
        raise errors.BadGateway("The identity server answered with an address that is none") from None


def _identity(hs: Homeserver) -> IdentityServerClient:
    if hs.identity is None:
        raise errors.Unrecognized
    return hs.identity


ENDPOINTS = (bind_threepid,)
