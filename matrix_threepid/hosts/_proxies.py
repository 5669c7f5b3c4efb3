"""``ClientHeader``: which entry of ``X-Forwarded-For`` is the client, behind one proxy or several."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from threading import Lock

from attrs import field, frozen

from ..protocol.errors import ConfigurationError

FORWARDED = "x-forwarded-for"
_WITH_PORT = re.compile(r"\[(?P<v6>[0-9A-Fa-f:.]+)\](:\d+)?|(?P<v4>[0-9.]+):\d+")
_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
_MOST_HOPS = 16
_log = logging.getLogger("matrix_threepid.hosts")
_lock, _told = Lock(), set[str]()

_Networks = tuple[IPv4Network | IPv6Network, ...]


def _networks(given: Iterable[str]) -> _Networks:
    try:
        return tuple(map(ip_network, (given,) if isinstance(given, str) else given))
    except ValueError:
        raise ConfigurationError("ClientHeader.trusted: must be address ranges, such as 10.0.0.0/8") from None


@frozen
class ClientHeader:
    """The header in which trusted proxies write the client's address, for hosts behind more than one proxy.

    * ``name``: such as ``X-Forwarded-For``, to which each proxy adds the address of its own peer at the end.
    * ``hops``: the number of proxies that every request passes, from 1 to 16; 1 by default. The entry that the
      outermost of them has added counts.
    * ``trusted``: in place of a number, the address ranges of the proxies: the last entry that is in none of them
      counts, and the header counts only if the connection comes from one of them. None by default.

    Raises ``ConfigurationError`` for both at once, and for ``Forwarded``, whose entries have another form.

    >>> header = ClientHeader("X-Forwarded-For", hops=2)
    >>> header.client({"x-forwarded-for": "203.0.113.9, 192.0.2.1, 10.0.0.2"}, "10.0.0.3")
    '192.0.2.1'
    """

    name: str
    hops: int = field(default=1, kw_only=True)
    trusted: _Networks = field(default=(), converter=_networks, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name) or self.name.lower() == "forwarded":
            raise ConfigurationError("ClientHeader.name: must be the name of a header such as X-Forwarded-For")
        if type(self.hops) is not int or not 0 < self.hops <= _MOST_HOPS:
            raise ConfigurationError(f"ClientHeader.hops: must be a whole number from 1 to {_MOST_HOPS}")
        if self.hops > 1 and self.trusted:
            raise ConfigurationError("ClientHeader: give hops or trusted, not both")

    def client(self, headers: Mapping[str, str], peer: str | None) -> str | None:
        """Return the address of the client.

        * ``headers``: by lower-case name.
        * ``peer``: the address of the connection's other end; ``None``, as for a Unix socket, counts as trusted.
        """
        if self.trusted and peer is not None and not self._is_trusted(peer):
            return peer
        entries = list(filter(None, map(_address, headers.get(self.name.lower(), "").split(","))))
        if not self.trusted:
            # Fewer entries than proxies: the request did not come through all of them, and the first is the farthest.
            return entries[-min(self.hops, len(entries))] if entries else peer
        others = [entry for entry in entries if not self._is_trusted(entry)]
        return others[-1] if others else next(iter(entries), peer)

    def _is_trusted(self, text: str) -> bool:
        try:
            address = ip_address(text)
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self.trusted)


Header = str | ClientHeader | None
"""How hosts are told which header they may believe; ``None`` believes none."""


def checked_header(header: Header) -> Header:
    """Return the ``client_header`` of a host. Raises ``ConfigurationError`` for anything but a header's name."""
    # Not by making a ``ClientHeader`` of it: a name alone may be that of a header with one address, such as X-Real-IP.
    fits = header is None or isinstance(header, ClientHeader) or (isinstance(header, str) and _NAME.fullmatch(header))
    if not fits:
        raise ConfigurationError(
            "client_header: must be the name of a header, such as X-Forwarded-For, a ClientHeader, or None"
        )
    return header


def last_entry(value: str) -> str:
    """Return the last address in the value of a header, without its port; an empty string if there is none."""
    return _address(value.rpartition(",")[2])


def warn_of_proxy(peer: str | None) -> None:
    """Log, once in a process, that a proxy seems to be in front and no header is configured.

    * ``peer``: the address of the connection's other end. Only that of a private network counts: any client can write
      the header, and strangers must not cause log lines.
    """
    if _told or not _is_private(peer):
        return
    with _lock:
        if _told:
            return
        _told.add(FORWARDED)
    _log.warning(
        "X-Forwarded-For came from a private address, but no client_header is configured: behind a proxy all users "
        "share the limits of one network; see docs/operations/in-production.md"
    )


def _address(entry: str) -> str:
    match = _WITH_PORT.fullmatch(entry.strip())
    return (match["v6"] or match["v4"]) if match else entry.strip()


def _is_private(peer: str | None) -> bool:
    try:
        return peer is None or ip_address(peer).is_private
    except ValueError:
        return False
