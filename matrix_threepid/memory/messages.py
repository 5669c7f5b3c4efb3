"""``MemoryMessages``: the messages that were written down, in a dictionary of one process."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nsmallest
from threading import Lock

from attrs import evolve

from ..model.delivery import DeliveryEvent
from ..model.outbound import MOST_OF_ADDRESS, MessageCount, OutboundMessage, counted, day_of, first_counted


class MemoryMessages:
    """A port ``Messages`` in memory; its rows end with the process, and threads may share it.

    * ``max_messages``: the number of messages to hold at most, 100,000 by default. Above it the tenth that was written
      down first is forgotten. ``SqlMessages`` has no such bound.

    >>> from matrix_threepid import run_sync
    >>> run_sync(MemoryMessages().of_session("a session without messages"))
    []
    """

    def __init__(self, max_messages: int = 100_000) -> None:
        self._rows: dict[str, OutboundMessage] = {}
        self._counts: dict[tuple[int, str, str, str, str], MessageCount] = {}
        self._max_messages = max_messages
        self._lock = Lock()

    async def write(self, message: OutboundMessage) -> bool:
        with self._lock:
            if message.id in self._rows:
                return False
            self._rows[message.id] = message
            if len(self._rows) > self._max_messages:
                too_many = len(self._rows) - self._max_messages * 9 // 10
                for each in nsmallest(too_many, self._rows.values(), key=lambda row: row.written_at):
                    del self._rows[each.id]
            return True

    async def record(self, event: DeliveryEvent) -> OutboundMessage | None:
        with self._lock:
            stored = self._rows.get(event.message_id)
            changed = None if stored is None else stored.with_event(event)
            if changed is None or changed is stored:
                return None
            self._rows[changed.id] = changed
            return changed

    async def get(self, message_id: str) -> OutboundMessage | None:
        return self._rows.get(message_id)

    async def of_session(self, sid: str) -> Sequence[OutboundMessage]:
        return sorted((row for row in self.dump() if row.sid == sid), key=lambda row: row.written_at)

    async def of_address(self, keys: Sequence[str]) -> Sequence[OutboundMessage]:
        found = (row for row in self.dump() if row.address_key in keys)
        return sorted(found, key=lambda row: row.written_at, reverse=True)[:MOST_OF_ADDRESS]

    async def erase(self, user_id: str, keys: Sequence[str]) -> int:
        with self._lock:
            rows = self._rows.values()
            gone = [row for row in rows if row.user_id == user_id or (row.user_id is None and row.address_key in keys)]
            return self._delete(gone)

    async def counts(self, since: int) -> Sequence[MessageCount]:
        with self._lock:
            return sorted(each for each in self._counts.values() if each.day >= day_of(since))

    async def purge(self, before: int, limit: int) -> int:
        with self._lock:
            gone = [row for row in self._rows.values() if row.expires_at < before][:limit]
            for each in counted(gone):
                held = self._counts.get(each.group)
                self._counts[each.group] = each if held is None else evolve(each, number=held.number + each.number)
            first = first_counted(before)
            self._counts = {group: each for group, each in self._counts.items() if each.day >= first}
            return self._delete(gone)

    def dump(self) -> list[OutboundMessage]:
        """Return all messages, for tests and tools."""
        with self._lock:
            return list(self._rows.values())

    def _delete(self, gone: Sequence[OutboundMessage]) -> int:
        for each in gone:
            del self._rows[each.id]
        return len(gone)
