"""One call of an endpoint: the request, who made it, and its body."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from ipaddress import IPv6Address, ip_address
from typing import Any

from attrs import field, frozen

from ..ports import Caller
from ..protocol.errors import MissingToken
from ..protocol.wire import Request


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
