"""The port of limits, shared by all processes of a host, and the arithmetic of a charge."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from attrs import evolve, frozen

from ..policy import Limit


@frozen
class Charge:
    """A charge against a limit.

    * ``key``: what is counted: a name and a MAC, and never an address itself.
    * ``limit``: the limit of the key.
    * ``cost``: the number of charges; 0 asks without counting. Default 1.
    * ``until``: the time in ms at which the period ends in which ``limit.burst`` charges are granted, such as the end
      of the day; nothing refills before, and the next period has another key. ``None`` (default): the limit refills.

    Stores need four numbers of it: ``base``, ``full``, ``price`` and ``most``.

    >>> Charge("k", Limit(2, 1)).counted(None, now=10_000), Charge("k", Limit(2, 1)).counted(12_000, now=10_000)
    ((11000, 0), (12000, 1000))
    """

    key: str
    limit: Limit
    cost: int = 1
    until: int | None = None

    def base(self, now: int) -> int:
        """Return the number that stands for a key of which nothing is used at the time ``now``."""
        return now if self.until is None else self.until

    def full(self, now: int) -> int:
        """Return the number that stands for a key that is completely used at the time ``now``."""
        return self.base(now) + self._interval * self.limit.burst

    @property
    def price(self) -> int:
        """By how much the stored number grows."""
        return self.cost * self._interval

    def most(self, now: int) -> int:
        """Return the largest stored number with which the charge is granted, one of cost 0 as if its cost were 1."""
        return self.full(now) - self._interval * max(self.cost, 1)

    def counted(self, full_at: int | None, now: int) -> tuple[int, int]:
        """Return the number to store for the key after the charge, and the ms to wait: 0 if the charge is granted.

        * ``full_at``: the number stored so far; ``None`` for a key that is not stored.
        * ``now``: the time in ms.
        """
        stored = self._stored(full_at, now)
        over = stored - self.most(now)
        if over <= 0:
            return stored + self.price, 0
        return stored, over if self.until is None else max(self.until - now, 1)

    def used(self, full_at: int | None, now: int) -> int:
        """Return how many charges of the key are used, with what has refilled left out; a part counts as a whole."""
        return -((self.base(now) - self._stored(full_at, now)) // self._interval)

    def _stored(self, full_at: int | None, now: int) -> int:
        base = self.base(now)
        # Without the upper bound a clock that was set back would refuse every charge until it has caught up.
        return min(max(base if full_at is None else full_at, base), self.full(now))

    @property
    def _interval(self) -> int:
        # In a period nothing refills, so the number is a plain count; the row can be purged soon after the period.
        return self.limit.interval if self.until is None else 1


class RateLimiter(Protocol):
    """Counts of limits, shared by all processes of a host: a count per process would multiply the limit (SEC-116).

    The arithmetic is that of ``Charge``. Where charges share a key, limit and ``until`` are the same.
    """

    def charge(self, charges: Sequence[Charge], now: int) -> Awaitable[int]:
        """Make all charges, or none if one is refused. Return 0, or the ms until all would be granted. Atomic.

        * ``charges``: the charges.
        * ``now``: the time in ms.

        A cost above the burst is never granted: the answer is the ms until the key is completely refilled, plus one
        interval for each unit above the burst.
        """

    def give_back(self, charges: Sequence[Charge], now: int) -> Awaitable[None]:
        """Take charges back that were made earlier; never more than are used."""

    def used(self, charges: Sequence[Charge], now: int) -> Awaitable[Sequence[int]]:
        """Return how many charges of each key are used at the time ``now``; ``cost`` has no meaning here."""

    def forget(self, keys: Sequence[str]) -> Awaitable[None]:
        """Delete the counts of these keys."""

    def purge(self, now: int, limit: int) -> Awaitable[int]:
        """Delete up to ``limit`` keys that are completely refilled at the time ``now``; return how many."""


def merged(charges: Sequence[Charge]) -> list[Charge]:
    """Return the charges with those of one key made one, in the order of their keys.

    Stores that lock rows lock them in this order, so that two calls never wait for each other.
    """
    found: dict[str, Charge] = {}
    for each in charges:
        before = found.get(each.key)
        found[each.key] = each if before is None else evolve(before, cost=before.cost + each.cost)
    return [found[key] for key in sorted(found)]
