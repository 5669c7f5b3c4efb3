"""Reversal stores that are broken on purpose, each in one way."""

# ruff: noqa: D101  their names say what is wrong with them
from __future__ import annotations

from threading import Barrier

from attrs import evolve

from matrix_threepid.memory.reversals import MemoryReversals
from matrix_threepid.model.reversal import Reversal

from .meeting import meet


class ForgetsTheLock(MemoryReversals):
    async def insert(self, reversal: Reversal) -> bool:
        return await super().insert(evolve(reversal, locked=""))


class TakesTheSecond(MemoryReversals):
    async def insert(self, reversal: Reversal) -> bool:
        self._rows[reversal.user_id] = reversal
        return True


class IgnoresCase(MemoryReversals):
    async def of_user(self, user_id: str) -> Reversal | None:
        return await super().of_user(user_id.lower())


class ReplacesAnyRevision(MemoryReversals):
    async def replace(self, reversal: Reversal) -> bool:
        self._rows[reversal.user_id] = reversal
        return True


class InsertsWhenItReplaces(MemoryReversals):
    async def replace(self, reversal: Reversal) -> bool:
        return await super().replace(reversal) or await self.insert(reversal)


class ForgetsAllUsers(MemoryReversals):
    async def forget(self, user_id: str) -> bool:
        found = user_id in self._rows
        self._rows.clear()
        return found


class PurgesLocked(MemoryReversals):
    async def purge(self, before: int, limit: int) -> int:
        gone = await super().purge(before, limit)
        self._rows = {user: row for user, row in self._rows.items() if row.expires_at is not None}
        return gone


class LooksBeforeItInserts(MemoryReversals):
    def __init__(self) -> None:
        super().__init__()
        self._looked = Barrier(8)

    async def insert(self, reversal: Reversal) -> bool:
        free = reversal.user_id not in self._rows
        meet(self._looked)
        if free:
            self._rows[reversal.user_id] = reversal
        return free


CAUGHT_BY: dict[type, str] = {
    ForgetsTheLock: "test_a_reversal_comes_back_as_it_was_inserted",
    TakesTheSecond: "test_a_user_has_one",
    IgnoresCase: "test_absence_is_none",
    ReplacesAnyRevision: "test_only_the_next_revision_fits",
    InsertsWhenItReplaces: "test_what_is_not_stored_is_not_replaced",
    ForgetsAllUsers: "test_what_is_forgotten_is_gone",
    PurgesLocked: "test_a_purge_takes_what_has_expired",
    LooksBeforeItInserts: "test_parallel_inserts_have_one_winner",
}
