"""What is counted: keys of limits, and charges under every pepper in force."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NoReturn

from attrs import field, frozen

from ..events import LimitReached
from ..model.keys import Peppers
from ..policy import Limit
from ..ports import Charge
from ..protocol.errors import LimitExceeded
from ..roles.base import Role

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


@frozen
class Counter:
    """Something that is counted under a limit.

    * ``kind``: the name of the limit.
    * ``parts``: what is counted, such as an address; it cannot be read from the key (SEC-117).
    * ``limit``: the limit.
    * ``length``: the length in ms of the periods of the clock (UTC), in each of which ``limit.burst`` charges are
      granted; ``None`` (default): the limit refills.
    """

    kind: str
    parts: tuple[str, ...]
    limit: Limit
    length: int | None = None
    _keys: list[tuple[Peppers, list[str]]] = field(init=False, factory=list, eq=False, repr=False)
    """The keys under the peppers for which they were made last: a request is asked about first and charged then."""

    def charges(self, role: Role, cost: int = 1, at: int | None = None) -> list[Charge]:
        """Return a charge for each pepper in force.

        * ``role``: gives peppers and clock.
        * ``cost``: the number of charges; 0 only asks. Default 1.
        * ``at``: a time in ms that decides the period; default now.
        """
        # Under the previous pepper as well: its counts go on when a pepper is rotated, and once it is removed, a day
        # later, those under the current one are complete.
        if self.length is not None and at is None:
            at = role.clock()
        return [charge_at(key, self.limit, self.length, at, cost) for key in self._keys_of(role)]

    def wait(self, role: Role, count: int) -> int:
        """Return the ms until one more charge is granted, at most one refill too many.

        * ``role``: gives the clock.
        * ``count``: the charges that are used now.
        """
        over = count - self.limit.burst + 1
        if over <= 0:
            return 0
        return self.limit.interval * over if self.length is None else self.ends_in(role)

    def _keys_of(self, role: Role) -> list[str]:
        peppers = role.peppers
        if not self._keys or self._keys[0][0] is not peppers:
            self._keys[:] = [(peppers, keys_of(role, self.kind, *self.parts))]
        return self._keys[0][1]

    def ends_in(self, role: Role) -> int:
        """Return the ms until the next period begins; 0 for a limit that refills."""
        return 0 if self.length is None else self.length - role.clock() % self.length


def charge_at(key: str, limit: Limit, length: int | None, at: int | None, cost: int = 1) -> Charge:
    """Return a charge of a counter.

    * ``key``: one of the counter's keys, by ``keys_of``.
    * ``limit``, ``length``: those of the counter.
    * ``at``: the time in ms that decides the period; it has no meaning without ``length``.
    * ``cost``: the number of charges. Default 1.
    """
    if length is None or at is None:
        return Charge(key, limit, cost)
    # The number of the period stands beside the MAC, so that a stored key can be charged in a later period as well.
    number = at // length
    return Charge(f"{key}@{number}", limit, cost, (number + 1) * length)


def period(kind: str, allowed: int, length: int, *parts: str) -> Counter:
    """Return a counter of ``allowed`` charges in every period of ``length`` ms of the clock (UTC).

    * ``kind``: the name of the limit.
    * ``parts``: what is counted; default nothing, for a count over all.
    """
    return Counter(kind, parts, Limit(allowed, 1000), length)


def keys_of(role: Role, kind: str, *parts: str) -> list[str]:
    """Return the keys of a limit, under the current pepper and then under the previous one.

    * ``kind``: the name of the limit.
    * ``parts``: what is counted.
    """
    return [f"{kind}:{pepper.mac(kind, *parts)}" for pepper in role.peppers.live]


async def charge(role: Role, action: str, counters: Sequence[Counter], cost: int = 1) -> None:
    """Charge every counter, or none if one refuses.

    * ``role``: gives limiter and listener.
    * ``action``: the name of what is limited, for the event ``LimitReached``.
    * ``counters``: what is charged.
    * ``cost``: the number of charges of each. Default 1.

    Raises ``LimitExceeded``.
    """
    wait = await role.limiter.charge(charges_of(role, counters, cost=cost), role.clock())
    if wait:
        refuse(role, action, wait)


async def charged(role: Role, counters: Sequence[Counter], asked: Sequence[Counter] = ()) -> int:
    """Charge every counter, or none if one refuses; return 0, or the ms until all would be granted.

    * ``role``: gives limiter and clock.
    * ``counters``: what is charged.
    * ``asked``: what must have room as well, and is not charged. Default nothing.
    """
    charges = charges_of(role, asked, cost=0) + charges_of(role, counters)
    return await role.limiter.charge(charges, role.clock())


def charges_of(role: Role, counters: Sequence[Counter], at: int | None = None, cost: int = 1) -> list[Charge]:
    """Return a charge of every counter, under each pepper in force; ``at``, ``cost``: as for ``Counter.charges``."""
    return [one for each in counters for one in each.charges(role, cost, at)]


async def give_back(role: Role, counters: Sequence[Counter], at: int) -> None:
    """Take back one charge of every counter; ``at``: the time in ms at which they were charged."""
    await role.limiter.give_back(charges_of(role, counters, at), role.clock())


@frozen
class Charged:
    """What a request was charged.

    * ``role``: gives the limiter.
    * ``counters``: what was charged once.
    * ``at``: the time in ms of the charge.
    """

    role: Role
    counters: Sequence[Counter]
    at: int

    async def give_back(self, but: Collection[str] = ()) -> None:
        """Take the charges back, but for these kinds."""
        await give_back(self.role, [each for each in self.counters if each.kind not in but], self.at)


async def used(role: Role, counters: Sequence[Counter]) -> list[int]:
    """Return how many charges of each counter are used now."""
    asked = [each.charges(role) for each in counters]
    counts = iter(await role.limiter.used([one for charges in asked for one in charges], role.clock()))
    return [max(next(counts) for _ in charges) for charges in asked]


def refuse(role: Role, action: str, wait: int) -> NoReturn:
    """Emit ``LimitReached`` and raise ``LimitExceeded``; ``wait``: the ms until the client may try again."""
    role.emit(LimitReached(action, wait))
    raise LimitExceeded(wait)


async def once(role: Role, counter: Counter, what: str) -> bool:
    """Return whether nobody has asked this before in the period of a counter, whichever process is first.

    * ``counter``: names the period.
    * ``what``: names the question among those of the counter.
    """
    return not await charged(role, [_once(counter, what)])


async def happened(role: Role, counter: Counter, what: str) -> bool:
    """Return whether any process has called ``once`` with ``what`` in the current period."""
    return await charged(role, [], asked=[_once(counter, what)]) > 0


def _once(counter: Counter, what: str) -> Counter:
    return Counter("once", (counter.kind, *counter.parts, what), Limit(1, 1000), counter.length)
