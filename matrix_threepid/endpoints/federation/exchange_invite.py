"""Another homeserver asks for the invitation of its user, who has proved an invited address.

See https://spec.matrix.org/latest/server-server-api/#put_matrixfederationv1exchange_third_party_inviteroomid.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from ...flows.room_member import redeem
from ...limits.rate import charge_call_out
from ...model.call import Call
from ...model.third_party_invite import MEMBER_EVENT
from ...model.user_id import server_of
from ...protocol.endpoint import endpoint, last_step
from ...protocol.errors import Forbidden, InvalidParam, LimitExceeded, NotFound, Unauthorized, Unavailable
from ...protocol.history import FederationHistory
from ...protocol.members import free_object, member, one_of
from ...roles.homeserver import Homeserver
from ..homeserver.add_threepid import Empty
from .on_bind import ROOM_ID, USER_ID, rooms_off


@frozen(kw_only=True)
class ExchangeInvite:
    """A partial event ``m.room.member``.

    See https://spec.matrix.org/latest/server-server-api/#put_matrixfederationv1exchange_third_party_inviteroomid.
    """

    type: str = one_of(MEMBER_EVENT, doc="the type of the event")
    room_id: str = member(ROOM_ID, doc="the room, as in the path")
    sender: str = member(USER_ID, doc="the user who sent `m.room.third_party_invite`")
    state_key: str = member(USER_ID, doc="the user who is invited, of the homeserver that asks")
    content: Mapping[str, object] = free_object(doc="`membership`, and `third_party_invite` with the proof")


def _off(hs: Homeserver) -> str | None:
    return rooms_off(hs) or (None if hs.verifier is not None else "no signatures can be checked (verifier=)")


@endpoint(
    "PUT",
    "/exchange_third_party_invite/{roomId}",
    FederationHistory(v1="r0.1.0"),
    request=ExchangeInvite,
    reply=Empty,
    errors=(Unauthorized, Forbidden, NotFound, LimitExceeded),
    offered=_off,
)
async def exchange_third_party_invite(hs: Homeserver, call: Call, message: ExchangeInvite) -> Empty:
    """Check the proof of another homeserver's user, and invite the user to the room.

    The request is signed by the homeserver of the user. See
    https://spec.matrix.org/latest/server-server-api/#put_matrixfederationv1exchange_third_party_inviteroomid.
    """
    if hs.rooms is None or hs.verifier is None:
        raise Unavailable
    await charge_call_out(hs, call)
    origin = await hs.verifier.origin(call.request, call.body)
    # Everybody in the room reads the proof later, and must not invite the user again who has left.
    if origin != server_of(message.state_key):
        raise Forbidden("The signing homeserver does not control this user")
    if last_step(call.request.path) != message.room_id:
        raise InvalidParam("room_id: must be the room in the path")
    if not await hs.rooms.has_room(message.room_id):
        raise NotFound("This server is not in this room")
    event = {
        "type": message.type,
        "room_id": message.room_id,
        "sender": message.sender,
        "state_key": message.state_key,
        "content": message.content,
    }
    await redeem(hs, hs.rooms, event, hs.clock() + hs.policy.identity_deadline)
    return Empty()


ENDPOINTS = (exchange_third_party_invite,)
