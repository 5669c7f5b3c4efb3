"""Rate limiters that are broken on purpose, each in one way."""

# ruff: noqa: D101  their names say what is wrong with them
from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from matrix_threepid.memory.limits import MemoryLimits
from matrix_threepid.ports import Charge


class CountsWhatItRefuses(MemoryLimits):
    def _charge(self, charge: Charge, now: int) -> int:
        wait = super()._charge(charge, now)
        self._full_at[charge.key] = self._full_at.get(charge.key, now) + (1 if wait else 0)
        return wait


class CountsQuestions(MemoryLimits):
    def _charge(self, charge: Charge, now: int) -> int:
        return super()._charge(evolve(charge, cost=max(charge.cost, 1)), now)


class CountsOnce(MemoryLimits):
    def _charge(self, charge: Charge, now: int) -> int:
        return super()._charge(evolve(charge, cost=min(charge.cost, 1)), now)


class CountsAllOrNothing(MemoryLimits):
    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        before = dict(self._full_at)
        wait = await super().charge(charges, now)
        self._full_at = before if wait else self._full_at
        return wait


class CountsBehindTheRefused(MemoryLimits):
    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        return next((wait for wait in [self._charge(each, now) for each in charges] if wait), 0)


class SavesUp(MemoryLimits):
    def _charge(self, charge: Charge, now: int) -> int:
        return super()._charge(charge, min(now, self._full_at.get(charge.key, now)))


class RefillsWhenTheClockJumps(MemoryLimits):
    def _charge(self, charge: Charge, now: int) -> int:
        if self._full_at.get(charge.key, 0) > now + charge.limit.span:
            del self._full_at[charge.key]
        return super()._charge(charge, now)


class StaysLockedWhenTheClockJumps(MemoryLimits):
    def _keep(self, key: str, full_at: int, now: int) -> None:
        super()._keep(key, max(full_at, self._full_at.get(key, 0)), now)


class FoldsLimitKeys(MemoryLimits):
    def _charge(self, charge: Charge, now: int) -> int:
        return super()._charge(evolve(charge, key=charge.key.lower()), now)


class ForgetsCountsInUse(MemoryLimits):
    async def purge(self, now: int, limit: int) -> int:
        return await super().purge(now + 86_400_000, limit)


class ForgetsEverybody(MemoryLimits):
    async def forget(self, keys: Sequence[str]) -> None:
        self._full_at.clear()


CAUGHT_BY: dict[type, str] = {
    CountsWhatItRefuses: "test_a_refused_take_costs_nothing",
    CountsQuestions: "test_cost_zero_asks_without_counting",
    CountsOnce: "test_a_cost_counts_so_often",
    CountsAllOrNothing: "test_takes_count_in_order_up_to_the_refused_one",
    CountsBehindTheRefused: "test_takes_count_in_order_up_to_the_refused_one",
    SavesUp: "test_a_rest_refills_no_more_than_the_burst",
    RefillsWhenTheClockJumps: "test_a_clock_set_back_refills_nothing",
    StaysLockedWhenTheClockJumps: "test_a_clock_set_back_locks_for_the_span_at_most",
    FoldsLimitKeys: "test_keys_are_kept_apart",
    ForgetsEverybody: "test_what_is_forgotten_is_as_good_as_new",
    ForgetsCountsInUse: "test_a_purge_refills_nothing",
}
