"""Login stores that are broken on purpose, each in one way."""

# ruff: noqa: D101  their names say what is wrong with them
from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from matrix_threepid.memory.logins import MemoryLogins
from matrix_threepid.model.login import Login


class ForgetsWhenItBegan(MemoryLogins):
    async def put(self, login: Login, most: int) -> None:
        await super().put(evolve(login, created_at=1), most)


class LooksAtTheFirstMac(MemoryLogins):
    async def find(self, macs: Sequence[str]) -> Login | None:
        return await super().find(macs[:1])


class KeepsEveryLogin(MemoryLogins):
    async def put(self, login: Login, most: int) -> None:
        await super().put(login, 1000)


class SaysThereWasOne(MemoryLogins):
    async def end(self, macs: Sequence[str]) -> int:
        await super().end(macs)
        return 1


class AcceptsForEverybody(MemoryLogins):
    async def accepted(self, user_id: str) -> Sequence[str]:
        return sorted(set().union(*self._accepted.values()))


class PurgesEverything(MemoryLogins):
    async def purge(self, before: int, limit: int) -> int:
        return await super().purge(before + 10**9, limit)


CAUGHT_BY: dict[type, str] = {
    ForgetsWhenItBegan: "test_a_login_comes_back_as_it_was_put",
    LooksAtTheFirstMac: "test_a_login_comes_back_as_it_was_put",
    KeepsEveryLogin: "test_the_newest_of_a_user_stay",
    SaysThereWasOne: "test_what_has_ended_is_gone",
    AcceptsForEverybody: "test_documents_are_accepted_once",
    PurgesEverything: "test_old_logins_are_purged",
}
