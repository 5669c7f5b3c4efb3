"""Bind and unbind at this identity server.

An unbind is proved by the signature of the user's homeserver or by a session of the address (REQ-ISUNBIND-1). See
MSC1915, https://github.com/matrix-org/matrix-spec-proposals/pull/1915,
https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv23pidbind and
https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv23pidunbind.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from ...flows.onbind import announce, confirm
from ...limits.rate import charge_call_out
from ...model.association import Association
from ...model.call import Call
from ...model.media import MEDIA
from ...model.threepid import Medium, Threepid
from ...model.user_id import USER_ID_PATTERN
from ...policy import Policy
from ...protocol import errors
from ...protocol.endpoint import Access, Endpoint, endpoint
from ...protocol.history import IdentityHistory
from ...protocol.members import Nested, member, one_of, opaque
from ...protocol.rules import AnyText, Text
from ...protocol.wire import Response, json_response
from ...roles.identity_server import IdentityServer
from ..homeserver.add_threepid import Empty
from .signed_once import refuse_replay, remember
from .validate import SESSION_ERRORS, SessionOf, validated_session

MXID = Text(USER_ID_PATTERN, "must be a user id, @localpart:domain")

_TYPED = Text(r"[^\x00-\x08\x0e-\x1f\x7f]{1,512}", "must be a string of 1 to 512 characters")
_INVALID = tuple(row.invalid for row in MEDIA.values())


@frozen(kw_only=True)
class BindAssociation:
    """The request to publish the address of a session for a user.

    See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv23pidbind.
    """

    sid: str = opaque(doc="the validated session")
    client_secret: str = opaque(secret=True, doc="the client's secret of this session")
    mxid: str = member(MXID, doc="the user")


@frozen(kw_only=True)
class SignedAssociation:
    """What is published, with the signature of this server; times in ms.

    See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv23pidbind.
    """

    medium: str
    address: str
    mxid: str
    ts: int
    not_before: int
    not_after: int
    signatures: Mapping[str, object]


@frozen(kw_only=True)
class NamedThreepid:
    """An identifier as another server writes it; its spelling need not be canonical."""

    medium: str = one_of(*(medium.value for medium in Medium), doc="kind of identifier")
    address: str = member(AnyText(), secret=True, doc="the address")

    def canonical(self, policy: Policy) -> Threepid:
        """Return the identifier in canonical form. Raises the identity API's error for an address that is not valid."""
        row = MEDIA[Medium(self.medium)]
        if not _TYPED.accepts(self.address):
            raise row.invalid(f"threepid.address: {_TYPED.words}")
        try:
            return row.read(self.address, policy)
        except errors.InvalidParam as error:
            raise row.invalid(str(error)) from None


@frozen(kw_only=True)
class UnbindAssociation:
    """The request to end an association.

    See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv23pidunbind.
    """

    mxid: str = member(MXID, doc="the user")
    threepid: NamedThreepid = member(Nested(NamedThreepid), doc="the identifier")
    sid: str | None = opaque(optional=True, doc="a validated session of the identifier")
    client_secret: str | None = opaque(optional=True, secret=True, doc="the client's secret of this session")


async def bind_association(role: IdentityServer, call: Call, message: BindAssociation) -> Response:
    """Publish the address of a validated session for a user; an earlier association of the address is replaced.

    See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv23pidbind.
    """
    # Version 1 has no caller and binds for any user (REQ-ISBIND-1).
    if call.user_id not in (None, message.mxid):
        raise errors.NotYours
    session = await validated_session(role, message)
    association = Association(session.threepid, message.mxid, role.clock())
    signed = role.signer.sign(association.unsigned())
    # Checked before it is stored: what is published must carry a signature that clients can check.
    if not isinstance(signed.get("signatures"), Mapping):
        raise errors.ConfigurationError("ObjectSigner.sign: must put signatures into what it returns")
    await announce(role, call, association.threepid, message.mxid)
    await role.associations.put(association)
    await confirm(role, association.threepid, message.mxid)
    return json_response(200, signed)


async def unbind_association(role: IdentityServer, call: Call, message: UnbindAssociation) -> Empty:
    """End an association, for the user's homeserver by its signature or for the address's owner by a session.

    If the address is not bound, or bound to another user, nothing changes and the answer is the same. See MSC1915,
    https://github.com/matrix-org/matrix-spec-proposals/pull/1915, and
    https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv23pidunbind.
    """
    threepid = message.threepid.canonical(role.policy)
    signed = await _signed(role, call, message, threepid)
    if not signed:
        await _proved(role, call, message, threepid)
    # With the user: an association of the address with another user must stay.
    await role.associations.remove(threepid, message.mxid)
    if signed:
        await remember(role, call)
    return Empty()


async def _signed(role: IdentityServer, call: Call, message: UnbindAssociation, threepid: Threepid) -> bool:
    """Return whether the user's homeserver signed the request.

    Raises ``MatrixError`` for a signature that is not accepted, unless a session is sent as well (REQ-ISUNBIND-6).
    """
    if not _authorization(call).lower().startswith("x-matrix"):
        return False
    try:
        await _check_signature(role, call, message.mxid)
        await refuse_replay(role, call, threepid, message.mxid)
    except errors.MatrixError:
        if message.sid is None or message.client_secret is None:
            raise
        return False
    return True


async def _check_signature(role: IdentityServer, call: Call, mxid: str) -> None:
    """Raise ``Forbidden`` or ``Unauthorized`` unless the homeserver of the user signed the request.

    See https://spec.matrix.org/latest/server-server-api/#request-authentication.
    """
    if role.verifier is None:
        raise errors.Forbidden("This server does not accept signatures of homeservers")
    await charge_call_out(role, call)
    origin = await role.verifier.origin(call.request, call.body)
    # Everything after the first colon, compared exactly: by its end alone another server could sign (REQ-ISUNBIND-3).
    if origin != mxid.partition(":")[2]:
        raise errors.Forbidden("The signing homeserver does not control this user")


async def _proved(role: IdentityServer, call: Call, message: UnbindAssociation, threepid: Threepid) -> None:
    """Raise ``Forbidden`` or ``Unauthenticated`` unless a validated session of the address is sent (REQ-ISUNBIND-2)."""
    # An access token alone proves nothing about the address (REQ-ISUNBIND-5).
    if message.sid is None or message.client_secret is None:
        raise (errors.Forbidden if _authorization(call) else errors.Unauthenticated)
    session = await validated_session(role, SessionOf(sid=message.sid, client_secret=message.client_secret))
    if session.threepid != threepid:
        raise errors.Forbidden("The session proves another address")


def _authorization(call: Call) -> str:
    return call.request.headers.get("authorization", "")


def declare(history: IdentityHistory, access: Access) -> tuple[Endpoint, ...]:
    """Return the endpoints that bind and unbind, under one version.

    * ``history``: the version.
    * ``access``: who may bind; unbinding needs no access token, since a signature or a session proves it.
    """
    bind = endpoint(
        "POST",
        "/3pid/bind",
        history,
        request=BindAssociation,
        reply=SignedAssociation,
        access=access,
        errors=(*SESSION_ERRORS, errors.NotYours, errors.LimitExceeded),
    )
    unbind = endpoint(
        "POST",
        "/3pid/unbind",
        history,
        request=UnbindAssociation,
        reply=Empty,
        errors=(*SESSION_ERRORS, *_INVALID, errors.Forbidden, errors.Unauthenticated, errors.LimitExceeded),
    )
    return bind(bind_association), unbind(unbind_association)
