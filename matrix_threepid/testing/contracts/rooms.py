"""``RoomsContract``: the promises of the port ``Rooms``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar

import pytest
from attrs import evolve

from ...flows.room_member import member_event
from ...model.room_rules import ROOM_RULES
from ...model.third_party_invite import InviteKey, ThirdPartyInvite
from ...ports import Rooms
from ..identity import FAKE_KEY
from .base import Contract

_KEY = InviteKey(FAKE_KEY, "https://id.example/_matrix/identity/v2/pubkey/isvalid")
_TOKEN, _NOBODY = "a-token", "@nobody:hs.example.org"
_MEMBERS = ("type", "room_id", "sender", "state_key", "content")


class RoomsContract(Contract):
    """The contract of ``Rooms``.

    * ``rooms`` (fixture): the ``Rooms`` of a homeserver with the users ``alice`` and ``inviter``.
    * ``make_room`` (method): makes a room of ``version`` that ``inviter`` has joined and may invite to; returns its id.
    * ``send`` (method): sends an event ``m.room.third_party_invite`` into the room, as the host does.
    * ``put`` (method): gives a user a membership of the room: ``join``, ``leave`` or ``ban``.
    * ``member`` (method): returns the content of the event ``m.room.member`` that the room has for a user.
    * ``asked`` (method): returns the exchanges that other homeservers were or will be asked for.
    * ``deactivate(rooms, user_id)`` (method, optional): deactivates an account as the host does.
    * ``version``: the version of the rooms.
    """

    alice: str = "@alice:hs.example.org"
    inviter: str = "@bob:hs.example.org"
    stranger: str = "@alice:other.example.org"
    version: str = "12"
    deactivate: ClassVar[Callable[[Any, str], Awaitable[object]] | None] = None

    def make_room(self, rooms: Any) -> str:
        """Make a room."""
        raise NotImplementedError

    def send(self, rooms: Any, event: Mapping[str, Any]) -> None:
        """Send an invitation of an address into its room."""
        raise NotImplementedError

    def put(self, rooms: Any, room_id: str, user_id: str, membership: str) -> None:
        """Give a user a membership."""
        raise NotImplementedError

    def member(self, rooms: Any, room_id: str, user_id: str) -> Mapping[str, Any]:
        """Return the content of a user's member event."""
        raise NotImplementedError

    def asked(self, rooms: Any) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Return server and event of each exchange."""
        raise NotImplementedError

    @pytest.fixture
    def room(self, rooms: Rooms) -> str:
        """A room."""
        return self.make_room(rooms)

    # -- who and what is here -----------------------------------------------------------------------

    def test_the_users_of_this_server_are_known(self, rooms: Rooms) -> None:
        """``has_user`` is ``True`` for users of this server by their whole ids, and ``False`` for all others."""
        assert self.do(rooms.has_user, self.alice) is True
        others = (_NOBODY, self.stranger, self.alice.upper(), self.alice.partition(":")[0])
        assert [each for each in others if self.do(rooms.has_user, each) is not False] == []

    def test_a_deactivated_user_is_none(self, rooms: Rooms) -> None:
        """A deactivated account is invited nowhere, so it counts as no user."""
        deactivate = type(self).deactivate
        if deactivate is None:
            pytest.skip("no way to deactivate an account was given")
        self.do(deactivate, rooms, self.alice)
        assert self.do(rooms.has_user, self.alice) is False

    def test_the_rooms_of_this_server_are_known(self, rooms: Rooms, room: str) -> None:
        """``has_room`` is ``True`` for a room that this server is in, and ``False`` for what it has never heard of."""
        assert self.do(rooms.has_room, room) is True
        assert self.do(rooms.has_room, "!nowhere:hs.example.org") is False

    # -- what a room has ----------------------------------------------------------------------------

    def test_an_invitation_is_found_by_its_token(self, rooms: Rooms, room: str) -> None:
        """The event comes back as it was sent; for another token there is none."""
        event = self._invite(rooms, room)
        found = self.do(rooms.invitation, room, _TOKEN, self.alice)
        assert found.event is not None
        assert {name: found.event[name] for name in _MEMBERS} == event
        assert self.do(rooms.invitation, room, "another", self.alice).event is None
        assert self.do(rooms.invitation, room, "", self.alice).event is None

    def test_an_invitation_is_for_one_room(self, rooms: Rooms, room: str) -> None:
        """A token of one room opens no other one."""
        self._invite(rooms, room)
        assert self.do(rooms.invitation, self.make_room(rooms), _TOKEN, self.alice).event is None

    def test_the_present_state_counts(self, rooms: Rooms, room: str) -> None:
        """Of several events with one token the last one is returned; a revoked invitation has an empty content."""
        self._invite(rooms, room)
        again = self._invite(rooms, room, "b...")
        assert self._content(rooms, room) == again["content"]
        self.send(rooms, _event(room, self.inviter).revoked(self.inviter).event())
        assert not self._content(rooms, room)

    def test_a_room_has_the_rules_of_its_version(self, rooms: Rooms, room: str) -> None:
        """``rules`` are those of the room's own version."""
        assert self.do(rooms.invitation, room, _TOKEN, self.alice).rules == ROOM_RULES[self.version]

    @pytest.mark.parametrize("membership", ["join", "leave", "ban"])
    def test_a_membership_is_told(self, rooms: Rooms, room: str, membership: str) -> None:
        """``membership`` is the present one of this user in this room; ``None`` for a user who was never there."""
        self.put(rooms, room, self.alice, membership)
        assert self._membership(rooms, room, self.alice) == membership
        assert self._membership(rooms, room, self.stranger) is None
        assert self._membership(rooms, self.make_room(rooms), self.alice) is None

    # -- what is done -------------------------------------------------------------------------------

    @pytest.mark.parametrize("who", ["alice", "stranger"])
    def test_an_invitation_that_was_checked_is_sent(self, rooms: Rooms, room: str, who: str) -> None:
        """After ``invite`` the user is invited by the inviter's event, with the proof, wherever the user lives."""
        self._invite(rooms, room)
        user = getattr(self, who)
        event = self._member_event(room, user)
        self.do(rooms.invite, event)
        assert self._membership(rooms, room, user) == "invite"
        content = self.member(rooms, room, user)
        assert {name: content[name] for name in ("membership", "third_party_invite")} == event["content"]

    def test_an_exchange_is_kept(self, rooms: Rooms) -> None:
        """``exchange`` returns once the request is queued, and the other homeserver gets the event as it is."""
        event = self._member_event("!room:other.example.org", self.alice)
        self.do(rooms.exchange, "other.example.org", event)
        assert list(self.asked(rooms)) == [("other.example.org", event)]

    # -- how it is asked ----------------------------------------------------------------------------

    def _invite(self, rooms: Rooms, room: str, shown: str = "a...") -> dict[str, Any]:
        """Invite an address to a room."""
        event = evolve(_event(room, self.inviter), display_name=shown).event()
        self.send(rooms, event)
        return event

    def _content(self, rooms: Rooms, room: str) -> Any:
        found = self.do(rooms.invitation, room, _TOKEN, self.alice).event
        return None if found is None else found["content"]

    def _membership(self, rooms: Rooms, room: str, user_id: str) -> str | None:
        return self.do(rooms.invitation, room, _TOKEN, user_id).membership

    def _member_event(self, room: str, user_id: str) -> dict[str, object]:
        signed = {"mxid": user_id, "token": _TOKEN, "signatures": {"id.example": {"ed25519:0": "c2lnbmF0dXJl"}}}
        return member_event(room, self.inviter, user_id, signed, "a...")


def _event(room: str, inviter: str) -> ThirdPartyInvite:
    return ThirdPartyInvite(room, inviter, _TOKEN, "a...", (_KEY,))
