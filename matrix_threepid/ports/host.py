"""What the host gives: its accounts, tokens and authentication, its rules, and what it hears."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from attrs import field, frozen

from ..events import Event
from ..model.threepid import AccountThreepid, AddOutcome, Owner, Purpose, Threepid
from ..protocol.errors import ConfigurationError
from ..protocol.wire import Request

Clock = Callable[[], int]
"""Returns the wall-clock time in ms."""


def system_clock() -> int:
    """Return the time of this machine in ms."""
    return time.time_ns() // 1_000_000


RandomBytes = Callable[[int], bytes]
"""Returns so many random bytes, fit for secrets."""


def _is_user_id(_: Any, __: Any, value: Any) -> None:
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"Caller.user_id: must be a text that is not empty, not {type(value).__name__}")


def _is_yes_or_no(_: Any, attribute: Any, value: Any) -> None:
    # Databases without truth values have 0 and 1; None is no answer, and would pass for "no".
    if not isinstance(value, int) or value not in (0, 1):
        raise ConfigurationError(f"Caller.{attribute.name}: must be True or False, not {type(value).__name__}")


@frozen
class Caller:
    """Who calls: ``oauth`` marks a token of an OAuth 2.0 session, which cannot do user-interactive authentication.

    Raises ``ConfigurationError`` for values of other types.
    """

    user_id: str = field(validator=_is_user_id)
    guest: bool = field(default=False, validator=_is_yes_or_no)
    suspended: bool = field(default=False, validator=_is_yes_or_no)
    oauth: bool = field(default=False, validator=_is_yes_or_no)


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
