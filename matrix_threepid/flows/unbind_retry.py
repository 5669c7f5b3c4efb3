"""Retry the unbinds that failed; a job that a host runs beside its requests (decisions 11 and 39)."""

from __future__ import annotations

from attrs import define, field

from ..model.binding import Binding
from ..model.identity import Done
from ..roles.homeserver import Homeserver
from .binding_access import LEASE
from .turns import Turns
from .unbind import ask, ask_later, forget


def _user(row: Binding) -> str:
    return row.user_id


def _new_turns() -> Turns[Binding]:
    return Turns(_user)


@define(eq=False)
class UnbindQueue:
    """The unbinds that are due; workers serve the users in turn, so that one user's dead servers delay no other user.

    * ``homeserver``: the homeserver.

    Several workers and processes may work at once: each leases the binding for which it sends.
    """

    homeserver: Homeserver
    _turns: Turns[Binding] = field(init=False, factory=_new_turns)

    async def one(self) -> bool:
        """Send one unbind that is due; return whether there was one."""
        hs, now = self.homeserver, self.homeserver.clock()
        until = now + LEASE * hs.policy.identity_deadline
        row = await self._turns.lease(lambda skip: hs.bindings.lease_due(now, until, skip))
        if row is None:
            return False
        await send_leased(hs, row)
        return True


async def send_leased(hs: Homeserver, row: Binding) -> bool:
    """Send the unbind of a binding that was leased; return whether the identity server confirmed it.

    * ``row``: the binding as it was leased.
    """
    # A deadline for each call, since no request waits for the whole run.
    answer = await ask(hs, row, hs.clock() + hs.policy.identity_deadline)
    await (forget(hs, row) if isinstance(answer, Done) else ask_later(hs, row))
    return isinstance(answer, Done)


async def retry_unbinds(hs: Homeserver, limit: int = 100) -> int:
    """Send the unbinds that are due, one after the other; return how many were sent.

    For hosts that do not run ``Service.jobs``, which send several at once.

    * ``hs``: the homeserver.
    * ``limit``: the largest number to send in this run; default 100.
    """
    queue, sent = UnbindQueue(hs), 0
    while sent < limit and await queue.one():
        sent += 1
    return sent


async def forget_given_up(hs: Homeserver, limit: int) -> int:
    """Delete bindings whose unbind was given up ``Retrying.keep`` ago; return how many.

    * ``hs``: the homeserver.
    * ``limit``: the largest number to delete.
    """
    retrying = hs.policy.retrying
    old = await hs.bindings.given_up(hs.clock() - retrying.give_up - retrying.keep, limit)
    # Each on its own, by revision: its user may have bound the address again meanwhile.
    return sum([await hs.bindings.forget(row) for row in old])
