"""Which addresses a name given by a user may not lead to."""

from __future__ import annotations

import pytest

from matrix_threepid.net.denied_addresses import AddressCheck
from matrix_threepid.testing.contracts.fetch_cases import DENIED

EDGES = {
    "0.0.0.0/8": ("0.0.0.0", "0.255.255.255"),
    "10/8": ("10.0.0.0", "10.255.255.255"),
    "100.64/10": ("100.64.0.0", "100.127.255.255"),
    "127/8": ("127.0.0.0", "127.255.255.255"),
    "169.254/16": ("169.254.0.0", "169.254.255.255"),
    "172.16/12": ("172.16.0.0", "172.31.255.255"),
    "192.0.0/24": ("192.0.0.0", "192.0.0.255"),
    "192.0.2/24": ("192.0.2.0", "192.0.2.255"),
    "192.168/16": ("192.168.0.0", "192.168.255.255"),
    "198.18/15": ("198.18.0.0", "198.19.255.255"),
    "198.51.100/24": ("198.51.100.0", "198.51.100.255"),
    "203.0.113/24": ("203.0.113.0", "203.0.113.255"),
    "224/4 and 240/4": ("224.0.0.0", "255.255.255.255"),
    "IPv4-compatible": ("::", "::ffff:ffff"),
    "NAT64 of 10/8": ("64:ff9b::a00:0", "64:ff9b::aff:ffff"),
    "local NAT64": ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
    "discard": ("100::", "100::ffff:ffff:ffff:ffff"),
    "Teredo": ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff"),
    "documentation": ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    "6to4": ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    "3fff::/20": ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
    "5f00::/16": ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    "fc00::/7": ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    "fe80::/10": ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    "fec0::/10 and ff00::/8": ("fec0::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
}
PUBLIC = [
    *("1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1"),
    *("172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255", "198.17.255.255", "223.255.255.255"),
    *("2001:4860:4860::8888", "2606:4700::1111", "2a00:1450::1", "::ffff:1.1.1.1", "64:ff9b::101:101"),
    *("2600::5efe:1.1.1.1", "2003::1", "2400::7f00:1"),
]


@pytest.mark.rule("SEC-52", "SEC-212")
@pytest.mark.parametrize("address", [*DENIED.values(), *(edge for edges in EDGES.values() for edge in edges)])
def test_addresses_inside_are_denied(address: str) -> None:
    """All that is not public is denied, from the first address of a range to the last."""
    assert AddressCheck().denies(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_not(address: str) -> None:
    """Public addresses are not denied, those next to a denied range and those wrapped in IPv6 included."""
    assert not AddressCheck().denies(address)


@pytest.mark.rule("SEC-52")
@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f.0.0.1", "2130706433", "1.1.1.1:80", "[::1]"])
def test_what_is_no_address_is_denied(text: str) -> None:
    """Nobody else is left to judge what is no address."""
    assert AddressCheck().denies(text)


@pytest.mark.parametrize(
    ("address", "denied"),
    [
        ("10.1.0.1", False),
        ("10.2.0.1", True),
        ("::ffff:10.1.0.1", True),
        ("64:ff9b::a01:1", True),
        ("2002:a01:1::", True),
        ("fd00::1", False),
        ("fd01::1", True),
    ],
)
def test_allowed_networks_are_let_through(address: str, denied: bool) -> None:
    """A network that is allowed is let through as it is written, and in no other way to write it."""
    assert AddressCheck.of(["10.1.0.0/16", "fd00::/64"]).denies(address) is denied


@pytest.mark.parametrize(("address", "denied"), [("198.41.0.4", True), ("198.41.1.4", False), ("198.41.0.9", False)])
def test_further_networks_are_denied(address: str, denied: bool) -> None:
    """What an operator refuses is denied as well, unless another of the operator's networks lets it through."""
    assert AddressCheck.of(["198.41.0.9/32"], ["198.41.0.0/24"]).denies(address) is denied
