"""The ports of a host: accounts, access tokens, user-interactive authentication, rules, events, pages."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from ..events import Event
from ..model.call import Caller
from ..model.gate import Allow, Challenge, Deny, GateRequest
from ..model.threepid import AccountThreepid, AddOutcome, Owner, Purpose, Threepid
from ..protocol.wire import Request

Clock = Callable[[], int]
"""Returns the time in ms of the wall clock; an int from 0."""


def system_clock() -> int:
    """Return the time of this machine in ms of the wall clock."""
    # Wall clock and not monotonic: the times are stored, and compared by other processes and after restarts.
    return time.time_ns() // 1_000_000


RandomBytes = Callable[[int], bytes]
"""Returns the given number of random bytes, suitable for secrets, such as ``secrets.token_bytes`` (SEC-21)."""


class Accounts(Protocol):
    """The host's accounts and the identifiers on them. An identifier is on at most one account.

    With ``Policy.undo_links`` a host should also have ``async def secure(self, user_id: str) -> None``. It is optional:
    it logs out all devices of an account, ends its access tokens, and lets nobody log in until a new password is set. A
    host with an ``AccountKeeper`` needs none: its password is replaced by one that nobody knows.

    See https://spec.matrix.org/latest/client-server-api/#adding-account-administrative-contact-information.
    """

    def owner(self, threepid: Threepid) -> Awaitable[Owner | None]:
        """Return the owner of an identifier; ``None`` if it is on no account or on a deactivated one (SEC-129)."""

    def list(self, user_id: str) -> Awaitable[Sequence[AccountThreepid]]:
        """Return the identifiers of an account, in the order they were added."""

    def add(self, user_id: str, threepid: AccountThreepid) -> Awaitable[AddOutcome]:
        """Add an identifier to an account, or answer ``AddOutcome.TAKEN`` if it is on another one; atomic (SEC-126)."""

    def remove(self, user_id: str, threepid: Threepid) -> Awaitable[bool]:
        """Remove an identifier from this account only (SEC-127); return whether it was on it."""


class Callers(Protocol):
    """The host's access tokens.

    See https://spec.matrix.org/latest/client-server-api/#using-access-tokens.
    """

    def identify(self, request: Request) -> Awaitable[Caller | None]:
        """Return the caller of a request; ``None`` if it carries no token.

        Raises ``UnknownToken`` for a token that is not valid, and ``UserLocked`` for that of a locked account.
        """


class Uia(Protocol):
    """The host's user-interactive authentication.

    See https://spec.matrix.org/latest/client-server-api/#user-interactive-authentication-api.
    """

    def require(self, request: Request, caller: Caller, body: Mapping[str, object], action: str) -> Awaitable[None]:
        """Return if ``body["auth"]`` completes a flow, else raise ``UiaRequired``.

        * ``request``: the request.
        * ``caller``: the user who must authenticate.
        * ``body``: the whole JSON object of the request; one flow must not serve two bodies (SEC-42).
        * ``action``: what the user authenticates for, in words; one flow must not serve two actions.
        """


class AddressRules(Protocol):
    """The host's rules on single addresses, asked at requestToken and again when an address is used (SEC-55)."""

    def allows(self, threepid: Threepid, purpose: Purpose, user_id: str | None) -> Awaitable[bool]:
        """Return whether an identifier may be used; ``False`` is answered with ``M_THREEPID_DENIED``.

        * ``threepid``: the identifier.
        * ``purpose``: what it is to be used for.
        * ``user_id``: the user whose access token the request carries; ``None`` without one.
        """


class Gate(Protocol):
    """The host's condition for a message, such as a captcha, a registration token or its terms.

    Asked by every ``requestToken`` of every role, after the limits and before any look-up; so the answer is the same
    for known and unknown addresses. Messages of a repeated request, those sent later (``deliver_due``), and those that
    the reader of a link has sent again, passed it.
    """

    def allows(self, asked: GateRequest) -> Awaitable[Allow | Deny | Challenge]:
        """Return whether a message may be sent, within ``Policy.gate_deadline``.

        ``Deny`` is answered with 403, ``Challenge`` with 401, as the host gives it; both are outside the specification.
        An exception other than ``HostRefused``, an answer that comes too late or is none of these is answered with 503,
        and the listener hears ``GateFailed``. An answer may be lost: what a client has solved must count for the same
        request again.

        * ``asked``: the request.
        """


class Listener(Protocol):
    """Receives events after the fact (``matrix_threepid.events``)."""

    def on(self, event: Event) -> None:
        """Handle an event; exceptions are logged and change nothing."""


class Pages(Protocol):
    """Renders the HTML pages behind the links in mails."""

    def render(self, page: str, language: str, values: Mapping[str, str]) -> str:
        """Return a whole HTML document, in which every value is escaped (SEC-16).

        * ``page``: the name of the page, such as ``confirm``.
        * ``language``: one of ``Policy.languages``.
        * ``values``: the values of the page by name.
        """
