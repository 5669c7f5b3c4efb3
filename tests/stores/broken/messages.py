"""Stores of messages that are broken on purpose, each in one way."""

# ruff: noqa: D101  their names say what is wrong with them
from __future__ import annotations

from collections.abc import Sequence
from threading import Barrier

from attrs import evolve

from matrix_threepid.memory.messages import MemoryMessages
from matrix_threepid.model.delivery import DeliveryEvent
from matrix_threepid.model.outbound import OutboundMessage

from .meeting import meet


class ForgetsTheSession(MemoryMessages):
    async def write(self, message: OutboundMessage) -> bool:
        return await super().write(evolve(message, sid=None))


class WritesOver(MemoryMessages):
    async def write(self, message: OutboundMessage) -> bool:
        self._rows[message.id] = message
        return True


class ReturnsTheOldMessage(MemoryMessages):
    async def record(self, event: DeliveryEvent) -> OutboundMessage | None:
        before = await self.get(event.message_id)
        return before if await super().record(event) else None


class RecordsAgain(MemoryMessages):
    async def record(self, event: DeliveryEvent) -> OutboundMessage | None:
        return await super().record(event) or await self.get(event.message_id)


class WritesWhatIsReported(MemoryMessages):
    async def get(self, message_id: str) -> OutboundMessage | None:
        return await super().get(message_id) or next(iter(self._rows.values()), None)


class NewestOfASessionFirst(MemoryMessages):
    async def of_session(self, sid: str) -> Sequence[OutboundMessage]:
        return (await super().of_session(sid))[::-1]


class LooksUnderOneKey(MemoryMessages):
    async def of_address(self, keys: Sequence[str]) -> Sequence[OutboundMessage]:
        return await super().of_address(keys[:1])


class ErasesOthersToo(MemoryMessages):
    async def erase(self, user_id: str, keys: Sequence[str]) -> int:
        return self._delete([row for row in self.dump() if row.user_id == user_id or row.address_key in keys])


class PurgesWithoutCounting(MemoryMessages):
    async def purge(self, before: int, limit: int) -> int:
        gone = await super().purge(before, limit)
        self._counts.clear()
        return gone


class CountsForGood(MemoryMessages):
    async def purge(self, before: int, limit: int) -> int:
        counted = dict(self._counts)
        gone = await super().purge(before, limit)
        self._counts = {**counted, **self._counts}
        return gone


class LooksBeforeItWrites(MemoryMessages):
    def __init__(self) -> None:
        super().__init__()
        self._looked = Barrier(8)

    async def write(self, message: OutboundMessage) -> bool:
        free = message.id not in self._rows
        meet(self._looked)
        if free:
            self._rows[message.id] = message
        return free


class LooksBeforeItRecords(MemoryMessages):
    def __init__(self) -> None:
        super().__init__()
        self._looked = Barrier(8)

    async def record(self, event: DeliveryEvent) -> OutboundMessage | None:
        before = self._rows.get(event.message_id)
        meet(self._looked)
        changed = None if before is None else before.with_event(event)
        if changed is None or changed is before:
            return None
        self._rows[event.message_id] = changed
        return changed


CAUGHT_BY: dict[type, str] = {
    ForgetsTheSession: "test_a_message_comes_back_as_it_was_written",
    WritesOver: "test_a_message_is_written_once",
    ReturnsTheOldMessage: "test_events_are_recorded_in_order",
    RecordsAgain: "test_an_event_that_comes_again_does_nothing",
    WritesWhatIsReported: "test_absence_is_none",
    NewestOfASessionFirst: "test_the_messages_of_a_session_come_in_order",
    LooksUnderOneKey: "test_the_newest_messages_of_an_address_come_first",
    ErasesOthersToo: "test_a_user_is_erased",
    PurgesWithoutCounting: "test_a_purge_counts_what_it_deletes",
    CountsForGood: "test_counts_end",
    LooksBeforeItWrites: "test_parallel_writes_have_one_winner",
    LooksBeforeItRecords: "test_parallel_events_are_all_recorded",
}
