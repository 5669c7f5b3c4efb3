"""The port of limits, shared by all processes of a host."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from ..model.limit import Charge


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
