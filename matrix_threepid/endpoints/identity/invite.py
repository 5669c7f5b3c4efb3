"""Invitations by mail: storing one, signing for who accepts it, and the page that stops them.

See https://spec.matrix.org/latest/identity-service-api/#invitation-storage and
https://spec.matrix.org/latest/identity-service-api/#ephemeral-invitation-signing.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from binascii import Error
from collections.abc import Mapping

from attrs import frozen

from ...flows.invite import STOP_PATH, Invited, invitation_of, invite
from ...model.call import Call
from ...model.email import EmailMembers
from ...model.invitation import Invitation, public_name
from ...model.media import MEDIA
from ...model.threepid import Candidate, Medium, masked
from ...protocol import errors
from ...protocol.endpoint import Access, Charged, Endpoint, endpoint
from ...protocol.history import IdentityHistory
from ...protocol.members import member, opaque, text
from ...protocol.members import token as typed_token
from ...protocol.message import read
from ...protocol.rules import AnyText, Text
from ...protocol.wire import Response, json_response
from ...roles.identity_server import IdentityServer
from ..page import page
from .bind_unbind import MXID

_V1 = IdentityHistory(v1="r0.1.0", deprecated="v1.1")
_V2 = IdentityHistory(v2="r0.3.0")
_SEED_BYTES = 32
# https://spec.matrix.org/latest/appendices/#room-ids; those of newer room versions have no server name.
_ROOM_ID = Text(r"![^\x00-\x20\x7f]{1,254}", "must be a room id of at most 255 characters")
_TYPED = Text(r"[^\x00-\x08\x0e-\x1f\x7f]{1,512}", "must be a string of 1 to 512 characters")


@frozen(kw_only=True)
class StoreInvite:
    """An invitation of an address to a room; what strangers chose is shortened in the mail.

    See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv2store-invite.
    """

    medium: str = text(64, doc="kind of identifier: `email`")
    address: str = member(AnyText(), secret=True, doc="the address")
    room_id: str = member(_ROOM_ID, doc="the room")
    sender: str = member(MXID, doc="the user who invites, whose access token the request has")
    room_name: str | None = member(AnyText(), optional=True, doc="name of the room")
    room_alias: str | None = member(AnyText(), optional=True, doc="alias of the room, shown if it has no name")
    sender_display_name: str | None = member(AnyText(), optional=True, doc="name that the user has chosen")


@frozen(kw_only=True)
class InvitationPublicKey:
    """A verify key by which an invitation can be accepted, and where to ask whether it is still valid."""

    key_validity_url: str
    public_key: str


@frozen(kw_only=True)
class StoredInvite:
    """What the room needs to know of an invitation.

    See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv2store-invite.
    """

    display_name: str
    public_keys: list[InvitationPublicKey]
    token: str


@frozen(kw_only=True)
class SignInvite:
    """What accepts an invitation, with the key from its mail.

    See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv2sign-ed25519.
    """

    mxid: str = member(MXID, doc="the user who accepts")
    token: str = typed_token(doc="the token of the invitation")
    private_key: str = typed_token(doc="the signing key of the invitation in base64 of either alphabet, padded or not")


@frozen(kw_only=True)
class SignedInvitation:
    """What shows the room that a user holds the key of an invitation, signed by that key.

    See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv2sign-ed25519.
    """

    mxid: str
    sender: str
    token: str
    signatures: Mapping[str, object]


@frozen(kw_only=True)
class _StopLink:
    """The parameters of a link that stops invitations."""

    sid: str = opaque(doc="the invitation")
    token: str = typed_token(doc="the link's token")


def _off(role: IdentityServer) -> str | None:
    if not role.policy.invitations.enabled:
        return "policy.invitations.enabled is off"
    if role.invitation_keys is None:
        return "invitation_keys is not wired"
    return role.medium_off(Medium.EMAIL) or (None if role.public_keys else "public_keys has no keys")


@endpoint(
    "POST",
    "/store-invite",
    _V2,
    request=StoreInvite,
    reply=StoredInvite,
    access=Access.USER,
    charged=Charged.SENDING,
    errors=(
        errors.MediumUnrecognized,
        errors.InvalidEmail,
        errors.ThreepidInUse,
        errors.ThreepidDenied,
        errors.EmailSendError,
        errors.NotYours,
        errors.TermsNotSigned,
    ),
    offered=_off,
)
async def store_invite(role: IdentityServer, call: Call, message: StoreInvite) -> StoredInvite:
    """Invite a person by mail to a room; the invitation waits until the address is bound to a user.

    Under version 1 anybody can call it, so that the mail names neither sender nor room.
    See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv2store-invite.
    """
    if role.invitation_keys is None:
        raise errors.Unrecognized
    # Version 1 has no access tokens: what it says of the sender is shown to nobody.
    if call.user_id is not None and call.user_id != message.sender:
        raise errors.NotYours
    if message.medium != Medium.EMAIL.value:
        raise errors.MediumUnrecognized
    invited = Invited(
        candidate=_candidate(role, message.address),
        sender=message.sender,
        room_id=message.room_id,
        room=message.room_name or message.room_alias or "",
        name=message.sender_display_name or "",
    )
    invitation = await invite(role, role.invitation_keys, call, invited)
    return StoredInvite(
        display_name=public_name(invitation.threepid.address),
        public_keys=_keys(role, invitation),
        token=invitation.token,
    )


def _candidate(role: IdentityServer, address: str) -> Candidate:
    row = MEDIA[Medium.EMAIL]
    if not _TYPED.accepts(address):
        raise row.invalid(f"address: {_TYPED.words}")
    try:
        return EmailMembers(email=address).candidate(role.policy)
    except errors.InvalidParam as error:
        raise row.invalid(str(error)) from None


def _keys(role: IdentityServer, invitation: Invitation) -> list[InvitationPublicKey]:
    """Return the server's keys, and then the key of the invitation, as the specification orders them."""
    base = f"{role.policy.public_base_url}{role.prefix}/v2/pubkey"
    urls = {**dict.fromkeys(role.public_keys.values(), "isvalid"), invitation.public_key: "ephemeral/isvalid"}
    return [InvitationPublicKey(key_validity_url=f"{base}/{path}", public_key=key) for key, path in urls.items()]


async def sign_ed25519(role: IdentityServer, call: Call, message: SignInvite) -> Response:
    """Sign for a user who accepts an invitation, with the key that its mail holds.

    See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv2sign-ed25519.
    """
    seed = _seed(message.private_key)
    invitation = await role.invitations.get(message.token)
    if invitation is None or role.invitation_keys is None:
        raise errors.Unrecognized("token: no invitation has this one")
    signed = {"mxid": message.mxid, "sender": invitation.sender, "token": invitation.token}
    return json_response(200, role.invitation_keys.sign(seed, signed))


def _seed(written: str) -> bytes:
    """Return the bytes of a signing key. Raises ``InvalidParam``."""
    # Query strings turn the plus sign of the usual alphabet into a blank.
    plain = written.replace(" ", "-").replace("+", "-").replace("/", "_").rstrip("=")
    try:
        seed = urlsafe_b64decode(plain + "=" * (-len(plain) % 4))
    except (Error, ValueError):
        seed = b""
    if len(seed) != _SEED_BYTES:
        raise errors.InvalidParam(f"private_key: must be {_SEED_BYTES} bytes in base64")
    return seed


@endpoint("GET", STOP_PATH, _V2, name="show_stop_link", query=_StopLink, offered=_off)
async def show_stop_link(role: IdentityServer, call: Call, message: None) -> Response:
    """Show what the link in the mail of an invitation stops, and change nothing."""
    fields = dict(call.request.parameters)
    invitation = await _find(role, fields)
    if invitation is None:
        return page(role, call, "invited_failed", 400)
    values = {"sid": fields["sid"], "token": fields["token"], "address": masked(invitation.threepid.address)}
    stopped = await role.invitations.is_stopped(invitation.threepid)
    return page(role, call, "uninvited" if stopped else "invited", 200, values)


@endpoint("POST", STOP_PATH, _V2, name="stop_invitations", offered=_off)
async def stop_invitations(role: IdentityServer, call: Call, message: None) -> Response:
    """Store that an address wants no more invitations, by the button of the page or of a mail program."""
    if call.pressed_elsewhere:
        return page(role, call, "foreign", 403)
    invitation = await _find(role, {**call.request.parameters, **call.request.form})
    if invitation is None:
        return page(role, call, "invited_failed", 400)
    await role.invitations.stop(invitation.threepid, role.clock())
    return page(role, call, "uninvited", 200, {"address": masked(invitation.threepid.address)})


async def _find(role: IdentityServer, fields: dict[str, str]) -> Invitation | None:
    try:
        link = read(_StopLink, fields)
    except errors.MatrixError:
        return None
    return await invitation_of(role, link.sid, link.token)


_SIGN_ERRORS = (errors.Unrecognized,)
ENDPOINTS: tuple[Endpoint, ...] = (
    store_invite,
    endpoint(
        "POST",
        "/sign-ed25519",
        _V2,
        request=SignInvite,
        reply=SignedInvitation,
        access=Access.USER,
        errors=(*_SIGN_ERRORS, errors.TermsNotSigned),
        offered=_off,
    )(sign_ed25519),
    # Without ``serve_v1`` as well: web clients post to the URL of a mail's link without an access token, and whoever
    # has the key of the mail could sign without this server.
    endpoint(
        "POST",
        "/sign-ed25519",
        _V1,
        name="sign_ed25519_v1",
        request=SignInvite,
        reply=SignedInvitation,
        loose=True,
        errors=_SIGN_ERRORS,
        offered=_off,
    )(sign_ed25519),
    show_stop_link,
    stop_invitations,
)
