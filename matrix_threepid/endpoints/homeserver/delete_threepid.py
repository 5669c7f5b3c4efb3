"""Remove an identifier from an account, and unbind it from identity servers.

See MSC1915, https://github.com/matrix-org/matrix-spec-proposals/pull/1915, and
MSC2140, https://github.com/matrix-org/matrix-spec-proposals/pull/2140.
"""

from __future__ import annotations

from attrs import frozen

from ...flows.delete import delete, refuse_removal
from ...flows.published import still_published
from ...flows.unbind import unbind_everywhere
from ...model.call import Call
from ...model.media import MEDIA
from ...model.threepid import Medium, Threepid
from ...protocol import errors
from ...protocol.endpoint import Access, Charged, endpoint
from ...protocol.history import History
from ...protocol.members import one_of, text, typed
from ...protocol.message import read
from ...roles.homeserver import Homeserver
from .add_threepid import changes_enabled

_IDENTITY = (errors.IdentityServerRefused, errors.ServerNotTrusted)


@frozen(kw_only=True)
class RemoveThreepid:
    """An identifier, and optionally the identity server from which to unbind it.

    See https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3account3piddelete.
    """

    medium: str = one_of(*(medium.value for medium in Medium), doc="kind of identifier")
    address: str = typed(512, doc="the address, in any spelling")
    id_server: str | None = text(512, optional=True, doc="host[:port] of the identity server")


@frozen(kw_only=True)
class _LookUp:
    """What a request names that wants to know what is left; the specification has no such member."""

    id_access_token: str = text(4096, secret=True, doc="the user's token at `id_server`")


@frozen(kw_only=True)
class UnbindResult:
    """``id_server_unbind_result`` is ``success`` if the identity servers confirmed the unbind, else ``no-support``.

    ``still_published``, which the specification has not, says whether ``id_server`` still names the user for the
    address. It is there only if that could be asked. See https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3account3piddelete.
    """

    id_server_unbind_result: str
    still_published: bool | None = None


@endpoint(
    "POST",
    "/account/3pid/delete",
    History(r0="r0.4.0", v3="v1.1"),
    access=Access.USER,
    charged=Charged.BINDINGS,
    request=RemoveThreepid,
    reply=UnbindResult,
    errors=(errors.Forbidden, errors.UserSuspended, *_IDENTITY),
    admits=changes_enabled,
)
async def delete_threepid(hs: Homeserver, call: Call, message: RemoveThreepid) -> UnbindResult:
    """Unbind an identifier from its identity servers, then remove it from the caller's account.

    If an identity server refuses, its error is returned and the account is not changed. If one cannot be reached, the
    identifier is removed and the unbind is retried later. See MSC1915,
    https://github.com/matrix-org/matrix-spec-proposals/pull/1915, and
    https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3account3piddelete.
    """
    until = hs.clock() + hs.policy.identity_deadline
    # https://spec.matrix.org/latest/client-server-api/#account-suspension
    # names deleting among what a suspended user may not do (REQ-ADD-11).
    if call.user.suspended:
        raise errors.UserSuspended
    user, candidates = call.user.user_id, _named(hs, message)
    # MSC4223 wants it where the client names an identity server, which is then not asked.
    extra = {} if message.id_server is None else {"id_server_unbind_result": "denied"}
    await refuse_removal(hs, user, candidates, **extra)
    unbound = await unbind_everywhere(hs, user, candidates, message.id_server, charged=True)
    unbound.raise_refusal()
    kept = {} if message.id_server is None else {"id_server_unbind_result": unbound.result}
    await delete(hs, user, candidates, keep=True, **kept)
    return UnbindResult(
        id_server_unbind_result=unbound.result, still_published=await _still_published(hs, call, message, until)
    )


@endpoint(
    "POST",
    "/account/3pid/unbind",
    History(r0="r0.6.0", v3="v1.1"),
    access=Access.USER,
    charged=Charged.BINDINGS,
    request=RemoveThreepid,
    reply=UnbindResult,
    errors=(*_IDENTITY, errors.BadGateway, errors.GatewayTimeout),
)
async def unbind_threepid(hs: Homeserver, call: Call, message: RemoveThreepid) -> UnbindResult:
    """Unbind an identifier from its identity servers; the account is not changed.

    See MSC2140, https://github.com/matrix-org/matrix-spec-proposals/pull/2140, and
    https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3account3pidunbind.
    """
    named, until = _named(hs, message), hs.clock() + hs.policy.identity_deadline
    unbound = await unbind_everywhere(hs, call.user.user_id, named, message.id_server, charged=True)
    # Nothing else was asked for, so a failure is the answer; a delete has removed the identifier all the same.
    unbound.raise_failure()
    return UnbindResult(
        id_server_unbind_result=unbound.result,
        still_published=await _still_published(hs, call, message, until),
    )


async def _still_published(hs: Homeserver, call: Call, message: RemoveThreepid, until: int) -> bool | None:
    """Return whether the address is still published, if the client wants to know it and it can be asked.

    * ``until``: the time in ms by which all calls of the request to identity servers must be over, unbinds as well.
    """
    left = until - hs.clock()
    if not hs.policy.look_up_after_unbind or message.id_server is None or left <= 0:
        return None
    try:
        token = read(_LookUp, call.body).id_access_token
        return await still_published(
            hs,
            user_id=call.user.user_id,
            medium=message.medium,
            address=message.address,
            id_server=message.id_server,
            id_access_token=token,
            deadline=left,
        )
    except errors.MatrixError:
        # The unbind is done: what it has left is told where it is known, and is no reason for an error.
        return None


def _named(hs: Homeserver, message: RemoveThreepid) -> tuple[Threepid, ...]:
    """Return the identifiers that a request may mean: the canonical form, and the text as sent (REQ-DEL-6)."""
    # Software before this library stored other spellings, and numbering plans change: both must stay deletable.
    medium = Medium(message.medium)
    verbatim = Threepid(medium, message.address.strip())
    try:
        return (MEDIA[medium].read(message.address, hs.policy), verbatim)
    except errors.InvalidParam:
        return (verbatim,)


ENDPOINTS = (delete_threepid, unbind_threepid)
