"""Binding stores that are broken on purpose, each in one way."""

# ruff: noqa: D101  their names say what is wrong with them
from __future__ import annotations

from collections.abc import Collection, Sequence
from threading import Barrier

from attrs import evolve

from matrix_threepid.memory.bindings import MemoryBindings
from matrix_threepid.model.binding import Binding

from .meeting import meet


class ForgetsTheSpelling(MemoryBindings):
    async def insert(self, binding: Binding) -> bool:
        await super().insert(evolve(binding, spelling=None))
        return True


class LetsTheLastInsertWin(MemoryBindings):
    async def insert(self, binding: Binding) -> bool:
        self._rows[binding.id] = binding
        return True


class ForgetsAWish(MemoryBindings):
    async def replace(self, binding: Binding) -> bool:
        return await super().replace(evolve(binding, unwanted_since=None))


class SwapsAnyRevision(MemoryBindings):
    async def replace(self, binding: Binding) -> bool:
        known = binding.id in self._rows
        self._rows.update({binding.id: binding} if known else {})
        return known


class ForgetsAnyRevision(MemoryBindings):
    async def forget(self, binding: Binding) -> bool:
        return self._rows.pop(binding.id, None) is not None


class InsertsTheMissing(MemoryBindings):
    async def replace(self, binding: Binding) -> bool:
        await self.insert(evolve(binding, revision=binding.revision - 1))
        return await super().replace(binding)


class FoldsIds(MemoryBindings):
    async def get(self, binding_id: str) -> Binding | None:
        return await super().get(binding_id.lower())


class HidesTheNameless(MemoryBindings):
    async def of_user(self, user_id: str) -> Sequence[Binding]:
        return [row for row in await super().of_user(user_id) if row.threepid is not None]


class ListsTheNewestBindingFirst(MemoryBindings):
    async def of_user(self, user_id: str) -> Sequence[Binding]:
        return [*reversed(await super().of_user(user_id))]


class LeavesWhatItTakes(MemoryBindings):
    async def lease_due(self, now: int, until: int, skip: Collection[str]) -> Binding | None:
        taken = await super().lease_due(now, until, skip)
        self._rows.update({taken.id: evolve(taken, due_at=now)} if taken else {})
        return taken


class SkipsNobody(MemoryBindings):
    async def lease_due(self, now: int, until: int, skip: Collection[str]) -> Binding | None:
        return await super().lease_due(now, until, ())


class GivesUpWhatIsDue(MemoryBindings):
    async def given_up(self, before: int, limit: int) -> Sequence[Binding]:
        return [row for row in self.dump() if (row.unwanted_since or before) < before][:limit]


class TakesWhatIsWanted(MemoryBindings):
    async def lease_due(self, now: int, until: int, skip: Collection[str]) -> Binding | None:
        row = min((row for row in self.dump() if (row.due_at or 0) <= now), key=lambda row: row.id, default=None)
        self._rows.update({row.id: row.lease(until)} if row else {})
        return row and row.lease(until)


class LooksBeforeItTakesBack(MemoryBindings):
    """Finds what is due and takes it later, when everybody has found something."""

    def __init__(self) -> None:
        super().__init__()
        self._looked = Barrier(8)

    async def lease_due(self, now: int, until: int, skip: Collection[str]) -> Binding | None:
        found = min((row for row in self.dump() if row.due_at == now), key=lambda row: row.id, default=None)
        meet(self._looked)
        self._rows.update({found.id: found.lease(until)} if found else {})
        return found and found.lease(until)


class PurgesWhatIsKnown(MemoryBindings):
    async def purge(self, before: int, limit: int) -> int:
        old = [row for row in self.dump() if row.created_at < before][:limit]
        return sum([await self.forget(row) for row in old])


class PurgesBindsUnderWay(MemoryBindings):
    async def purge(self, before: int, limit: int) -> int:
        return await super().purge(before + 1, limit)


class PurgesAllBinds(MemoryBindings):
    async def purge(self, before: int, limit: int) -> int:
        return await super().purge(before, 10**9)


class LooksBeforeItSwaps(MemoryBindings):
    """Looks which revision there is and swaps later, when everybody has looked."""

    def __init__(self) -> None:
        super().__init__()
        self._looked = Barrier(8)

    async def replace(self, binding: Binding) -> bool:
        fits = self._has(binding.id, binding.revision - 1)
        meet(self._looked)
        self._rows.update({binding.id: binding} if fits else {})
        return fits


CAUGHT_BY: dict[type, str] = {
    ForgetsTheSpelling: "test_a_binding_comes_back_as_it_was_inserted",
    LetsTheLastInsertWin: "test_a_taken_id_keeps_its_row",
    ForgetsAWish: "test_every_changed_field_comes_back",
    SwapsAnyRevision: "test_only_the_next_revision_fits",
    ForgetsAnyRevision: "test_only_the_revision_that_is_stored_is_forgotten",
    InsertsTheMissing: "test_what_is_not_stored_is_neither_swapped_nor_forgotten",
    FoldsIds: "test_absence_is_none",
    HidesTheNameless: "test_bindings_are_listed_by_user_the_oldest_first",
    ListsTheNewestBindingFirst: "test_bindings_are_listed_by_user_the_oldest_first",
    LeavesWhatItTakes: "test_what_was_taken_is_due_again_later",
    SkipsNobody: "test_users_who_are_skipped_keep_their_turn",
    GivesUpWhatIsDue: "test_what_was_given_up_is_found",
    TakesWhatIsWanted: "test_what_is_put_off_or_wanted_is_not_due",
    LooksBeforeItTakesBack: "test_parallel_takes_share_the_work",
    PurgesWhatIsKnown: "test_a_purge_takes_old_binds_without_an_address",
    PurgesBindsUnderWay: "test_a_purge_takes_old_binds_without_an_address",
    PurgesAllBinds: "test_a_purge_is_bounded",
    LooksBeforeItSwaps: "test_parallel_swaps_have_one_winner",
}
