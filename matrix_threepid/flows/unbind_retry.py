"""Ask identity servers again to take back bindings that should be gone; a job beside the requests."""

from __future__ import annotations

from ..model.identity import Done
from ..roles.homeserver import Homeserver
from .binding_access import LEASE
from .unbind import ask, ask_later, forget


async def retry_unbinds(hs: Homeserver, limit: int = 100) -> int:
    """Ask again for the unbinds that are due; return how many were asked for.

    * ``limit``: the most that are asked for in this run.

    Any number of processes may do this at once: each leases the binding it asks for.
    """
    asked = 0
    while asked < limit:
        now = hs.clock()
        row = await hs.bindings.lease_due(now, now + LEASE * hs.policy.identity_deadline)
        if row is None:
            break
        answer = await ask(hs, row, hs.clock() + hs.policy.identity_deadline)
        await (forget(hs, row) if isinstance(answer, Done) else ask_later(hs, row))
        asked += 1
    return asked
