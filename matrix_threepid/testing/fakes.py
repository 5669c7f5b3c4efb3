"""Fakes of the ports: complete, in memory, and within the contracts.

They keep the contracts of the ports, so what works with them works with every host that keeps the contracts too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from attrs import define, field

from ..events import Event
from ..model.gate import Allow, Challenge, Deny, GateRequest
from ..model.message import Accepted, Outcome, TokenMessage
from ..model.room_invite import RoomInvitation
from ..model.room_rules import ROOM_RULES
from ..model.threepid import AccountThreepid, AddOutcome, Owner, Purpose, Threepid
from ..ports import Caller, LoggedIn
from ..protocol.errors import InvalidUsername, ThreepidInUse, UiaRequired, UnknownToken, UserInUse, WeakPassword
from ..protocol.wire import Request

PASSWORD = "correct horse battery staple"
"""The password of every account of ``FakeUia``."""
_SHORTEST_PASSWORD = 8


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
class FakeAccounts:
    """``Accounts`` in a list.

    * ``on``: pairs of user id and identifier, in the order in which they were added.
    """

    on: list[tuple[str, AccountThreepid]] = field(factory=list, repr=False)

    async def owner(self, threepid: Threepid) -> Owner | None:
        return next((Owner(user, held.spelling) for user, held in self.on if held.threepid == threepid), None)

    async def list(self, user_id: str) -> Sequence[AccountThreepid]:
        return [held for user, held in self.on if user == user_id]

    async def add(self, user_id: str, threepid: AccountThreepid) -> AddOutcome:
        owner = await self.owner(threepid.threepid)
        if owner is not None:
            return AddOutcome.ALREADY_YOURS if owner.user_id == user_id else AddOutcome.TAKEN
        self.on.append((user_id, threepid))
        return AddOutcome.ADDED

    async def remove(self, user_id: str, threepid: Threepid) -> bool:
        before = len(self.on)
        self.on = [(user, held) for user, held in self.on if (user, held.threepid) != (user_id, threepid)]
        return len(self.on) < before


class FakeCallers:
    """``Callers`` whose access tokens are user ids: ``Authorization: Bearer @alice:hs.example.org``.

    * ``kinds``: makes users guests, suspended or OAuth users.

    A token that does not start with ``@`` is unknown.
    """

    def __init__(self) -> None:
        self.kinds: dict[str, Mapping[str, bool]] = {}

    async def identify(self, request: Request) -> Caller | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not scheme or (scheme == "Bearer" and not token):
            return None
        if scheme != "Bearer" or not token.startswith("@") or "," in token or " " in token:
            raise UnknownToken
        return Caller(token, **self.kinds.get(token, {}))


class FakeKeeper:
    """An ``AccountKeeper`` over ``FakeAccounts``, whose access tokens are those of ``FakeCallers``.

    * ``accounts``: the identifiers of the accounts.
    * ``passwords``: the stored password of each account; ``None`` for a deactivated one.
    * ``logged_in``: user and device of each log-in, in order.
    * ``logged_out``: the users whose access tokens were ended, in order.
    * ``erased``: the users who asked to be forgotten.

    The hash of a password is ``hash of`` and its reverse, which a test can tell from the password.
    """

    def __init__(self, accounts: FakeAccounts, server_name: str = "hs.example.org") -> None:
        self.accounts = accounts
        self.passwords: dict[str, str | None] = {}
        self.logged_in: list[tuple[str, str]] = []
        self.logged_out: list[str] = []
        self.erased: list[str] = []
        self._server_name = server_name

    async def new_user_id(self, localpart: str | None) -> str:
        user_id = f"@{localpart or f'user{len(self.passwords)}'}:{self._server_name}"
        if localpart is not None and (not localpart.isascii() or not localpart.islower()):
            raise InvalidUsername
        if user_id in self.passwords:
            raise UserInUse
        return user_id

    async def create(self, user_id: str, password_hash: str, threepids: Sequence[AccountThreepid]) -> None:
        if user_id in self.passwords:
            raise UserInUse
        for threepid in threepids:
            if await self.accounts.owner(threepid.threepid) is not None:
                raise ThreepidInUse
        self.passwords[user_id] = password_hash
        for threepid in threepids:
            await self.accounts.add(user_id, threepid)

    async def log_in(self, user_id: str, device_id: str, display_name: str | None) -> LoggedIn:
        self.logged_in.append((user_id, device_id))
        return LoggedIn(access_token=user_id)

    async def hash_password(self, password: str) -> str:
        if len(password) < _SHORTEST_PASSWORD:
            raise WeakPassword
        return _hashed(password)

    async def hash_fits(self, password: str, password_hash: str) -> bool:
        return _hashed(password) == password_hash

    async def password_fits(self, user_id: str, password: str) -> bool:
        return self.passwords.get(user_id) == _hashed(password)

    async def set_password(self, user_id: str, password_hash: str) -> None:
        if self.passwords.get(user_id) is not None:
            self.passwords[user_id] = password_hash

    async def log_out(self, user_id: str, keep: Request | None) -> None:
        self.logged_out.append(user_id)

    async def deactivate(self, user_id: str, erase: bool) -> None:
        self.passwords[user_id] = None
        for held in await self.accounts.list(user_id):
            await self.accounts.remove(user_id, held.threepid)
        if erase:
            self.erased.append(user_id)


def _hashed(password: str) -> str:
    return f"hash of {password[::-1]}"


class FakeUia:
    """``Uia`` with one stage, ``m.login.password``. A session belongs to one user, action and body."""

    def __init__(self) -> None:
        self._flows: dict[str, Any] = {}
        self._done: set[str] = set()

    async def require(self, request: Request, caller: Caller, body: Mapping[str, Any], action: str) -> None:
        auth = body.get("auth") or {}
        subject = (caller.user_id, action, {name: value for name, value in body.items() if name != "auth"})
        session = auth.get("session")
        if not isinstance(session, str) or session not in self._flows:
            raise UiaRequired(self._state(self._begin(subject)))
        if auth.get("type") == "m.login.password" and auth.get("password") == PASSWORD:
            self._done.add(session)
        if session not in self._done or self._flows[session] != subject:
            raise UiaRequired(self._state(session))

    def _begin(self, subject: Any) -> str:
        session = f"uia{len(self._flows)}"
        self._flows[session] = subject
        return session

    def _state(self, session: str) -> dict[str, Any]:
        return {"flows": [{"stages": ["m.login.password"]}], "session": session, "params": {}, "completed": []}


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
