"""Association stores that are broken on purpose, each in one way."""

# ruff: noqa: D101  their names say what is wrong with them
from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Barrier

from attrs import evolve

from matrix_threepid import Medium, Threepid
from matrix_threepid.memory.associations import MemoryAssociations
from matrix_threepid.model.association import Association
from matrix_threepid.model.lookup import LookupPepper

from .meeting import meet


class ForgetsTheTime(MemoryAssociations):
    async def put(self, association: Association) -> None:
        await super().put(evolve(association, ts=1))


class KeepsTheFirst(MemoryAssociations):
    async def put(self, association: Association) -> None:
        self._rows.setdefault(association.threepid, association)


class KeepsTheNewest(MemoryAssociations):
    async def put(self, association: Association) -> None:
        held = self._rows.get(association.threepid)
        if held is None or held.ts < association.ts:
            await super().put(association)


class MixesMediaOfAddresses(MemoryAssociations):
    async def get(self, threepid: Threepid) -> Association | None:
        found = [await MemoryAssociations.get(self, evolve(threepid, medium=each)) for each in Medium]
        return next(filter(None, found), None)


class RemovesForAnybody(MemoryAssociations):
    async def remove(self, threepid: Threepid, mxid: str) -> bool:
        return self._rows.pop(threepid, None) is not None


class SaysItWasPublished(MemoryAssociations):
    async def remove(self, threepid: Threepid, mxid: str) -> bool:
        await super().remove(threepid, mxid)
        return True


class LooksBeforeItRemoves(MemoryAssociations):
    """Looks what is there and removes it later, when everybody has looked."""

    def __init__(self) -> None:
        super().__init__()
        self._looked = Barrier(8)

    async def remove(self, threepid: Threepid, mxid: str) -> bool:
        held = self._rows.get(threepid)
        meet(self._looked)
        self._rows.pop(threepid, None)
        return held is not None


class LooksUpUnderAnyPepper(MemoryAssociations):
    async def look_up(self, number: int, hashes: Sequence[str]) -> Mapping[str, str]:
        found = {}
        for each in self._hashes:
            found.update(await super().look_up(each, hashes))
        return found


class HashesOnlyWhatIsNew(MemoryAssociations):
    async def rehash(self, limit: int) -> int:
        self._to_hash.clear()
        return await super().rehash(limit)


class IsReadyAtOnce(MemoryAssociations):
    async def add_pepper(self, pepper: LookupPepper) -> bool:
        return await super().add_pepper(evolve(pepper, ready=True))


CAUGHT_BY: dict[type, str] = {
    ForgetsTheTime: "test_an_association_comes_back_as_it_was_put",
    KeepsTheFirst: "test_the_last_one_of_an_address_stands",
    KeepsTheNewest: "test_the_last_one_of_an_address_stands",
    MixesMediaOfAddresses: "test_addresses_are_kept_apart",
    RemovesForAnybody: "test_nobody_removes_what_is_anothers",
    SaysItWasPublished: "test_what_is_removed_is_gone",
    LooksBeforeItRemoves: "test_parallel_removals_count_once",
    LooksUpUnderAnyPepper: "test_associations_are_found_by_both_peppers",
    HashesOnlyWhatIsNew: "test_a_part_is_hashed_at_a_time",
    IsReadyAtOnce: "test_peppers_follow_one_another",
}
