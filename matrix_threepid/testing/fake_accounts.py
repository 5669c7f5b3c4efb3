"""Fakes of what a host knows of accounts: their addresses, access tokens, passwords and authentication."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field

from ..model.threepid import AccountThreepid, AddOutcome, Owner, Threepid
from ..ports import Caller, LoggedIn
from ..protocol.errors import InvalidUsername, ThreepidInUse, UiaRequired, UnknownToken, UserInUse, WeakPassword
from ..protocol.wire import Request

PASSWORD = "correct horse battery staple"
"""The password of every account of ``FakeUia``."""
_SHORTEST_PASSWORD = 8


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
