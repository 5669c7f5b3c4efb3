"""Rate limiters whose answers are broken on purpose, each in one way; those that count wrongly are with the stores."""

# ruff: noqa: D101  their names say what is wrong with them
from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from matrix_threepid.memory.limits import MemoryLimits
from matrix_threepid.ports import Charge


class TellsOneMsTooLong(MemoryLimits):
    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        wait = await super().charge(charges, now)
        return wait + 1 if wait else 0


class TellsTheWaitOfOne(MemoryLimits):
    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        wait = await super().charge(charges, now)
        return (wait and await super().charge([evolve(take, cost=0) for take in charges], now)) or wait


class TellsTheSpanWhereNothingFits(MemoryLimits):
    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        wait = await super().charge(charges, now)
        return wait if all(each.cost <= each.limit.burst for each in charges) else charges[0].limit.span


CAUGHT_BY: dict[type, str] = {
    TellsOneMsTooLong: "test_the_wait_told_is_exact_for_every_cost[1]",
    TellsTheWaitOfOne: "test_the_wait_told_is_exact_for_every_cost[2]",
    TellsTheSpanWhereNothingFits: "test_what_never_fits_tells_how_much_is_used[0]",
}
