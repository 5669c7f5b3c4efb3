"""Identity servers in memory: sessions, bindings, and the answers that a test chooses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from attrs import define, field

from ..model.identity import (
    AlreadyBound,
    Associated,
    BindAnswer,
    Done,
    InviteAnswer,
    InviteStored,
    KeyAnswer,
    KeyChecked,
    LookedUp,
    LookUpAnswer,
    Proved,
    ProvedAnswer,
    ServerRefused,
    UnbindAnswer,
)
from ..model.room_invite import InviteRequest
from ..model.third_party_invite import InviteKey
from ..model.threepid import Medium, Threepid
from ..ports import Credentials

T = TypeVar("T")
_NO_SESSION = ServerRefused(404, "M_NO_VALID_SESSION", "No session was found")
FAKE_KEY = "gTl3Dqh9F19Wo1Rmw0x+zMuNipG07jeiXfYPW4/Js5Q"
"""The verify key in the invitations of fake identity servers."""
Published = tuple[str, Medium, str]
"""Identity server, medium and address."""


@define
class FakeIdentityServers:
    """An ``IdentityServerClient`` and ``InvitationClient`` that is the identity servers as well.

    It accepts every token.

    * ``published``: the bound users, by identity server, medium and address.
    * ``invited``: the invitations that were stored, by their tokens.
    * ``revoked``: the keys that are no longer valid.
    * ``calls``: pairs of call and identity server, in order.
    * ``before``: a function that is awaited in each call.
    """

    published: dict[Published, str] = field(factory=dict, repr=False)
    calls: list[tuple[str, str]] = field(factory=list)
    before: Callable[[], Awaitable[object]] | None = None
    invited: dict[str, InviteRequest] = field(factory=dict, repr=False)
    revoked: set[str] = field(factory=set)
    _sessions: dict[tuple[str, str, str], tuple[Medium, str]] = field(init=False, factory=dict, repr=False)
    _scripts: dict[tuple[str, str], list[tuple[Any, bool]]] = field(init=False, factory=dict)

    def prove(self, id_server: str, sid: str, client_secret: str, address: str, medium: Medium = Medium.EMAIL) -> None:
        """Store a validated session at a server."""
        self._sessions[id_server, sid, client_secret] = (medium, address)

    def script(self, call: str, id_server: str, *answers: Any, carried_out: bool = False) -> None:
        """Set the next answers to a call, such as ``bind``, named after the method.

        * ``carried_out``: do what was asked for all the same.
        """
        self._scripts.setdefault((call, id_server), []).extend((answer, carried_out) for answer in answers)

    async def proved(self, id_server: str, access_token: str, credentials: Credentials, deadline: int) -> ProvedAnswer:
        return await self._call("proved", id_server, lambda: self._proved(id_server, credentials))

    async def bind(
        self, id_server: str, access_token: str, credentials: Credentials, user_id: str, deadline: int
    ) -> BindAnswer:
        return await self._call("bind", id_server, lambda: self._bind(id_server, credentials, user_id))

    async def unbind(self, id_server: str, user_id: str, medium: Medium, address: str, deadline: int) -> UnbindAnswer:
        return await self._call("unbind", id_server, lambda: self._unbind(id_server, user_id, medium, address))

    async def look_up(
        self, id_server: str, access_token: str, threepid: Threepid, user_id: str, deadline: int
    ) -> LookUpAnswer:
        return await self._call("look_up", id_server, lambda: LookedUp(self._user(id_server, threepid)))

    async def store_invite(
        self, id_server: str, access_token: str, invite: InviteRequest, deadline: int
    ) -> InviteAnswer:
        return await self._call("store_invite", id_server, lambda: self._store(id_server, invite))

    async def key_is_valid(self, url: str, public_key: str, deadline: int) -> KeyAnswer:
        return await self._call("key_is_valid", url, lambda: KeyChecked(public_key not in self.revoked))

    async def _call(self, call: str, id_server: str, act: Callable[[], T]) -> T:
        self.calls.append((call, id_server))
        if self.before is not None:
            await self.before()
        answer, carried_out = (self._scripts.get((call, id_server)) or [(None, True)]).pop(0)
        done = act() if carried_out else answer
        return cast("T", done if answer is None else answer)

    def _user(self, id_server: str, threepid: Threepid) -> str | None:
        return self.published.get((id_server, threepid.medium, threepid.address))

    def _store(self, id_server: str, invite: InviteRequest) -> InviteAnswer:
        user = self._user(id_server, invite.threepid)
        if user is not None:
            return AlreadyBound(user)
        token = f"token{len(self.invited)}"
        self.invited[token] = invite
        url = f"https://{id_server}/_matrix/identity/v2/pubkey/isvalid"
        return InviteStored(token, f"{invite.threepid.address[:1]}...", (InviteKey(FAKE_KEY, url),))

    def _proved(self, id_server: str, credentials: Credentials) -> ProvedAnswer:
        session = self._sessions.get((id_server, credentials.sid, credentials.client_secret))
        return Proved(*session) if session else _NO_SESSION

    def _bind(self, id_server: str, credentials: Credentials, user_id: str) -> BindAnswer:
        proved = self._proved(id_server, credentials)
        if not isinstance(proved, Proved):
            return _NO_SESSION
        self.published[id_server, proved.medium, proved.address] = user_id
        return Associated(proved.medium, proved.address, user_id)

    def _unbind(self, id_server: str, user_id: str, medium: Medium, address: str) -> UnbindAnswer:
        if self.published.get((id_server, medium, address)) == user_id:
            del self.published[id_server, medium, address]
        return Done()
