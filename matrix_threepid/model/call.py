"""One call of an endpoint: its caller, its request and its body."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from attrs import field, frozen

from ..protocol.errors import ConfigurationError, MissingToken
from ..protocol.wire import Request
from .device import device_of
from .threepid import Named

_PRIVATE = tuple(
    ip_network(text)
    for text in (
        *("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"),
        *("::1/128", "fc00::/7", "fe80::/10"),
    )
)
"""Addresses that no client on the internet has."""


def _is_user_id(_: object, __: Named, value: Any) -> None:
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"Caller.user_id: must be a non-empty string, not {type(value).__name__}")


def _is_yes_or_no(_: object, attribute: Named, value: Any) -> None:
    # Databases without a boolean type return 0 and 1. None is refused because it would otherwise count as False, and a
    # caller whose column is empty would lose a restriction.
    if not isinstance(value, int) or value not in (0, 1):
        raise ConfigurationError(f"Caller.{attribute.name}: must be True or False, not {type(value).__name__}")


@frozen
class Caller:
    """The user whose access token a request carries.

    * ``user_id``: ``@localpart:domain``.
    * ``guest``: whether the account is a guest, which is answered with ``M_GUEST_ACCESS_FORBIDDEN``. Default
      ``False``.
    * ``suspended``: whether the account is suspended; it may add and not delete (REQ-ADD-11). Default ``False``.
    * ``oauth``: whether the token comes from the OAuth 2.0 API, whose sessions cannot do user-interactive
      authentication and are answered with ``M_UNRECOGNIZED`` (REQ-ADD-10). Default ``False``.

    Raises ``ConfigurationError`` for a value of another type.
    See https://spec.matrix.org/latest/client-server-api/#account-suspension and
    MSC3861, https://github.com/matrix-org/matrix-spec-proposals/pull/3861.

    >>> Caller("@alice:example.org").guest
    False
    """

    user_id: str = field(validator=_is_user_id)
    guest: bool = field(default=False, validator=_is_yes_or_no)
    suspended: bool = field(default=False, validator=_is_yes_or_no)
    oauth: bool = field(default=False, validator=_is_yes_or_no)


@frozen(slots=False)
class Call:
    """One call of an endpoint, as a handler gets it beside its message.

    * ``request``: the HTTP request.
    * ``caller``: the caller; ``None`` where the request has no valid token or the endpoint takes none.
    * ``body``: the whole JSON object of the body, which user-interactive authentication compares; default empty.
    """

    request: Request
    caller: Caller | None = None
    body: Mapping[str, object] = field(factory=dict, repr=False)

    @property
    def user(self) -> Caller:
        """The caller, on an endpoint that requires one. Raises ``MissingToken``."""
        if self.caller is None:
            raise MissingToken
        return self.caller

    @property
    def user_id(self) -> str | None:
        """The caller's user id, if there is a caller."""
        return None if self.caller is None else self.caller.user_id

    @cached_property
    def client(self) -> str:
        """The network the request came from: an IPv4 address, an IPv6 /64, or ``unknown``.

        Limits are counted for it (SEC-26). All requests without a usable address share the one name ``unknown``.
        """
        address = self._address
        if isinstance(address, IPv6Address):
            # One customer usually gets a whole /64, so a limit for each single address could be evaded.
            return f"{_network(address, 64)}/64"
        return str(address or "unknown")

    @property
    def site(self) -> str:
        """The network of one customer: an IPv4 address, an IPv6 /48, or ``unknown``."""
        return self.wider[0][0] if self.wider else self.client

    @cached_property
    def public(self) -> bool:
        """Whether the client's address is known and not a private one, as a proxy's is that tells no client's."""
        address = self._address
        return address is not None and not any(address in network for network in _PRIVATE)

    @cached_property
    def wider(self) -> tuple[tuple[str, int], ...]:
        """The IPv6 /48 and /32 of the client, each with how many times as much it may as a /64; empty for others.

        Providers give customers up to a /48, and rent out a /32: limits per /64 alone could be evaded (SEC-26).
        """
        address = self._address
        if not isinstance(address, IPv6Address):
            return ()
        return tuple((f"{_network(address, length)}/{length}", times) for length, times in ((48, 4), (32, 16)))

    @cached_property
    def _address(self) -> IPv4Address | IPv6Address | None:
        return _address(self.request.client)

    @property
    def origin(self) -> str:
        """The client's address without its last part, or an empty string if it is unknown.

        Mails and pages show it, so that the reader recognises the request (SEC-44) without learning the full address.
        """
        address = self._address
        if address is None:
            return ""
        return (
            f"{str(address).rpartition('.')[0]}.*" if address.version == 4 else f"{self.client.removesuffix('::/64')}:*"
        )

    @property
    def pressed_elsewhere(self) -> bool:
        """Whether the button was on a page of another site, which must not act (SEC-47).

        Browsers say in ``Sec-Fetch-Site`` whose page sends a form. Who sends no such header may act: mail programs, and
        older browsers, which ``Request.is_of_other_site`` would refuse on this server's own pages as well.
        """
        return self.request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")

    @property
    def device(self) -> str:
        """The client's app and system, as its ``User-Agent`` names them; empty if unknown."""
        return device_of(self.request.headers.get("user-agent", ""))


def _network(address: IPv6Address, length: int) -> IPv6Address:
    """Return the first address of the network of this length."""
    return IPv6Address(int(address) >> (128 - length) << (128 - length))


@lru_cache(maxsize=4096)  # a request asks more than once, and clients come again
def _address(text: str | None) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text or "")
    except ValueError:
        return None
    # A dual-stack socket reports an IPv4 client as ::ffff:a.b.c.d; both forms must count as one client.
    return getattr(address, "ipv4_mapped", None) or address
