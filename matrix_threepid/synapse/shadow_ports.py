"""The ports of the role that ``endpoints: shadow`` asks: they read what Synapse has, and change nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from attrs import field, frozen

from ..events import Event
from ..flows import session_access
from ..model.message import Accepted, Outcome, TokenMessage
from ..model.threepid import AccountThreepid, AddOutcome, Owner, Threepid
from ..ports import Caller
from ..protocol.errors import NoValidSession, UiaRequired, UnknownToken
from ..protocol.wire import Request
from ..roles.base import Role
from . import tables
from .host import SynapseAccounts, spellings
from .private import Inside

if TYPE_CHECKING:
    from ..stores.sql import Database


class BeyondShadow(BaseException):
    """The module would have an effect now. Not an ``Exception``, so that no flow takes it for a failure of a port."""


class AskedIdentityServer(BeyondShadow):
    """The effect is a call of an identity server, whose answer decides what the client hears."""


@frozen
class Answered:
    """Status and errcode of an answer."""

    status: int
    errcode: str | None = None

    @classmethod
    def of_error(cls, error: Exception) -> Answered:
        """Return what Synapse answers to an exception."""
        if type(error).__name__ == "InteractiveAuthIncompleteError":
            return cls(401)
        status = getattr(error, "code", None)
        if not isinstance(status, int):
            return cls(500, "M_UNKNOWN")
        errcode = getattr(error, "errcode", None)
        return cls(int(status), str(getattr(errcode, "value", errcode)))  # Synapse has an enumeration of them

    def __str__(self) -> str:
        return f"{self.status} {self.errcode}" if self.errcode else str(self.status)


@frozen
class Native:
    """What a shadow knows of a request in place of Synapse's own object.

    * ``requester``: whom Synapse has found for it; ``None`` if it found nobody or had no need to look.
    * ``answer``: what Synapse has answered.
    * ``has_token``: whether the request had an access token.
    """

    requester: Any
    answer: Answered
    has_token: bool


@frozen
class ShadowAccounts:
    """The port ``Accounts``: the addresses on Synapse's accounts; to change them is an effect."""

    _own: SynapseAccounts = field(repr=False)
    _db: Database = field(repr=False)

    async def owner(self, threepid: Threepid) -> Owner | None:
        return await self._own.owner(threepid)

    async def list(self, user_id: str) -> Sequence[AccountThreepid]:
        return await self._own.list(user_id)

    async def add(self, user_id: str, threepid: AccountThreepid) -> AddOutcome:
        holder = await self._db.run(partial(tables.owner, threepid.medium.value, spellings(threepid.threepid)))
        if holder is None:
            raise BeyondShadow
        return AddOutcome.ALREADY_YOURS if holder == user_id else AddOutcome.TAKEN

    async def remove(self, user_id: str, threepid: Threepid) -> bool:
        held = {(each.medium, each.address) for each in await self._own.list(user_id)}
        if any((threepid.medium, address) in held for address in spellings(threepid)):
            raise BeyondShadow
        return False


_SOMEBODY = Caller("@somebody:shadow.invalid")


@frozen
class ShadowCallers:
    """The port ``Callers``: whom Synapse has found for the request."""

    _inside: Inside = field(repr=False)

    async def identify(self, request: Request) -> Caller | None:
        known: Native = request.native
        requester = known.requester
        if requester is None or isinstance(requester, str):
            if known.answer.errcode == "M_UNKNOWN_TOKEN":
                raise UnknownToken
            # Synapse refuses some bodies before it looks at the token, which is taken to be a good one then.
            unread = known.has_token and known.answer.status >= 400 and known.answer.status != 401
            return _SOMEBODY if unread else None
        user_id = requester.user.to_string()
        return Caller(user_id, guest=requester.is_guest, suspended=await self._inside.is_suspended(user_id))


@frozen
class ShadowUia:
    """The port ``Uia``: what Synapse's own authentication has said; nobody is asked again."""

    async def require(self, request: Request, caller: Caller, body: Mapping[str, Any], action: str) -> None:
        if request.native.answer.status == 401:
            raise UiaRequired({})


@frozen
class ShadowSender:
    """A ``TokenSender`` that sends nothing."""

    async def send(self, message: TokenMessage) -> Outcome:
        return Accepted()


@frozen
class ShadowIdentity:
    """An ``IdentityServerClient`` that calls nobody: a call is an effect."""

    async def proved(self, *_: object) -> NoReturn:
        raise AskedIdentityServer

    async def bind(self, *_: object) -> NoReturn:
        raise AskedIdentityServer

    async def unbind(self, *_: object) -> NoReturn:
        raise AskedIdentityServer


@frozen
class Silent:
    """A ``Listener`` that tells nobody of what did not happen."""

    def on(self, event: Event) -> None:
        """Do nothing."""


async def seen_validated(role: Role, sid: str) -> None:
    """Have a session of the shadow validated, since the one of Synapse is."""
    try:
        await session_access.update_session(
            role, sid, lambda stored: stored.validate(role.clock(), role.policy.lifetimes)
        )
    except NoValidSession:
        return


async def deferred(judge: Callable[[Any], Awaitable[None]], seen: object, seconds: float) -> None:
    """Await ``judge`` by Synapse's rules about log contexts. Raises Twisted's ``TimeoutError`` after that time."""
    from synapse.module_api import make_deferred_yieldable, run_in_background
    from twisted.internet import reactor

    clock: Any = reactor
    await make_deferred_yieldable(run_in_background(judge, seen).addTimeout(seconds, clock))
