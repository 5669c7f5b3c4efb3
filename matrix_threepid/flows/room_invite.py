"""Invite an address to a room: look it up, and let an identity server keep the invitation if nobody has it yet.

See https://spec.matrix.org/latest/client-server-api/#third-party-invites.
"""

from __future__ import annotations

from attrs import frozen

from ..events import ThreepidInvited
from ..limits.counting import charge, charged, refuse, used
from ..limits.rate import invitations
from ..limits.sending import ways_to
from ..model.identity import AlreadyBound, InviteStored, LookedUp, NotSupported
from ..model.media import MEDIA
from ..model.room_invite import InviteAbout, InvitedUser, InviteRequest, PreparedInvite
from ..model.third_party_invite import ThirdPartyInvite
from ..model.threepid import Medium, Purpose
from ..protocol.errors import (
    Forbidden,
    GatewayTimeout,
    InvalidParam,
    ThreepidDenied,
    ThreepidMediumNotSupported,
)
from ..protocol.members import text, typed
from ..protocol.message import read
from ..roles.homeserver import Homeserver
from .binding_access import as_error, trusted_id_server


@frozen(kw_only=True)
class Invite3pid:
    """An address to invite, as ``/rooms/{roomId}/invite`` and ``invite_3pid`` of ``/createRoom`` name it.

    See https://spec.matrix.org/latest/client-server-api/#thirdparty_post_matrixclientv3roomsroomidinvite.
    """

    id_server: str = text(512, doc="host[:port] of the identity server")
    id_access_token: str = text(4096, secret=True, doc="the user's token at the identity server")
    medium: str = text(64, doc="kind of identifier")
    address: str = typed(512, doc="the address")


async def invite_by_threepid(  # noqa: PLR0913  the members of the body, by name
    hs: Homeserver,
    *,
    room_id: str,
    medium: str,
    address: str,
    id_server: str,
    id_access_token: str,
    inviter: str,
    about: InviteAbout | None = None,
) -> InvitedUser | ThirdPartyInvite:
    """Invite an address to a room, for ``POST /rooms/{roomId}/invite``.

    * ``room_id``: the room, which the inviter may invite to; the host has checked that.
    * ``medium``, ``address``, ``id_server``, ``id_access_token``: the members of the body, as the client wrote them.
    * ``inviter``: the user who invites.
    * ``about``: what the mail may say of room and inviter; ``None`` (default) says nothing.

    Returns the user to invite as usual, if the identity server knows one, or else the event
    ``m.room.third_party_invite`` for the host to send into the room. Raises ``MatrixError`` for the client:
    ``M_FORBIDDEN`` without a client for invitations, ``M_INVALID_PARAM``, ``M_THREEPID_DENIED``,
    ``M_THREEPID_MEDIUM_NOT_SUPPORTED``, ``M_SERVER_NOT_TRUSTED``, ``M_LIMIT_EXCEEDED``, or the identity server's own.
    See https://spec.matrix.org/latest/client-server-api/#thirdparty_post_matrixclientv3roomsroomidinvite.
    """
    given = {"id_server": id_server, "id_access_token": id_access_token, "medium": medium, "address": address}
    prepared = await _prepared(hs, inviter, read(Invite3pid, given))
    await _charge_inviter(hs, inviter, 1)
    return await invite_prepared(hs, prepared, room_id=room_id, about=about)


async def prepare_invites(hs: Homeserver, inviter: str, invite_3pid: object) -> tuple[PreparedInvite, ...]:
    """Check and charge ``invite_3pid`` of ``POST /createRoom`` before the room is made.

    * ``inviter``: the user who creates the room.
    * ``invite_3pid``: the member of the body, as the client wrote it.

    Returns an invitation for each entry, in order; ``invite_prepared`` sends it once there is a room. Raises
    ``MatrixError`` as ``invite_by_threepid`` does, also for more entries than ``Limits.invitations`` grants at once.
    See https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3createroom.
    """
    entries = [each for each in invite_3pid if isinstance(each, dict)] if isinstance(invite_3pid, list) else None
    most = hs.policy.limits.invitations.burst
    if entries is None or len(entries) < len(invite_3pid) or len(entries) > most:  # type: ignore[arg-type]
        raise InvalidParam(f"invite_3pid: must be a list of at most {most} objects")
    prepared = [await _prepared(hs, inviter, read(Invite3pid, entry)) for entry in entries]
    if prepared:
        await _charge_inviter(hs, inviter, len(prepared))
    return tuple(prepared)


async def invite_prepared(
    hs: Homeserver, prepared: PreparedInvite, *, room_id: str, about: InviteAbout | None = None
) -> InvitedUser | ThirdPartyInvite:
    """Invite a prepared address to a room; arguments, result and errors are those of ``invite_by_threepid``.

    * ``prepared``: from ``prepare_invites``.
    """
    if hs.invitations is None:
        raise _off()
    # One deadline for all calls.
    until = hs.clock() + hs.policy.identity_deadline
    server, token, threepid = prepared.id_server, prepared.id_access_token, prepared.threepid
    found = await hs.invitations.look_up(server, token, threepid, prepared.inviter, until - hs.clock())
    if not isinstance(found, LookedUp):
        raise as_error(found)
    if found.mxid is not None:
        return InvitedUser(found.mxid)

    # Only now: a user who is found gets no message.
    await _charge_address(hs, prepared)
    left = until - hs.clock()
    if left <= 0:
        raise GatewayTimeout
    request = InviteRequest(threepid=threepid, room_id=room_id, sender=prepared.inviter, about=about or InviteAbout())
    stored = await hs.invitations.store_invite(server, token, request, left)
    if isinstance(stored, AlreadyBound):  # since the look-up
        return InvitedUser(stored.mxid)
    if isinstance(stored, NotSupported):
        # The specification's answer to a medium that an identity server does not invite is M_UNRECOGNIZED.
        raise ThreepidMediumNotSupported("The identity server invites no addresses of this kind")
    if not isinstance(stored, InviteStored):
        raise as_error(stored)
    hs.emit(ThreepidInvited(prepared.inviter, threepid, server))
    return ThirdPartyInvite(room_id, prepared.inviter, stored.token, stored.display_name, stored.keys)


async def _prepared(hs: Homeserver, inviter: str, message: Invite3pid) -> PreparedInvite:
    """Return an invitation whose address and server are allowed; nothing is charged, since it could never succeed."""
    if hs.invitations is None:
        raise _off()
    server = trusted_id_server(hs, message.id_server)
    if message.medium not in list(Medium):
        raise ThreepidMediumNotSupported
    threepid = MEDIA[Medium(message.medium)].read(message.address, hs.policy)
    if not await hs.rules.allows(threepid, Purpose.BIND, inviter):
        raise ThreepidDenied
    return PreparedInvite(threepid=threepid, id_server=server, id_access_token=message.id_access_token, inviter=inviter)


async def _charge_inviter(hs: Homeserver, inviter: str, cost: int) -> None:
    """Charge so many invitations to a user, or none. Raises ``LimitExceeded``."""
    await charge(hs, "invite", [invitations(hs, inviter)], cost)


async def _charge_address(hs: Homeserver, prepared: PreparedInvite) -> None:
    """Charge a message to the address, as one that this server sends itself. Raises ``LimitExceeded``."""
    usual, *others = ways_to(hs, prepared.threepid, f"user {prepared.inviter}")
    wait = await charged(hs, usual)
    for way in others if wait else ():
        # As for messages of this server: an asker's first one of the day needs no rate, which others may have used up.
        if not any(await used(hs, way[1:])) and not await charged(hs, way):
            return
    if wait:
        refuse(hs, "invite", wait)


def _off() -> Forbidden:
    return Forbidden("Addresses cannot be invited to rooms on this server")
