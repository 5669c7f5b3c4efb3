"""Invitation stores that are broken on purpose, each in one way."""

# ruff: noqa: D101  their names say what is wrong with them
from __future__ import annotations

from collections.abc import Collection, Sequence

from attrs import evolve

from matrix_threepid.memory.invitations import MemoryInvitations
from matrix_threepid.model.invitation import Invitation
from matrix_threepid.model.onbind import Onbind
from matrix_threepid.model.threepid import Threepid


class ForgetsTheRoom(MemoryInvitations):
    async def put(self, invitation: Invitation, most: int) -> bool:
        return await super().put(evolve(invitation, room_id="!room:x"), most)


class CountsDeliveredOnes(MemoryInvitations):
    async def put(self, invitation: Invitation, most: int) -> bool:
        return await super().put(invitation, most - sum(each.delivered_at is not None for each in self.dump()))


class StoresOneMore(MemoryInvitations):
    async def put(self, invitation: Invitation, most: int) -> bool:
        return await super().put(invitation, most + 1)


class KnowsKeysInAnyCase(MemoryInvitations):
    async def has_key(self, public_key: str) -> bool:
        return await super().has_key(public_key.lower())


class SaysThereWasAnInvitation(MemoryInvitations):
    async def remove(self, token: str) -> bool:
        await super().remove(token)
        return True


class StopsEverybody(MemoryInvitations):
    async def is_stopped(self, threepid: Threepid) -> bool:
        return bool(self._stopped)


class PurgesTheYoungestInvitations(MemoryInvitations):
    async def purge(self, before: int, limit: int) -> int:
        return await super().purge(before + 10**9, limit)


class ListsTheDelivered(MemoryInvitations):
    async def deliver(self, tokens: Sequence[str], now: int) -> None:
        return None


class LeasesNothingAnew(MemoryInvitations):
    async def lease_due(self, now: int, until: int, skip: Collection[str]) -> Onbind | None:
        return await super().lease_due(now, now, skip)


class SkipsNoServer(MemoryInvitations):
    async def lease_due(self, now: int, until: int, skip: Collection[str]) -> Onbind | None:
        return await super().lease_due(now, until, ())


class KeepsTheFirstUser(MemoryInvitations):
    async def announce(self, onbind: Onbind, most: int) -> bool:
        return onbind.id in self._onbinds or await super().announce(onbind, most)


class TellsWithoutEnd(MemoryInvitations):
    async def announce(self, onbind: Onbind, most: int) -> bool:
        return await super().announce(onbind, most + 1)


CAUGHT_BY: dict[type, str] = {
    ForgetsTheRoom: "test_an_invitation_comes_back_as_it_was_put",
    CountsDeliveredOnes: "test_so_many_wait_for_an_address",
    StoresOneMore: "test_so_many_wait_for_an_address",
    KnowsKeysInAnyCase: "test_keys_of_invitations_are_known",
    SaysThereWasAnInvitation: "test_what_is_removed_is_gone",
    StopsEverybody: "test_an_address_is_stopped_alone",
    ListsTheDelivered: "test_what_waits_is_listed_until_it_is_delivered",
    LeasesNothingAnew: "test_what_is_due_is_leased_once",
    SkipsNoServer: "test_servers_that_are_skipped_are_not_leased",
    KeepsTheFirstUser: "test_an_address_is_told_of_once",
    TellsWithoutEnd: "test_so_many_wait_for_a_server",
    PurgesTheYoungestInvitations: "test_old_invitations_are_purged",
}
