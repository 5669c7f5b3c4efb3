"""Retry the unbinds that failed; a job that a host runs beside its requests (decisions 11 and 39)."""

from __future__ import annotations

from ..model.identity import Done
from ..roles.homeserver import Homeserver
from .binding_access import LEASE
from .unbind import ask, ask_later, forget


async def retry_unbinds(hs: Homeserver, limit: int = 100) -> int:
    """Send the unbinds that are due; return how many were sent.

    * ``hs``: the homeserver.
    * ``limit``: the largest number to send in this run; default 100.

    Several processes may run this at once: each leases the binding for which it sends.
    """
    asked = 0
    while asked < limit:
        now = hs.clock()
        row = await hs.bindings.lease_due(now, now + LEASE * hs.policy.identity_deadline)
        if row is None:
            break
        # A deadline for each call, since no request waits for the whole run.
        answer = await ask(hs, row, hs.clock() + hs.policy.identity_deadline)
        await (forget(hs, row) if isinstance(answer, Done) else ask_later(hs, row))
        asked += 1
    return asked
