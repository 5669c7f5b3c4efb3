"""An identity server tells that an address was bound, with the invitations that waited for it.

See https://spec.matrix.org/latest/server-server-api/#put_matrixfederationv13pidonbind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from ...events import InvitationRefused
from ...flows.room_member import member_event, redeem
from ...limits.rate import charge_call_out
from ...model.call import Call
from ...model.third_party_invite import ProofRefusal
from ...model.threepid import Medium
from ...model.user_id import USER_ID_PATTERN, server_of
from ...ports import Rooms
from ...protocol.endpoint import endpoint
from ...protocol.errors import Forbidden, LimitExceeded, MatrixError, Unavailable
from ...protocol.history import FederationHistory
from ...protocol.members import Nested, free_object, member, one_of, typed
from ...protocol.rules import ListOf, Text
from ...roles.homeserver import Homeserver
from ..homeserver.add_threepid import Empty

USER_ID = Text(USER_ID_PATTERN, "must be a user id, @localpart:domain")
ROOM_ID = Text(r"![^\x00-\x20\x7f]{1,254}", "must be a room id")
_V1 = FederationHistory(v1="r0.1.0")


@frozen(kw_only=True)
class BoundInvite:
    """An invitation that waited for the address."""

    mxid: str = member(USER_ID, doc="the user")
    room_id: str = member(ROOM_ID, doc="the room")
    sender: str = member(USER_ID, doc="the user who invited")
    signed: Mapping[str, object] = free_object(doc="the proof: `mxid`, `token` and `signatures`")


@frozen(kw_only=True)
class OnBind:
    """What was bound, and the invitations that waited for it.

    See https://spec.matrix.org/latest/server-server-api/#put_matrixfederationv13pidonbind.
    """

    medium: str = one_of(*(medium.value for medium in Medium), doc="kind of identifier")
    address: str = typed(512, doc="the address")
    mxid: str = member(USER_ID, doc="the user")
    invites: tuple[BoundInvite, ...] = member(ListOf(Nested(BoundInvite)), doc="the invitations")


async def on_bind(hs: Homeserver, call: Call, message: OnBind) -> Empty:
    """Invite the user to the rooms that the address was invited to; what is refused is not told.

    Anybody can call this: only the proofs count. For a room of this server they are checked here, for another one by
    the homeserver of the inviter. If one of them cannot be checked now the answer is 503, and the identity server
    repeats the request; a user who is invited already stays so. Identity servers POST it, the specification says PUT.
    See https://spec.matrix.org/latest/server-server-api/#put_matrixfederationv13pidonbind.
    """
    if hs.rooms is None:
        raise Unavailable
    # Before anything is looked up: each invitation may cost a request to another server, and anybody can send many.
    await charge_call_out(hs, call, max(1, len(message.invites)))
    if server_of(message.mxid) != hs.server_name or not await hs.rooms.has_user(message.mxid):
        raise Forbidden("This is no user of this server")
    # One deadline for all of them.
    until = hs.clock() + hs.policy.identity_deadline
    if not all([await _settled(hs, hs.rooms, message.mxid, invite, until) for invite in message.invites]):
        raise Unavailable
    return Empty()


async def _settled(hs: Homeserver, rooms: Rooms, mxid: str, invite: BoundInvite, until: int) -> bool:
    """Redeem an invitation; return whether that is decided, for or against the user."""
    try:
        await _redeem(hs, rooms, mxid, invite, until)
    except Unavailable:
        return False
    except MatrixError:
        # One that is refused must not keep the user from the others; `check_member` has told the listener.
        return True
    return True


async def _redeem(hs: Homeserver, rooms: Rooms, mxid: str, invite: BoundInvite, until: int) -> None:
    event = member_event(invite.room_id, invite.sender, mxid, invite.signed, "")
    if await rooms.has_room(invite.room_id):
        await redeem(hs, rooms, event, until)
        return
    there = server_of(invite.sender)
    refusal = _refusal(hs, invite, mxid, there)
    if refusal is None:
        await rooms.exchange(there, event)
    else:
        hs.emit(InvitationRefused(mxid, invite.room_id, refusal.value))


def _refusal(hs: Homeserver, invite: BoundInvite, mxid: str, there: str) -> ProofRefusal | None:
    """Return why nobody else is asked; the keys that sign the proof are known to servers in the room only."""
    signed: Mapping[str, Any] = invite.signed
    if invite.mxid != mxid or signed.get("mxid") != mxid:
        return ProofRefusal.OTHER_USER
    if not isinstance(signed.get("token"), str) or not isinstance(signed.get("signatures"), Mapping):
        return ProofRefusal.FORM
    return ProofRefusal.NO_INVITATION if there == hs.server_name else None


def rooms_off(hs: Homeserver) -> str | None:
    """Return why nobody can redeem an invitation, or ``None``."""
    if hs.rooms is None:
        return "no rooms are wired (rooms=)"
    return None if hs.invitations is not None else "no client for invitations is wired (invitations=)"


ENDPOINTS = tuple(
    endpoint(
        method,
        "/3pid/onbind",
        _V1,
        name=name,
        request=OnBind,
        reply=Empty,
        errors=(Forbidden, LimitExceeded),
        offered=rooms_off,
    )(on_bind)
    for method, name in (("PUT", "on_bind"), ("POST", "on_bind_post"))
)
