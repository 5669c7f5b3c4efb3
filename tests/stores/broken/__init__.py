"""Back ends that are broken on purpose, and the test of their contract that must notice."""

from . import accounts, associations, bindings, invitations, limits, logins, messages, reversals, sessions, suppressions

_PORTS = (sessions, limits, bindings, associations, accounts, logins, messages, invitations, reversals, suppressions)
CAUGHT_BY: dict[type, str] = {broken: test for port in _PORTS for broken, test in port.CAUGHT_BY.items()}
"""Every broken back end, and the test that must fail on it."""
