"""Rate limiters that are broken on purpose, each in one way."""

# ruff: noqa: D101  their names say what is wrong with them
from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from matrix_threepid.memory.limits import MemoryLimits
from matrix_threepid.ports import Charge


class CountsWhatItRefuses(MemoryLimits):
    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        wait = await super().charge(charges, now)
        for each in charges if wait else ():
            self._full_at[each.key] = self._full_at.get(each.key, now) + 1
        return wait


class CountsQuestions(MemoryLimits):
    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        return await super().charge([evolve(each, cost=max(each.cost, 1)) for each in charges], now)


class CountsOnce(MemoryLimits):
    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        return await super().charge([evolve(each, cost=min(each.cost, 1)) for each in charges], now)


class FoldsLimitKeys(MemoryLimits):
    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        return await super().charge([evolve(each, key=each.key.lower()) for each in charges], now)


class RefillsInPeriods(MemoryLimits):
    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        return await super().charge([evolve(each, until=None) for each in charges], now)


class CountsUpToTheRefused(MemoryLimits):
    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        for each in charges:
            if wait := await super().charge([each], now):
                return wait
        return 0


class CountsBehindTheRefused(MemoryLimits):
    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        return max([await super(CountsBehindTheRefused, self).charge([each], now) for each in charges], default=0)


class TellsTheFirstWait(MemoryLimits):
    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        wait = await super().charge(charges, now)
        return min(filter(None, (each.counted(self._full_at.get(each.key), now)[1] for each in charges)), default=wait)


class SavesUp(MemoryLimits):
    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        return await super().charge(charges, min([now, *(self._full_at.get(each.key, now) for each in charges)]))


class RefillsWhenTheClockJumps(MemoryLimits):
    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        for each in charges:
            if self._full_at.get(each.key, 0) > each.full(now):
                del self._full_at[each.key]
        return await super().charge(charges, now)


class StaysLockedWhenTheClockJumps(MemoryLimits):
    def _keep(self, charge: Charge, full_at: int, now: int) -> None:
        super()._keep(charge, max(full_at, self._full_at.get(charge.key, 0)), now)


class ForgetsCountsInUse(MemoryLimits):
    async def purge(self, now: int, limit: int) -> int:
        return await super().purge(now + 86_400_000, limit)


class ForgetsEverybody(MemoryLimits):
    async def forget(self, keys: Sequence[str]) -> None:
        self._full_at.clear()


class GivesNothingBack(MemoryLimits):
    async def give_back(self, charges: Sequence[Charge], now: int) -> None:
        return None


class GivesTooMuchBack(MemoryLimits):
    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        saved = getattr(self, "_saved", {})
        return 0 if any(saved.pop(each.key, 0) for each in charges) else await super().charge(charges, now)

    async def give_back(self, charges: Sequence[Charge], now: int) -> None:
        self._saved = {each.key: 1 for each in charges if each.key not in self._full_at}
        await super().give_back(charges, now)


class SortsItsCounts(MemoryLimits):
    async def used(self, charges: Sequence[Charge], now: int) -> Sequence[int]:
        return sorted(await super().used(charges, now))


CAUGHT_BY: dict[type, str] = {
    CountsWhatItRefuses: "test_a_refused_take_costs_nothing",
    CountsQuestions: "test_cost_zero_asks_without_counting",
    CountsOnce: "test_a_cost_counts_so_often",
    CountsUpToTheRefused: "test_one_refused_charge_keeps_all_from_being_counted",
    CountsBehindTheRefused: "test_one_refused_charge_keeps_all_from_being_counted",
    TellsTheFirstWait: "test_one_refused_charge_keeps_all_from_being_counted",
    SavesUp: "test_a_rest_refills_no_more_than_the_burst",
    RefillsWhenTheClockJumps: "test_a_clock_set_back_refills_nothing",
    StaysLockedWhenTheClockJumps: "test_a_clock_set_back_locks_for_the_span_at_most",
    FoldsLimitKeys: "test_keys_are_kept_apart",
    ForgetsEverybody: "test_what_is_forgotten_is_as_good_as_new",
    ForgetsCountsInUse: "test_a_purge_refills_nothing",
    RefillsInPeriods: "test_a_period_grants_its_number_and_no_more",
    GivesNothingBack: "test_what_is_given_back_may_be_charged_again",
    GivesTooMuchBack: "test_no_more_is_given_back_than_was_used",
    SortsItsCounts: "test_how_much_is_used_can_be_read",
}
