"""What identity servers publish and keep: bindings, and invitations of addresses to rooms."""

from __future__ import annotations

from attrs import frozen

from ..model.threepid import Threepid
from .happened import Happened


@frozen
class ThreepidBound(Happened):
    """An identity server confirmed that it publishes an address of a user.

    * ``user_id``: the user.
    * ``threepid``: the address.
    * ``id_server``: the identity server, as ``host`` or ``host:port``.
    """

    user_id: str
    threepid: Threepid
    id_server: str


@frozen
class ThreepidUnbound(Happened):
    """An identity server confirmed that it no longer publishes an address of a user.

    * ``user_id``: the user.
    * ``threepid``: the address.
    * ``id_server``: the identity server, as ``host`` or ``host:port``.
    """

    user_id: str
    threepid: Threepid
    id_server: str


@frozen
class UnbindGivenUp(Happened):
    """An unbind failed for ``Retrying.give_up`` ms and is not tried again. Its row stays for the operator.

    * ``user_id``: the user.
    * ``threepid``: the address, which may still be published.
    * ``id_server``: the identity server, as ``host`` or ``host:port``.
    """

    user_id: str
    threepid: Threepid
    id_server: str


@frozen
class OnbindGivenUp(Happened):
    """The homeserver of a user has not taken the invitations of an address for 7 days, or too many wait for it.

    * ``user_id``: the user to whom the address was bound.
    * ``threepid``: the address.
    """

    user_id: str
    threepid: Threepid


@frozen
class ThreepidInvited(Happened):
    """An identity server keeps an invitation of an address to a room.

    * ``user_id``: the user who invites.
    * ``threepid``: the address.
    * ``id_server``: the identity server, ``host[:port]``.
    """

    user_id: str
    threepid: Threepid
    id_server: str


@frozen
class InvitationRedeemed(Happened):
    """A user who has proved an invited address was invited to the room.

    * ``user_id``: the user.
    * ``room_id``: the room.
    """

    user_id: str
    room_id: str


@frozen
class InvitationRefused(Happened):
    """A proof for an invitation of an address was refused.

    * ``user_id``: the user whom the proof names.
    * ``room_id``: the room that it names.
    * ``reason``: why, in words.
    """

    user_id: str
    room_id: str
    reason: str
