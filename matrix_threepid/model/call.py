"""One call of an endpoint: who made it, the request, and its body."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from ipaddress import IPv6Address, ip_address
from typing import Any

from attrs import field, frozen

from ..protocol.errors import ConfigurationError, MissingToken
from ..protocol.wire import Request


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


@frozen(slots=False)
class Call:
    """What a handler knows besides its message. ``body`` is the whole JSON object, for the host's UIA."""

    request: Request
    caller: Caller | None = None
    body: Mapping[str, Any] = field(factory=dict, repr=False)

    @property
    def user(self) -> Caller:
        """The caller of an endpoint that has one."""
        if self.caller is None:
            raise MissingToken
        return self.caller

    @property
    def user_id(self) -> str | None:
        """The caller's user id, if there is a caller."""
        return None if self.caller is None else self.caller.user_id

    @cached_property
    def client(self) -> str:
        """The network the request came from: an IPv4 address or an IPv6 /64; one name for all unknown ones."""
        address = self._address
        if isinstance(address, IPv6Address):
            return f"{IPv6Address(int(address) >> 64 << 64)}/64"
        return str(address or "unknown")

    @cached_property
    def _address(self) -> Any:
        return _address(self.request.client)

    @property
    def origin(self) -> str:
        """The client's address as strangers may see it: the last part is hidden."""
        address = self._address
        if address is None:
            return ""
        return (
            f"{str(address).rpartition('.')[0]}.*" if address.version == 4 else f"{self.client.removesuffix('::/64')}:*"
        )


def _address(text: str | None) -> Any:
    try:
        address = ip_address(text or "")
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
