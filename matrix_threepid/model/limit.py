"""How often something may be done: limits, and charges against them, as values.

The generic cell rate algorithm needs one number a key: the time from which the key is completely refilled.
See https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from attrs import evolve, frozen

from ..protocol.errors import ConfigurationError
from ..protocol.wiring import demand, whole


@frozen
class Limit:
    """``burst`` charges at once, then one every ``1 / per_second`` seconds.

    * ``burst``: the charges granted at once, from 1.
    * ``per_second``: the charges refilled a second, above 0.

    Raises ``ConfigurationError`` for values that would refuse or grant everything.

    >>> Limit(5, 0.5).interval
    2000
    """

    burst: int
    per_second: float

    def __attrs_post_init__(self) -> None:
        rate = self.per_second
        # Not ``isfinite`` alone, which takes booleans; NaN and infinity would refuse or grant everything.
        known = type(self.burst) is int and type(rate) in (int, float) and math.isfinite(rate)
        if not known or self.burst < 1 or rate <= 0:
            raise ConfigurationError("a limit has a burst of at least 1, a whole number, and a positive per_second")

    @property
    def interval(self) -> int:
        """The ms that one charge takes to refill."""
        return max(1, round(1000 / self.per_second))

    @property
    def span(self) -> int:
        """The ms that a used-up limit takes to refill completely."""
        return self.interval * self.burst


def per_hour(count: int) -> Limit:
    """Return a limit of ``count`` at once and ``count`` an hour."""
    demand("per_hour", count, whole(1), "must be a whole number from 1")
    return Limit(count, count / 3600)


def per_day(count: int) -> Limit:
    """Return a limit of ``count`` at once and ``count`` a day."""
    demand("per_day", count, whole(1), "must be a whole number from 1")
    return Limit(count, count / 86_400)


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
        # `_stored` and `most`, which share their steps: every request asks for eight charges and more.
        interval, base = self._interval, self.base(now)
        full = base + interval * self.limit.burst
        stored = base if full_at is None else min(max(full_at, base), full)
        over = stored - full + interval * max(self.cost, 1)
        if over <= 0:
            return stored + self.cost * interval, 0
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


def merged(charges: Sequence[Charge]) -> list[Charge]:
    """Return the charges with those of one key made one, in the order of their keys.

    Stores that lock rows lock them in this order, so that two calls never wait for each other.
    """
    found: dict[str, Charge] = {}
    for each in charges:
        before = found.get(each.key)
        found[each.key] = each if before is None else evolve(before, cost=before.cost + each.cost)
    return [found[key] for key in sorted(found)]
