"""Senders, clients and parts of hosts that are broken on purpose, and the test of their contract that must notice."""

from . import clients, hosts, limits, senders

CAUGHT_BY: dict[type, str] = {
    **senders.CAUGHT_BY,
    **clients.CAUGHT_BY,
    **hosts.CAUGHT_BY,
    **limits.CAUGHT_BY,
}
"""Every broken part, and the test that must fail on it; with one of its parameters, where it has some."""
