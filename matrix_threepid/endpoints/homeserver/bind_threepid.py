"""Publish an address at an identity server: separate from adding it, and never forgotten (MSC2290)."""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from ...events import ThreepidBound
from ...flows.binding_access import as_error, drop, intent, resolved, trusted_id_server, update_binding
from ...limits.rate import charge_change
from ...model.binding import Binding
from ...model.call import Call
from ...model.identity import Associated, Blocked, Busy, NotSupported, Proved, ServerRefused
from ...model.media import MEDIA
from ...model.threepid import Medium, Threepid
from ...ports import Credentials
from ...protocol import errors
from ...protocol.endpoint import Access, Charged, endpoint
from ...protocol.history import History
from ...protocol.members import opaque, text
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
    announced = intent(hs, call.user.user_id, server)
    await hs.bindings.insert(announced)
    await _bind(hs, announced, message)
    return Empty()


async def _bind(hs: Homeserver, announced: Binding, message: BindThreepid) -> None:
    """Bind with the row written ahead: afterwards the row says what is bound, or may be, and nothing else.

    The identity server is asked first which address its session proved, so that a binding whose confirmation gets
    lost is remembered by its address.
    """
    if hs.identity is None:
        raise errors.Unrecognized
    until = hs.clock() + hs.policy.identity_deadline
    token, credentials = message.id_access_token, Credentials(message.sid, message.client_secret)

    proved = await hs.identity.proved(announced.id_server, token, credentials, until - hs.clock())
    if isinstance(proved, Proved):
        threepid = _read(hs, proved.medium, proved.address)
        if threepid is None:
            await hs.bindings.forget(announced)
            raise errors.BadGateway("The identity server returned an invalid address")
        announced = announced.known(threepid, proved.address)
        await hs.bindings.replace(announced)
    elif not isinstance(proved, NotSupported):
        await hs.bindings.forget(announced)
        raise as_error(proved)

    left = max(1, until - hs.clock())
    answer = await hs.identity.bind(announced.id_server, token, credentials, announced.user_id, left)
    if not isinstance(answer, Associated):
        # After a refusal, and where the server was not called, nothing new is bound. In any other case it may be.
        unchanged = isinstance(answer, ServerRefused | NotSupported | Blocked | Busy)
        await (drop(hs, announced) if unchanged else _remember_possible(hs, announced))
        raise as_error(answer)

    threepid = _read(hs, answer.medium, answer.address)
    if threepid is None or answer.mxid != announced.user_id or announced.threepid not in (None, threepid):
        await _remember_possible(hs, announced)
        raise errors.BadGateway("The identity server answered for somebody else")
    bound = resolved(announced, threepid, answer.address)
    await update_binding(hs, bound, lambda stored: stored.bound(hs.clock()))
    await drop(hs, announced)
    hs.emit(ThreepidBound(bound.user_id, threepid, bound.id_server))


async def _remember_possible(hs: Homeserver, announced: Binding) -> None:
    """Let the row of the address stand for what may have been bound; without an address the announcement does."""
    if announced.threepid is not None:
        possible = resolved(announced, announced.threepid, announced.spelling or announced.threepid.address)
        await update_binding(hs, possible, Binding.asked)
        await drop(hs, announced)


def _read(hs: Homeserver, medium: Medium, address: str) -> Threepid | None:
    """Return the identifier an identity server wrote, or ``None`` if it is not one."""
    try:
        return MEDIA[medium].read(address, hs.policy)
    except errors.InvalidParam:
        return None


ENDPOINTS = (bind_threepid,)
