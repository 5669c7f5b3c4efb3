"""What a homeserver tells an identity server of an invitation, and what comes of inviting an address."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from ..protocol.members import redacted
from .room_rules import RoomRules
from .threepid import Threepid

_LONGEST = 255


def _shown(value: str | None) -> str | None:
    """Return a name on one line and at most 255 characters long; ``None`` for one without any."""
    line = " ".join("".join(each if each.isprintable() else " " for each in value or "").split())
    return line[:_LONGEST] or None


@frozen(kw_only=True)
class InviteAbout:
    """What the mail of an invitation may say of room and inviter; whatever is ``None`` is left out.

    * ``room_name``: the name of the room, from ``m.room.name``.
    * ``room_alias``: its alias, from ``m.room.canonical_alias``.
    * ``room_avatar_url``: the content URI from ``m.room.avatar``.
    * ``room_join_rules``: the ``join_rule`` from ``m.room.join_rules``.
    * ``room_type``: the ``type`` from ``m.room.create``
      (MSC3288, https://github.com/matrix-org/matrix-spec-proposals/pull/3288).
    * ``sender_display_name``: the name of the inviter.
    * ``sender_avatar_url``: the content URI of the inviter's picture.

    Values are brought on one line of at most 255 characters.
    """

    room_name: str | None = field(default=None, converter=_shown)
    room_alias: str | None = field(default=None, converter=_shown)
    room_avatar_url: str | None = field(default=None, converter=_shown)
    room_join_rules: str | None = field(default=None, converter=_shown)
    room_type: str | None = field(default=None, converter=_shown)
    sender_display_name: str | None = field(default=None, converter=_shown)
    sender_avatar_url: str | None = field(default=None, converter=_shown)


@frozen(kw_only=True)
class InviteRequest:
    """An invitation that an identity server is asked to keep.

    * ``threepid``: the address.
    * ``room_id``: the room.
    * ``sender``: the user who invites.
    * ``about``: what the mail may say.
    """

    threepid: Threepid
    room_id: str
    sender: str
    about: InviteAbout


@frozen
class InvitedUser:
    """The invited address belongs to a user: the host invites the user as usual.

    * ``user_id``: the user, as the identity server names it.
    """

    user_id: str


@frozen(kw_only=True)
class PreparedInvite:
    """An invitation that was checked and charged, and is not sent yet.

    * ``threepid``: the canonical address.
    * ``id_server``: the identity server in normal form.
    * ``id_access_token``: the inviter's token there; its representation is redacted.
    * ``inviter``: the user who invites.
    """

    threepid: Threepid
    id_server: str
    id_access_token: str = field(repr=redacted)
    inviter: str


@frozen(kw_only=True)
class RoomInvitation:
    """An invitation of an address as a room has it, and how the user who redeems it stands there.

    * ``event``: the event ``m.room.third_party_invite`` in the room's present state, with ``type``, ``room_id``,
      ``sender``, ``state_key`` and ``content``; ``None`` if the state has none for the token.
    * ``rules``: those of the room's version, from ``ROOM_RULES``.
    * ``membership``: the present membership of the user; ``None`` (default) if there is none.
    """

    event: Mapping[str, object] | None
    rules: RoomRules
    membership: str | None = None
