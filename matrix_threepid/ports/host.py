"""What the host gives: its accounts, tokens and authentication, its rules, and what it hears."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from ..events import Event
from ..model.call import Caller
from ..model.threepid import AccountThreepid, AddOutcome, Owner, Purpose, Threepid
from ..protocol.wire import Request

Clock = Callable[[], int]
"""Returns the wall-clock time in ms."""


def system_clock() -> int:
    """Return the time of this machine in ms."""
    return time.time_ns() // 1_000_000


RandomBytes = Callable[[int], bytes]
"""Returns so many random bytes, fit for secrets."""


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
