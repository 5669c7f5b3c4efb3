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
from ..model.threepid import AccountThreepid, AddOutcome, Owner, Purpose, Threepid
from ..ports import Caller
from ..protocol.errors import UiaRequired, UnknownToken
from ..protocol.wire import Request

PASSWORD = "correct horse battery staple"
"""The password of every account of ``FakeUia``."""


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
class Events:
    """A ``Listener`` that keeps the events."""

    seen: list[Event] = field(factory=list)

    def on(self, event: Event) -> None:
        self.seen.append(event)

    def of(self, kind: type) -> list[Any]:
        """Return the events of one class."""
        return [event for event in self.seen if isinstance(event, kind)]
