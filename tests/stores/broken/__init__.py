"""Back ends that are broken on purpose, and the test of their contract that must notice."""

from . import accounts, limits, sessions

CAUGHT_BY = {**sessions.CAUGHT_BY, **limits.CAUGHT_BY, **accounts.CAUGHT_BY}
"""Every broken back end, and the test that must fail on it."""
