"""Let a user who has proved an invited address into the room.

See https://spec.matrix.org/latest/server-server-api/#third-party-invites.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from ..events import InvitationRedeemed, InvitationRefused
from ..limits.counting import Counter, charged
from ..model.identity import KeyChecked, ServerRefused
from ..model.limit import Limit
from ..model.room_invite import RoomInvitation
from ..model.third_party_invite import (
    InviteKey,
    ProofRefusal,
    check_proof,
    read_third_party_invite,
    signed_of,
)
from ..ports import Rooms
from ..protocol.errors import Forbidden, Unavailable
from ..roles.homeserver import Homeserver

_THERE = ("invite", "join")
_A_YEAR = Limit(1, 1 / (365 * 86_400))


async def check_member(
    hs: Homeserver, member: Mapping[str, Any], invitation: RoomInvitation, *, deadline: int | None = None
) -> None:
    """Return if an ``m.room.member`` event with ``third_party_invite`` may let its user into the room.

    The rules of ``check_proof``, and whether the key that signed was revoked. The second is for the server that lets a
    user in, and for one that answers the first join of another server; no other server may refuse an event for it.

    * ``member``: the event, or the partial one of an exchange.
    * ``invitation``: what the room has for its token.
    * ``deadline``: the ms that asking for the key may take; ``None`` (default): ``Policy.identity_deadline``.

    Raises ``Forbidden`` with the reason, and ``Unavailable`` if nobody answers whether the key is valid.
    See https://spec.matrix.org/latest/client-server-api/#third-party-invites.
    """
    verdict = check_proof(member, invitation.event, invitation.rules, membership=invitation.membership)
    if isinstance(verdict, InviteKey):
        verdict = await _revoked(hs, verdict, hs.policy.identity_deadline if deadline is None else deadline) or verdict
    if isinstance(verdict, ProofRefusal):
        _refuse(hs, member, verdict)


def _refuse(hs: Homeserver, member: Mapping[str, Any], refusal: ProofRefusal) -> NoReturn:
    hs.emit(InvitationRefused(str(member.get("state_key")), str(member.get("room_id")), refusal.value))
    raise Forbidden(refusal.value)


async def _revoked(hs: Homeserver, key: InviteKey, deadline: int) -> ProofRefusal | None:
    if key.key_validity_url is None:
        return None
    if hs.invitations is None or deadline <= 0:
        raise Unavailable
    answer = await hs.invitations.key_is_valid(key.key_validity_url, key.public_key, deadline)
    if isinstance(answer, KeyChecked):
        return None if answer.valid else ProofRefusal.REVOKED_KEY
    # A refusal is an answer as well: who asks again later will get no other one.
    if isinstance(answer, ServerRefused) and answer.status < 500:
        return ProofRefusal.REVOKED_KEY
    raise Unavailable("Whether the invitation is still valid cannot be asked right now")


async def redeem(hs: Homeserver, rooms: Rooms, member: Mapping[str, Any], until: int) -> None:
    """Invite a user with a proof to a room of this server; one who is invited or in the room already stays as is.

    One who was invited by the proof before and has left is not invited again.

    * ``member``: the partial event.
    * ``until``: the time in ms until which a key may be asked for.

    Raises ``MatrixError`` as ``check_member`` and the port do.
    """
    signed, user_id = signed_of(member), str(member["state_key"])
    token = "" if signed is None else str(signed["token"])
    invitation = await rooms.invitation(str(member["room_id"]), token, user_id)
    if invitation.membership in _THERE:
        return
    await check_member(hs, member, invitation, deadline=until - hs.clock())
    stored = None if invitation.event is None else read_third_party_invite(invitation.event)
    if stored is not None:
        # Everybody in the room can read the proof, and ``onbind`` can be called by anybody. Charged before the
        # invitation: if that fails the user has not left, and the next try invites.
        used = await charged(hs, [Counter("redeemed", (stored.room_id, user_id, stored.token), _A_YEAR)])
        if used and invitation.membership == "leave":
            _refuse(hs, member, ProofRefusal.USED)
        await rooms.invite(member_event(stored.room_id, stored.sender, user_id, signed, stored.display_name))
        hs.emit(InvitationRedeemed(user_id, stored.room_id))


def member_event(
    room_id: str, sender: str, user_id: str, signed: Mapping[str, Any] | None, display_name: str
) -> dict[str, object]:
    """Return the partial event ``m.room.member`` that invites a user with a proof."""
    return {
        "type": "m.room.member",
        "room_id": room_id,
        "sender": sender,
        "state_key": user_id,
        "content": {
            "membership": "invite",
            "third_party_invite": {"display_name": display_name, "signed": dict(signed or {})},
        },
    }
