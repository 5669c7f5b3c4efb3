"""Rate limits in a dictionary, by the same arithmetic as in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nsmallest
from threading import Lock

from ..ports import Charge


class MemoryLimits:
    """A ``RateLimiter`` of one process; threads may share it. Keys that are completely refilled are forgotten."""

    def __init__(self, max_keys: int = 100_000) -> None:
        self._full_at: dict[str, int] = {}
        self._max_keys = max_keys
        self._lock = Lock()

    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        with self._lock:
            return next((wait for wanted in charges if (wait := self._take(wanted, now))), 0)

    async def forget(self, keys: Sequence[str]) -> None:
        with self._lock:
            for key in keys:
                self._full_at.pop(key, None)

    async def purge(self, now: int, limit: int) -> int:
        with self._lock:
            return self._forget(now, limit)

    def _take(self, wanted: Charge, now: int) -> int:
        full_at, wait = wanted.limit.charge(self._full_at.get(wanted.key), wanted.cost, now)
        if full_at > now:
            self._keep(wanted.key, full_at, now)
        return wait

    def _keep(self, key: str, full_at: int, now: int) -> None:
        self._full_at[key] = full_at
        if len(self._full_at) > self._max_keys:
            self._make_room(now)

    def _make_room(self, now: int) -> None:
        """Forget a tenth of the keys at once, those nearest to new; one at a time would cost a look at all of them."""
        self._forget(now, self._max_keys)
        too_many = max(0, len(self._full_at) - self._max_keys * 9 // 10)
        for key in nsmallest(too_many, self._full_at, key=self._full_at.__getitem__):
            del self._full_at[key]

    def _forget(self, now: int, limit: int) -> int:
        spent = [key for key, full_at in self._full_at.items() if full_at <= now][:limit]
        for key in spent:
            del self._full_at[key]
        return len(spent)
