"""Fakes of the ports, beside those of accounts: complete, in memory, and within the contracts.

They keep the contracts of the ports, so what works with them works with every host that keeps the contracts too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import define, field

from ..events import Event
from ..model.gate import Allow, Challenge, Deny, GateRequest
from ..model.message import Accepted, Outcome, TokenMessage
from ..model.room_invite import RoomInvitation
from ..model.room_rules import ROOM_RULES
from ..model.threepid import Purpose, Threepid


@define
class FakeClock:
    """A clock that a test sets; wall-clock ms.

    >>> from matrix_threepid.testing import FakeClock
    >>> clock = FakeClock(1_000)
    >>> clock.advance(500)
    >>> clock()
    1500
    """

    now: int = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now

    def advance(self, ms: int) -> None:
        """Move the clock by this many ms; a negative number moves it back."""
        self.now += ms


@define
class Outbox:
    """A ``TokenSender`` that keeps the messages.

    * ``outcomes``: the next outcomes, in order; afterwards every message is ``Accepted``.
    """

    messages: list[TokenMessage] = field(factory=list)
    outcomes: list[Outcome] = field(factory=list)
    before: Callable[[], Awaitable[None]] | None = None

    async def send(self, message: TokenMessage) -> Outcome:
        if self.before is not None:
            await self.before()
        outcome = self.outcomes.pop(0) if self.outcomes else Accepted()
        self.messages.append(message)
        return outcome

    @property
    def last(self) -> TokenMessage:
        """The last message."""
        return self.messages[-1]


@define
class Rules:
    """``AddressRules`` that refuse the addresses in ``denied``."""

    denied: set[str] = field(factory=set)

    async def allows(self, threepid: Threepid, purpose: Purpose, user_id: str | None) -> bool:
        return threepid.address not in self.denied


@define
class FakeGate:
    """A ``Gate`` that wants the registration token ``word`` from those who ask without an account.

    * ``word``: the token; empty (default) wants none, so that everyone passes.
    * ``denied``: canonical addresses that are refused.
    * ``asked``: what it was asked.

    A session of it is for one address and purpose, and stays solved.
    """

    word: str = field(default="", repr=False)
    denied: set[str] = field(factory=set, repr=False)
    asked: list[GateRequest] = field(factory=list, repr=False)
    _sessions: dict[str, tuple[Purpose, Threepid]] = field(init=False, factory=dict)

    async def allows(self, asked: GateRequest) -> Allow | Deny | Challenge:
        self.asked.append(asked)
        if asked.threepid.address in self.denied:
            return Deny("This server sends nothing there")
        if not self.word or asked.caller is not None:
            return Allow()
        session, about = asked.session or "", (asked.purpose, asked.threepid)
        if self._sessions.get(session) != about:
            session = f"gate{len(self._sessions)}"
            self._sessions[session] = about
        elif asked.body["auth"].get("token") == self.word:  # type: ignore[attr-defined]
            return Allow()
        return Challenge([{"stages": ["m.login.registration_token"]}], session)


@define
class FakeRooms:
    """``Rooms`` of a homeserver, by what a test puts into them.

    * ``users``: the users of this server.
    * ``invitations``: the events ``m.room.third_party_invite`` of each room, by token; a room is here if it has a key.
    * ``members``: the membership of users, by room and user.
    * ``version``: the version of all rooms.
    * ``sent``: the invitations that were sent into rooms.
    * ``asked``: the homeservers that were asked, each with the event.
    """

    users: set[str] = field(factory=set)
    invitations: dict[str, dict[str, Mapping[str, Any]]] = field(factory=dict, repr=False)
    members: dict[tuple[str, str], str] = field(factory=dict)
    version: str = "12"
    sent: list[Mapping[str, Any]] = field(factory=list, repr=False)
    asked: list[tuple[str, Mapping[str, Any]]] = field(factory=list, repr=False)

    async def has_user(self, user_id: str) -> bool:
        return user_id in self.users

    async def has_room(self, room_id: str) -> bool:
        return room_id in self.invitations

    async def invitation(self, room_id: str, token: str, user_id: str) -> RoomInvitation:
        return RoomInvitation(
            event=self.invitations[room_id].get(token),
            rules=ROOM_RULES[self.version],
            membership=self.members.get((room_id, user_id)),
        )

    async def invite(self, event: Mapping[str, object]) -> None:
        self.sent.append(event)
        self.members[str(event["room_id"]), str(event["state_key"])] = "invite"

    async def exchange(self, server_name: str, event: Mapping[str, object]) -> None:
        self.asked.append((server_name, event))


@define
class Events:
    """A ``Listener`` that keeps the events."""

    seen: list[Event] = field(factory=list)

    def on(self, event: Event) -> None:
        self.seen.append(event)

    def of(self, kind: type) -> list[Any]:
        """Return the events of one class."""
        return [event for event in self.seen if isinstance(event, kind)]
