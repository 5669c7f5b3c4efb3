"""Delete what has ended; a job that a host runs beside its requests (decision 39)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from ..limits.counting import DAY
from ..model.login import LIFETIME
from ..roles.base import Role
from ..roles.homeserver import Homeserver
from ..roles.identity_server import IdentityServer
from .unbind_retry import forget_given_up

PART = 25
"""The largest number of rows that one transaction deletes; requests may have to wait for it to end."""
Purge = Callable[[int], Awaitable[int]]
"""Deletes up to a number of rows; returns how many."""


async def purge(role: Role, limit: int) -> int:
    """Delete up to ``limit`` rows of each table of a role; return how many."""
    return sum([await _in_parts(each, limit) for each in _purges_of(role)])


def _purges_of(role: Role) -> list[Purge]:
    # A day after its end a session can serve nothing, not even the repetition of a request (SEC-4).
    now = role.clock()
    purges: list[Purge] = [partial(role.sessions.purge, now - DAY), partial(role.limiter.purge, now)]
    if role.messages is not None:
        purges.append(partial(role.messages.purge, now - DAY))
    if role.suppressions is not None:
        purges.append(partial(role.suppressions.purge, now))
    if isinstance(role, Homeserver):
        purges.append(partial(role.bindings.purge, now - DAY))
        purges.append(partial(role.reversals.purge, now - DAY))
        purges.append(partial(forget_given_up, role))
        purges.append(partial(role.uia_sessions.purge, now))
    if isinstance(role, IdentityServer):
        purges.append(partial(role.logins.purge, now - LIFETIME))
        purges.append(partial(role.invitations.purge, now - role.policy.invitations.days * DAY))
    return purges


async def _in_parts(purge: Purge, limit: int) -> int:
    """Delete up to ``limit`` rows in transactions of ``PART``; return how many."""
    gone, part = 0, PART
    while gone < limit and part == PART:
        part = await purge(min(PART, limit - gone))
        gone += part
    return gone
