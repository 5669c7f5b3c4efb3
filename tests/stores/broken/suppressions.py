"""Stores of suppressions that are broken on purpose, each in one way."""

# ruff: noqa: D101  their names say what is wrong with them
from __future__ import annotations

from collections.abc import Sequence
from threading import Barrier

from attrs import evolve

from matrix_threepid.memory.suppressions import MemorySuppressions
from matrix_threepid.model.suppression import Suppression

from .meeting import meet


class ForgetsTheReason(MemorySuppressions):
    async def put(self, suppression: Suppression) -> bool:
        return await super().put(evolve(suppression, reason=""))


class IgnoresSpaces(MemorySuppressions):
    async def of_address(self, keys: Sequence[str]) -> Sequence[Suppression]:
        return await super().of_address([key.strip() for key in keys])


class LooksUnderTheFirstThatIsThere(MemorySuppressions):
    async def of_address(self, keys: Sequence[str]) -> Sequence[Suppression]:
        return (await super().of_address(keys))[:1]


class PutsAnyRevision(MemorySuppressions):
    async def put(self, suppression: Suppression) -> bool:
        self._rows[suppression.key] = suppression
        return True


class LiftsAll(MemorySuppressions):
    async def lift(self, keys: Sequence[str]) -> int:
        lifted = await super().lift(keys)
        self._rows.clear()
        return lifted


class ListsInAnyOrder(MemorySuppressions):
    async def listed(self, after: str, limit: int) -> Sequence[Suppression]:
        return [row for row in self._rows.values() if row.key > after][:limit]


class PurgesAll(MemorySuppressions):
    async def purge(self, before: int, limit: int) -> int:
        return await super().purge(before, 2**53)


class LooksBeforeItPuts(MemorySuppressions):
    def __init__(self) -> None:
        super().__init__()
        self._looked = Barrier(8)

    async def put(self, suppression: Suppression) -> bool:
        stored = self._rows.get(suppression.key)
        meet(self._looked)
        if (0 if stored is None else stored.revision) + 1 != suppression.revision:
            return False
        self._rows[suppression.key] = suppression
        return True


CAUGHT_BY: dict[type, str] = {
    ForgetsTheReason: "test_a_suppression_comes_back_as_it_was_put",
    IgnoresSpaces: "test_keys_are_kept_apart",
    LooksUnderTheFirstThatIsThere: "test_an_address_has_a_suppression_under_each_pepper",
    PutsAnyRevision: "test_only_the_next_revision_fits",
    LiftsAll: "test_what_is_lifted_is_gone",
    ListsInAnyOrder: "test_all_are_listed_by_key",
    PurgesAll: "test_a_purge_takes_what_has_expired",
    LooksBeforeItPuts: "test_parallel_puts_have_one_winner",
}
