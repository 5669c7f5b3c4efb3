"""``MemoryLimits``: rate limits in a dictionary of one process, by the arithmetic of ``Charge`` as in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nsmallest
from threading import Lock

from ..ports import Charge, merged


class MemoryLimits:
    """A ``RateLimiter`` in memory; threads may share it.

    * ``max_keys``: the number of keys to remember at most, 100,000 by default. Above it the tenth that will refill
      first is forgotten, so that those keys start with their full burst again. A host with several processes multiplies
      each limit by their number; ``SqlLimits`` does not.

    >>> from matrix_threepid import run_sync
    >>> from matrix_threepid.policy import Limit
    >>> from matrix_threepid.ports import Charge
    >>> limits, charge = MemoryLimits(), Charge("client", Limit(burst=1, per_second=0.5))
    >>> run_sync(limits.charge([charge], now=0)), run_sync(limits.charge([charge], now=500))
    (0, 1500)
    """

    def __init__(self, max_keys: int = 100_000) -> None:
        self._full_at: dict[str, int] = {}
        self._max_keys = max_keys
        self._lock = Lock()

    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        with self._lock:
            counted = [(each, *each.counted(self._full_at.get(each.key), now)) for each in merged(charges)]
            wait = max((wait for _, _, wait in counted), default=0)
            for each, full_at, refused in counted:
                # After a refusal only the refused keys are stored, as they were: the clock may have been set back.
                if bool(wait) is bool(refused):
                    self._keep(each, full_at, now)
            return wait

    async def give_back(self, charges: Sequence[Charge], now: int) -> None:
        with self._lock:
            for each in charges:
                if each.key in self._full_at:
                    self._full_at[each.key] -= each.price

    async def used(self, charges: Sequence[Charge], now: int) -> Sequence[int]:
        with self._lock:
            return [each.used(self._full_at.get(each.key), now) for each in charges]

    async def forget(self, keys: Sequence[str]) -> None:
        with self._lock:
            for key in keys:
                self._full_at.pop(key, None)

    async def purge(self, now: int, limit: int) -> int:
        with self._lock:
            return self._forget(now, limit)

    def _keep(self, charge: Charge, full_at: int, now: int) -> None:
        # A completely refilled key equals one that was never charged, so it is not stored.
        if full_at <= charge.base(now):
            return
        self._full_at[charge.key] = full_at
        if len(self._full_at) > self._max_keys:
            self._make_room(now)

    def _make_room(self, now: int) -> None:
        """Forget the keys that are refilled, then as many more as leave nine tenths of ``max_keys``.

        Those that refill first go first. A tenth at once, because finding them reads every key: done for one key at a
        time, each charge of a full store would cost that.
        """
        self._forget(now, self._max_keys)
        too_many = max(0, len(self._full_at) - self._max_keys * 9 // 10)
        for key in nsmallest(too_many, self._full_at, key=self._full_at.__getitem__):
            del self._full_at[key]

    def _forget(self, now: int, limit: int) -> int:
        refilled = [key for key, full_at in self._full_at.items() if full_at <= now][:limit]
        for key in refilled:
            del self._full_at[key]
        return len(refilled)
