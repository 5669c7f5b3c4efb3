"""Accounts that are broken on purpose, each in one way."""

# ruff: noqa: D101  their names say what is wrong with them
from __future__ import annotations

from collections.abc import Sequence
from threading import Barrier

from attrs import evolve

from matrix_threepid import AccountThreepid, AddOutcome, Owner, Threepid
from matrix_threepid.testing import FakeAccounts

from .meeting import meet


class TakesOver(FakeAccounts):
    async def add(self, user_id: str, threepid: AccountThreepid) -> AddOutcome:
        self.on = [(user, held) for user, held in self.on if held.threepid != threepid.threepid]
        return await FakeAccounts.add(self, user_id, threepid)


class RemovesAnybodys(FakeAccounts):
    async def remove(self, user_id: str, threepid: Threepid) -> bool:
        owner = await self.owner(threepid)
        return owner is not None and await FakeAccounts.remove(self, owner.user_id, threepid)


class ListsTheNewestFirst(FakeAccounts):
    async def list(self, user_id: str) -> Sequence[AccountThreepid]:
        return [*reversed(await FakeAccounts.list(self, user_id))]


class ForgetsTimes(FakeAccounts):
    async def add(self, user_id: str, threepid: AccountThreepid) -> AddOutcome:
        return await FakeAccounts.add(self, user_id, evolve(threepid, validated_at=threepid.added_at))


class IgnoresTheMedium(FakeAccounts):
    async def owner(self, threepid: Threepid) -> Owner | None:
        return next((Owner(user) for user, held in self.on if held.address == threepid.address), None)


class SaysItWasThere(FakeAccounts):
    async def remove(self, user_id: str, threepid: Threepid) -> bool:
        await FakeAccounts.remove(self, user_id, threepid)
        return True


class LooksBeforeItAdds(FakeAccounts):
    """Looks who has the identifier and adds it later, when everybody has looked."""

    def __init__(self) -> None:
        super().__init__()
        self._looked = Barrier(20)

    async def add(self, user_id: str, threepid: AccountThreepid) -> AddOutcome:
        owner = await self.owner(threepid.threepid)
        meet(self._looked)
        if owner is None:
            self.on.append((user_id, threepid))
        return AddOutcome.ADDED if owner is None else AddOutcome.TAKEN


CAUGHT_BY: dict[type, str] = {
    TakesOver: "test_an_identifier_of_another_account_is_refused",
    RemovesAnybodys: "test_nobody_takes_what_is_anothers",
    ListsTheNewestFirst: "test_identifiers_are_listed_in_the_order_they_were_added",
    ForgetsTimes: "test_an_identifier_is_put_on_an_account",
    IgnoresTheMedium: "test_identifiers_are_kept_apart",
    SaysItWasThere: "test_what_nobody_has_is_nobodys",
    LooksBeforeItAdds: "test_parallel_adds_have_one_winner",
}
