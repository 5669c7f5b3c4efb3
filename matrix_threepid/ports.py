"""What the library asks of a host and of its back ends: Protocols, few methods each.

Methods return awaitables, so ``async def``, a Future and a Deferred all fit. "Not there" is a value,
never an exception. A port that cannot serve right now raises ``errors.Unavailable``; whatever else it
raises is taken for a bug and left visible.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from attrs import field, frozen

from .events import Event
from .model.association import Association
from .model.binding import Binding
from .model.identity import BindAnswer, ProvedAnswer, UnbindAnswer
from .model.message import Outcome, TokenMessage
from .model.session import Session
from .model.threepid import AccountThreepid, AddOutcome, Medium, Owner, Purpose, Threepid
from .policy import Limit
from .protocol.members import redacted
from .protocol.wire import Request

Clock = Callable[[], int]
"""Returns the wall-clock time in ms."""

Chance = Callable[[int], bytes]
"""Returns so many random bytes, fit for secrets."""


@frozen
class Caller:
    """Who calls: ``oauth`` marks a token of an OAuth 2.0 session, which cannot do user-interactive authentication."""

    user_id: str
    guest: bool = False
    suspended: bool = False
    oauth: bool = False


class Accounts(Protocol):
    """The host's accounts and the identifiers on them. A threepid has one owner at most, always."""

    def owner(self, threepid: Threepid) -> Awaitable[Owner | None]:
        """Return who has this identifier; nobody, if the account is deactivated."""

    def list(self, user_id: str) -> Awaitable[Sequence[AccountThreepid]]:
        """Return the identifiers of an account, in the order they were added."""

    def add(self, user_id: str, threepid: AccountThreepid) -> Awaitable[AddOutcome]:
        """Put an identifier on an account, atomically refusing one that another account has."""

    def remove(self, user_id: str, threepid: Threepid) -> Awaitable[bool]:
        """Take an identifier off this account; return whether it was there."""


class Callers(Protocol):
    """The host's access tokens."""

    def identify(self, request: Request) -> Awaitable[Caller | None]:
        """Return who calls, or ``None`` without a token; raise ``UnknownToken`` or ``UserLocked`` for a bad one."""


class Uia(Protocol):
    """The host's user-interactive authentication."""

    def require(self, request: Request, caller: Caller, body: Mapping[str, Any], action: str) -> Awaitable[None]:
        """Return once ``body["auth"]`` completes a flow for this very action; else raise ``UiaRequired``."""


class SessionStore(Protocol):
    """Sessions, found by ``sid`` or by ``slot``. No rule about sessions lives here."""

    def open(self, session: Session) -> Awaitable[Session]:
        """Insert ``session`` unless its slot is taken, atomically; return the session that has the slot."""

    def get(self, sid: str) -> Awaitable[Session | None]:
        """Return a session."""

    def find(self, slot: str) -> Awaitable[Session | None]:
        """Return the session that has this slot."""

    def replace(self, session: Session) -> Awaitable[bool]:
        """Swap ``session`` in if the stored revision is the one before its own; return whether it was."""

    def due(self, now: int, limit: int) -> Awaitable[Sequence[Session]]:
        """Return sessions whose message waits to be sent (``due_at`` has come), the oldest first."""

    def of_owner(self, user_id: str) -> Awaitable[Sequence[Session]]:
        """Return the sessions opened by a user that are not over."""

    def of_threepid(self, threepid: Threepid, purpose: Purpose) -> Awaitable[Sequence[Session]]:
        """Return the sessions of an identifier for one purpose that are not over."""

    def purge(self, before: int, limit: int) -> Awaitable[int]:
        """Delete at most ``limit`` sessions that expired before that time; return how many. Housekeeping only."""


@frozen
class Take:
    """Something to count: a key (a MAC or a name, never an address), its limit and what it costs.

    ``cost`` 0 asks without counting.
    """

    key: str
    limit: Limit
    cost: int = 1


class RateLimiter(Protocol):
    """Counts that all processes of a host share."""

    def spend(self, takes: Sequence[Take], now: int) -> Awaitable[int]:
        """Count the takes in order up to the first that is refused; return 0, or the ms until that one is granted."""

    def purge(self, now: int, limit: int) -> Awaitable[int]:
        """Forget at most ``limit`` keys that are as good as new; return how many."""


class TokenSender(Protocol):
    """A way to a mailbox or a phone."""

    def send(self, message: TokenMessage) -> Awaitable[Outcome]:
        """Hand one message over; never raise for what a provider does."""


class RemoteVerifier(TokenSender, Protocol):
    """A ``TokenSender`` whose provider makes the codes and checks them; a message's own code is not used.

    Guesses are counted as for our own codes, before the provider is asked.
    """

    def verify(self, recipient: str, code: str, deadline: int) -> Awaitable[bool | None]:
        """Return whether this is the code sent last to ``recipient``; ``None`` if the provider does not say."""


class BindingStore(Protocol):
    """Where which address is bound. No rule about bindings lives here."""

    def insert(self, binding: Binding) -> Awaitable[bool]:
        """Insert a binding unless there is one of its ``id``; return whether it was inserted."""

    def get(self, binding_id: str) -> Awaitable[Binding | None]:
        """Return a binding."""

    def replace(self, binding: Binding) -> Awaitable[bool]:
        """Swap ``binding`` in if the stored revision is the one before its own; return whether it was."""

    def forget(self, binding: Binding) -> Awaitable[bool]:
        """Delete ``binding`` if the stored revision is its own; return whether it was."""

    def of_user(self, user_id: str) -> Awaitable[Sequence[Binding]]:
        """Return all bindings of a user, the oldest first; also after the user has left."""

    def due(self, now: int, limit: int) -> Awaitable[Sequence[Binding]]:
        """Return bindings to be taken back whose ``due_at`` has come, the oldest first."""

    def purge(self, before: int, limit: int) -> Awaitable[int]:
        """Delete at most ``limit`` bindings made before that time whose address never became known; return how many."""


@frozen
class Credentials:
    """A session of an identity server and its secret."""

    sid: str
    client_secret: str = field(repr=redacted)


class IdentityServerClient(Protocol):
    """Talks to identity servers; never raises for what they do. ``deadline``: ms one whole call may take."""

    def proved(
        self, id_server: str, access_token: str, credentials: Credentials, deadline: int
    ) -> Awaitable[ProvedAnswer]:
        """Ask which address a session has proved (``getValidated3pid``)."""

    def bind(
        self, id_server: str, access_token: str, credentials: Credentials, user_id: str, deadline: int
    ) -> Awaitable[BindAnswer]:
        """Publish the address of a session for a user."""

    def unbind(
        self, id_server: str, user_id: str, medium: Medium, address: str, deadline: int
    ) -> Awaitable[UnbindAnswer]:
        """Take a binding back, signed by this homeserver."""


class AssociationStore(Protocol):
    """What an identity server publishes: one user an address."""

    def put(self, association: Association) -> Awaitable[None]:
        """Publish an association in the place of any earlier one of its address."""

    def get(self, threepid: Threepid) -> Awaitable[Association | None]:
        """Return the association of an address."""

    def remove(self, threepid: Threepid, mxid: str) -> Awaitable[bool]:
        """Delete the association of this address with this very user; return whether there was one."""


class ObjectSigner(Protocol):
    """Signs JSON objects with the server's key."""

    def sign(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Return ``value`` with the server's signature under ``signatures``."""


class RequestVerifier(Protocol):
    """Checks the signatures of homeservers."""

    def origin(self, request: Request, body: Mapping[str, Any]) -> Awaitable[str]:
        """Return the server that signed a request for us; raise ``Unauthorized`` for any signature that is not good."""


class AddressRules(Protocol):
    """The host's word on single addresses, asked at requestToken and again when an address is added."""

    def allows(self, threepid: Threepid, purpose: Purpose, user_id: str | None) -> Awaitable[bool]:
        """Return whether this identifier may be used; refusing answers ``M_THREEPID_DENIED``."""


class Listener(Protocol):
    """Hears what happened, after it happened."""

    def on(self, event: Event) -> None:
        """Take note; what this raises is logged and changes nothing."""


class Pages(Protocol):
    """Renders the pages behind the links in mails."""

    def render(self, page: str, language: str, values: Mapping[str, str]) -> str:
        """Return a whole HTML document; every value is escaped."""
