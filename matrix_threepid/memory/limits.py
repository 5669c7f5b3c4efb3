"""Rate limits in a dictionary, by the same arithmetic as in SQL."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.gcra import take
from ..ports import Take


class MemoryLimits:
    """A ``RateLimiter`` of one process. It keeps one number a key and forgets keys that are as good as new."""

    def __init__(self, max_keys: int = 100_000) -> None:
        self._full_at: dict[str, int] = {}
        self._max_keys = max_keys

    async def spend(self, takes: Sequence[Take], now: int) -> int:
        for wanted in takes:
            full_at, wait = take(self._full_at.get(wanted.key), wanted.limit, wanted.cost, now)
            if wait:
                return wait
            if wanted.cost:
                await self._keep(wanted.key, full_at, now)
        return 0

    async def purge(self, now: int, limit: int) -> int:
        spent = [key for key, full_at in self._full_at.items() if full_at <= now][:limit]
        for key in spent:
            del self._full_at[key]
        return len(spent)

    async def _keep(self, key: str, full_at: int, now: int) -> None:
        self._full_at[key] = full_at
        if len(self._full_at) > self._max_keys and not await self.purge(now, self._max_keys):
            self._full_at.pop(min(self._full_at, key=self._full_at.__getitem__))
