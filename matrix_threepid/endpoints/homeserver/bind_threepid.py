"""Publish an address at an identity server, separately from adding it to the account.

See MSC2290, https://github.com/matrix-org/matrix-spec-proposals/pull/2290, and
https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3account3pidbind.
"""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from ...events import ThreepidBound
from ...flows.binding_access import as_error, drop, full, intent, resolved, trusted_id_server, update_binding
from ...limits.rate import charge_binding
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
    """The request to publish an address that was proved at an identity server.

    The members may also be inside ``three_pid_creds``, as in the draft of MSC2290 (REQ-BIND-8).
    See https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3account3pidbind.
    """

    WRAPPED_IN: ClassVar[tuple[str, ...]] = ("three_pid_creds", "threePidCreds")

    id_server: str = text(512, doc="host[:port] of the identity server")
    id_access_token: str = text(4096, secret=True, doc="the user's token at the identity server")
    sid: str = opaque(doc="the session at the identity server")
    client_secret: str = opaque(secret=True, doc="the client's secret of this session")


def _identity_off(hs: Homeserver) -> str | None:
    """Return why binding is off, or ``None``."""
    return "no identity-server client is wired (identity=)" if hs.identity is None else None


@endpoint(
    "POST",
    "/account/3pid/bind",
    History(r0="r0.6.0", v3="v1.1", also=("/account/3pid/identity/bind",)),
    access=Access.USER,
    charged=Charged.BINDINGS,
    request=BindThreepid,
    reply=Empty,
    errors=(
        errors.Forbidden,
        errors.IdentityServerRefused,
        errors.ServerNotTrusted,
        errors.BadGateway,
        errors.GatewayTimeout,
    ),
    offered=_identity_off,
)
async def bind_threepid(hs: Homeserver, call: Call, message: BindThreepid) -> Empty:
    """Publish an address for the caller at an identity server, and remember the binding; the account is not changed.

    See MSC2290, https://github.com/matrix-org/matrix-spec-proposals/pull/2290, and
    https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3account3pidbind.
    """
    server = trusted_id_server(hs, message.id_server)
    await charge_binding(hs, call.user.user_id)
    if await full(hs, call.user.user_id):
        raise errors.Forbidden("Too many addresses of this account are bound or wait to be unbound")
    # Stored before any call, so that a process that stops in between leaves a trace of what may be public (REQ-BIND-5).
    announced = intent(hs, call.user.user_id, server)
    await hs.bindings.insert(announced)
    await _bind(hs, announced, message)
    return Empty()


async def _bind(hs: Homeserver, announced: Binding, message: BindThreepid) -> None:
    """Call the identity server, and leave one row for what is bound or may be bound (SEC-122).

    * ``hs``: the homeserver.
    * ``announced``: the stored intent.
    * ``message``: the request.

    The server is asked first which address its session has proved. Then a bind whose answer is lost is remembered with
    its address, and a later unbind finds it.
    """
    if hs.identity is None:
        raise errors.Unrecognized
    # One deadline for both calls.
    until = hs.clock() + hs.policy.identity_deadline
    token, credentials = message.id_access_token, Credentials(message.sid, message.client_secret)

    proved = await hs.identity.proved(announced.id_server, token, credentials, until - hs.clock())
    if isinstance(proved, Proved):
        threepid = _read(hs, proved.medium, proved.address)
        if threepid is None:
            await hs.bindings.forget(announced)
            raise errors.BadGateway("The identity server returned an invalid address")
        announced = announced.known(threepid, proved.address)
        # Stored with its address before the bind is sent: if the answer is lost, an unbind needs the address.
        if not await hs.bindings.replace(announced):
            # An unbind took the row up, or a purge deleted it: nothing would remember what is published now.
            raise errors.Unavailable
    elif not isinstance(proved, NotSupported):
        await hs.bindings.forget(announced)
        raise as_error(proved)

    left = until - hs.clock()
    if left <= 0:
        # Nothing was asked to be published. Later the row may be gone: its lease is a multiple of the deadline.
        await drop(hs, announced)
        raise errors.GatewayTimeout
    answer = await hs.identity.bind(announced.id_server, token, credentials, announced.user_id, left)
    if not isinstance(answer, Associated):
        # After a refusal, and if the server was not called, nothing new is bound. In every other case it may be bound.
        refused = isinstance(answer, ServerRefused) and not answer.outage
        unchanged = refused or isinstance(answer, NotSupported | Blocked | Busy)
        await (drop(hs, announced) if unchanged else _remember_possible(hs, announced))
        raise as_error(answer)

    # An answer about another user or address confirms nothing: a server that a user names is not trusted (SEC-29).
    threepid = _read(hs, answer.medium, answer.address)
    if threepid is None or answer.mxid != announced.user_id or announced.threepid not in (None, threepid):
        await _remember_possible(hs, announced)
        raise errors.BadGateway("The identity server answered for another user or address")
    bound = resolved(announced, threepid, answer.address)
    await update_binding(hs, bound, lambda stored: stored.bound(hs.clock()))
    await drop(hs, announced)
    hs.emit(ThreepidBound(bound.user_id, threepid, bound.id_server))


async def _remember_possible(hs: Homeserver, announced: Binding) -> None:
    """Replace the intent by the binding that may exist. Without an address the intent stays, until it is purged."""
    if announced.threepid is not None:
        possible = resolved(announced, announced.threepid, announced.spelling or announced.threepid.address)
        await update_binding(hs, possible, Binding.asked)
        await drop(hs, announced)


def _read(hs: Homeserver, medium: Medium, address: str) -> Threepid | None:
    """Return the identifier for an address written by an identity server, or ``None`` if it is not valid."""
    try:
        return MEDIA[medium].read(address, hs.policy)
    except errors.InvalidParam:
        return None


ENDPOINTS = (bind_threepid,)
