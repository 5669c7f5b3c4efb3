"""The port for a host's rooms, where people redeem invitations of addresses."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Protocol

from ..model.room_invite import RoomInvitation


class Rooms(Protocol):
    """The host's rooms, and its way to other homeservers.

    Arguments of the methods:

    * ``room_id``: the room.
    * ``event``: the event ``m.room.member`` that invites, with ``type``, ``room_id``, ``sender``, ``state_key`` and
      ``content``; the host adds all else and signs it.

    A method may raise any ``MatrixError``, such as ``Forbidden`` for what the host's own rules refuse.
    See https://spec.matrix.org/latest/server-server-api/#third-party-invites.
    """

    def has_user(self, user_id: str) -> Awaitable[bool]:
        """Return whether there is a user of this server with this id who is not deactivated."""

    def has_room(self, room_id: str) -> Awaitable[bool]:
        """Return whether this server is in a room."""

    def invitation(self, room_id: str, token: str, user_id: str) -> Awaitable[RoomInvitation]:
        """Return the invitation that the present state of a room has for a token.

        * ``token``: the state key of the event ``m.room.third_party_invite``.
        * ``user_id``: the user whose membership is wanted.
        """

    def invite(self, event: Mapping[str, object]) -> Awaitable[None]:
        """Send an invitation that was checked into a room of this server, and to the server of its user.

        See https://spec.matrix.org/latest/server-server-api/#inviting-to-a-room.
        """

    def exchange(self, server_name: str, event: Mapping[str, object]) -> Awaitable[None]:
        """Ask another homeserver for an invitation to a room of its; from a queue, so that an outage loses none.

        * ``server_name``: the homeserver of the inviter.
        * ``event``: the body of the request.

        See https://spec.matrix.org/latest/server-server-api/#put_matrixfederationv1exchange_third_party_inviteroomid.
        """
