"""Which IP addresses a name given by a user may not lead to. ``ipaddress.is_global`` is not enough for this."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from attrs import frozen

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

DENIED: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        # this host, private use, shared, link-local (IANA special-purpose registry)
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.168.0.0/16", "192.0.0.0/24"),
        # documentation, benchmarks, 6to4 relays, AS112, multicast, reserved, broadcast
        *("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "192.88.99.0/24"),
        *("192.31.196.0/24", "192.52.193.0/24", "192.175.48.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        # IPv6 that is not global unicast: loopback, IPv4-compatible, translated, unique local, link-local, multicast
        *("::/3", "4000::/2", "8000::/1"),
        # protocol assignments with Teredo, documentation, 6to4, AS112, the former 6bone
        *("2001::/23", "2001:db8::/32", "3fff::/20", "2002::/16", "2620:4f:8000::/48", "3ffe::/16"),
    )
)
_MAPPED, _NAT64 = IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96")
_ISATAP, _ISATAP_BITS = 0x0000_5EFE, 0xFDFF_FFFF


@frozen
class AddressCheck:
    """Which addresses nothing may be sent to: those of ``DENIED``, and more.

    * ``allowed``: networks that are let through all the same, in the form (IPv4 or IPv6) in which they are given.
    * ``refused``: networks that are denied beside those of ``DENIED``.
    """

    allowed: tuple[Network, ...] = ()
    refused: tuple[Network, ...] = ()

    @classmethod
    def of(cls, allowed: Iterable[str], refused: Iterable[str] = ()) -> AddressCheck:
        """Return the check for these networks. Raises ``ValueError`` for a text that is no network."""
        return cls(tuple(map(ip_network, allowed)), tuple(map(ip_network, refused)))

    def denies(self, text: str) -> bool:
        """Return whether nothing may be sent there; true of a text that is no address."""
        try:
            address = ip_address(text)
        except ValueError:
            return True
        if any(address in network for network in self.allowed):
            return False
        return any(form in network for form in _forms(address) for network in (*DENIED, *self.refused))


def plain_address(text: str) -> str:
    """Return an address in its shortest form, an IPv4-mapped one as IPv4; one address has one plain form."""
    try:
        address = ip_address(text)
    except ValueError:
        return text
    return str(IPv4Address(int(address) & 0xFFFF_FFFF) if address in _MAPPED else address)


def _forms(address: Address) -> Iterable[Address]:
    """Return what an address may lead to: the IPv4 address wrapped in it, and itself unless it only wraps one."""
    if isinstance(address, IPv4Address):
        return (address,)
    inner = IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _MAPPED or address in _NAT64:
        return (inner,)
    isatap = int(address) >> 32 & _ISATAP_BITS == _ISATAP
    return (address, inner) if isatap else (address,)
