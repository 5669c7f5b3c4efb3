"""Session stores that are broken on purpose, each in one way."""

# ruff: noqa: D101  their names say what is wrong with them
from __future__ import annotations

from collections.abc import Sequence
from threading import Barrier
from typing import Any

from attrs import evolve

from matrix_threepid import Medium, Threepid
from matrix_threepid.memory.sessions import MemorySessions
from matrix_threepid.model.session import Session

from .meeting import meet


class ForgetsAChange(MemorySessions):
    async def replace(self, session: Session) -> bool:
        return await super().replace(evolve(session, next_link=None))


class ForgetsTheOwner(MemorySessions):
    async def open(self, session: Session) -> Session:
        await super().open(evolve(session, owner=None))
        return session


class IgnoresTheRevision(MemorySessions):
    async def replace(self, session: Session) -> bool:
        stored = await self.get(session.sid)
        fits = stored and await super().replace(evolve(session, revision=stored.revision + 1))
        self._by_sid.update({session.sid: session} if fits else {})
        return bool(fits)


class InsertsWhatIsMissing(MemorySessions):
    async def replace(self, session: Session) -> bool:
        if await self.get(session.sid) is None:
            await self.open(session)
        return await super().replace(session)


class LetsTheLastOpenWin(MemorySessions):
    async def open(self, session: Session) -> Session:
        self._put(session)
        return session


class AnswersAsOpened(MemorySessions):
    async def open(self, session: Session) -> Session:
        holder = await super().open(session)
        return evolve(holder, guesses=0, revision=0) if holder is not session else holder


class KeepsSlots(MemorySessions):
    async def find(self, slot: str) -> Session | None:
        held = [each for each in self.dump() if each.secret_mac == slot.replace("slot", "mac")]
        return held[0] if held else None


class FoldsKeys(MemorySessions):
    async def get(self, sid: str) -> Session | None:
        return await super().get(sid.lower())


class SharesEmptySlots(MemorySessions):
    async def open(self, session: Session) -> Session:
        return next((each for each in self.dump() if each.slot == session.slot), None) or await super().open(session)


class MixesMedia(MemorySessions):
    async def of_threepid(self, threepid: Threepid, purpose: Any) -> Sequence[Session]:
        media = [await MemorySessions.of_threepid(self, evolve(threepid, medium=each), purpose) for each in Medium]
        return [session for found in media for session in found]


class MixesPurposes(MemorySessions):
    async def of_threepid(self, threepid: Threepid, purpose: Any) -> Sequence[Session]:
        return [each for each in self.dump() if each.threepid == threepid and not each.over]


class ListsWhatIsOver(MemorySessions):
    async def of_owner(self, user_id: str) -> Sequence[Session]:
        return [each for each in self.dump() if each.owner == user_id]


class TakesTheNewest(MemorySessions):
    async def lease_due(self, now: int, until: int, medium: Medium) -> Session | None:
        waiting = [each for each in self.dump() if each.due_at is not None and each.due_at <= now]
        newest = max(waiting, key=lambda each: each.due_at or 0, default=None)
        taken = newest and newest.lease(until)
        return taken if taken and await self.replace(taken) else None


class IsDueTooLate(MemorySessions):
    async def lease_due(self, now: int, until: int, medium: Medium) -> Session | None:
        return await super().lease_due(now - 1, until, medium)


class TakesAnyMedium(MemorySessions):
    async def lease_due(self, now: int, until: int, medium: Medium) -> Session | None:
        taken = [await MemorySessions.lease_due(self, now, until, each) for each in reversed(Medium)]
        return next((each for each in taken if each is not None), None)


class TakesForGood(MemorySessions):
    async def lease_due(self, now: int, until: int, medium: Medium) -> Session | None:
        taken = await super().lease_due(now, until, medium)
        self._by_sid.update({taken.sid: evolve(taken, due_at=None)} if taken else {})
        return taken


class LooksBeforeItTakes(MemorySessions):
    """Finds what is due and takes it later, when everybody has found something."""

    def __init__(self) -> None:
        super().__init__()
        self._looked = Barrier(8)

    async def lease_due(self, now: int, until: int, medium: Medium) -> Session | None:
        found = min((each for each in self.dump() if each.due_at == now), key=lambda each: each.sid, default=None)
        meet(self._looked)
        if found is not None:
            self._put(found.lease(until))
        return found and found.lease(until)


class ErasesWhatIsOpen(MemorySessions):
    async def erase(self, user_id: str, threepids: Sequence[Threepid]) -> int:
        return self._delete(lambda held: held.owner in (user_id, None) and held.threepid in threepids and not held.over)


class ErasesEverybodys(MemorySessions):
    async def erase(self, user_id: str, threepids: Sequence[Threepid]) -> int:
        return self._delete(lambda held: held.owner == user_id or held.threepid in threepids)


class PurgesTooEarly(MemorySessions):
    async def purge(self, before: int, limit: int) -> int:
        return await super().purge(before + 1, limit)


class PurgesWithoutBound(MemorySessions):
    async def purge(self, before: int, limit: int) -> int:
        return await super().purge(before, 10**9)


class LeavesSlotsBehind(MemorySessions):
    def _drop(self, session: Session) -> None:
        self._by_sid.pop(session.sid)


class LooksBeforeItOpens(MemorySessions):
    """Looks whether the slot is free and inserts later, when everybody has looked."""

    def __init__(self) -> None:
        super().__init__()
        self._looked = Barrier(8)

    async def open(self, session: Session) -> Session:
        holder = await self.find(session.slot or "")
        meet(self._looked)
        if holder is None:
            self._put(session)
        return holder or session


CAUGHT_BY: dict[type, str] = {
    ForgetsAChange: "test_every_changed_field_comes_back",
    ForgetsTheOwner: "test_a_session_comes_back_as_it_was_opened",
    IgnoresTheRevision: "test_only_the_next_revision_fits",
    InsertsWhatIsMissing: "test_what_is_not_stored_cannot_be_swapped",
    LetsTheLastOpenWin: "test_a_taken_slot_answers_its_holder",
    AnswersAsOpened: "test_a_taken_slot_answers_its_holder",
    KeepsSlots: "test_a_session_that_is_over_frees_its_slot",
    FoldsKeys: "test_absence_is_none",
    SharesEmptySlots: "test_sessions_without_a_slot_hold_none",
    MixesMedia: "test_sessions_are_listed_by_identifier_and_purpose",
    MixesPurposes: "test_sessions_are_listed_by_identifier_and_purpose",
    ListsWhatIsOver: "test_sessions_that_are_over_are_not_listed",
    TakesTheNewest: "test_due_messages_are_taken_oldest_first",
    IsDueTooLate: "test_due_messages_are_taken_oldest_first",
    TakesAnyMedium: "test_each_medium_has_a_queue_of_its_own",
    TakesForGood: "test_what_was_taken_is_due_again_later",
    LooksBeforeItTakes: "test_parallel_takes_share_the_work",
    ErasesWhatIsOpen: "test_erasing_takes_all_of_a_user",
    ErasesEverybodys: "test_erasing_takes_all_of_a_user",
    PurgesTooEarly: "test_a_purge_takes_what_expired_and_no_more",
    PurgesWithoutBound: "test_a_purge_is_bounded",
    LeavesSlotsBehind: "test_a_purge_frees_slots",
    LooksBeforeItOpens: "test_parallel_opens_have_one_winner",
}
