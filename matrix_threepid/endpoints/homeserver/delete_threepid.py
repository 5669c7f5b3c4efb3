"""Take an identifier off an account, and its bindings back from identity servers (MSC1915, MSC2140)."""

from __future__ import annotations

from attrs import frozen

from ...flows.delete import delete
from ...flows.unbind import unbind_everywhere
from ...model.call import Call
from ...model.media import MEDIA
from ...model.threepid import Medium, Threepid
from ...protocol import errors
from ...protocol.endpoint import Access, endpoint
from ...protocol.history import History
from ...protocol.members import one_of, text, typed
from ...roles.homeserver import Homeserver
from .add_threepid import changes_enabled

_IDENTITY = (errors.IdentityServerRefused, errors.ServerNotTrusted, errors.LimitExceeded)


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


@endpoint(
    "POST",
    "/account/3pid/delete",
    History(r0="r0.4.0", v3="v1.1"),
    access=Access.USER,
    request=RemoveThreepid,
    reply=UnbindResult,
    errors=(errors.Forbidden, errors.UserSuspended, *_IDENTITY),
    admits=changes_enabled,
)
async def delete_threepid(hs: Homeserver, call: Call, message: RemoveThreepid) -> UnbindResult:
    """Take an identifier off the caller's own account, after its bindings (MSC1915).

    A refusal of an identity server is returned and nothing changes; one that cannot be reached is asked again later.
    """
    if call.user.suspended:
        raise errors.UserSuspended
    user, candidates = call.user.user_id, _named(hs, message)
    unbound = await unbind_everywhere(hs, user, candidates, message.id_server)
    unbound.raise_refusal()
    await delete(hs, user, candidates)
    return UnbindResult(id_server_unbind_result=unbound.result)


@endpoint(
    "POST",
    "/account/3pid/unbind",
    History(r0="r0.6.0", v3="v1.1"),
    access=Access.USER,
    request=RemoveThreepid,
    reply=UnbindResult,
    errors=(*_IDENTITY, errors.BadGateway, errors.GatewayTimeout),
)
async def unbind_threepid(hs: Homeserver, call: Call, message: RemoveThreepid) -> UnbindResult:
    """Take a binding back from its identity servers; the account stays as it is (MSC2140)."""
    unbound = await unbind_everywhere(hs, call.user.user_id, _named(hs, message), message.id_server)
    unbound.raise_failure()
    return UnbindResult(id_server_unbind_result=unbound.result)


def _named(hs: Homeserver, message: RemoveThreepid) -> tuple[Threepid, ...]:
    """Return what an address may stand for: its canonical form, then as it was given (older data)."""
    medium = Medium(message.medium)
    verbatim = Threepid(medium, message.address.strip())
    try:
        return (MEDIA[medium].read(message.address, hs.policy), verbatim)
    except errors.InvalidParam:
        return (verbatim,)


ENDPOINTS = (delete_threepid, unbind_threepid)
