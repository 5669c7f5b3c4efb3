"""``MemoryReversals``: the reversals of accounts in a dictionary of one process."""

from __future__ import annotations

from threading import Lock

from ..model.reversal import Reversal


class MemoryReversals:
    """A ``ReversalStore`` in memory; its rows end with the process, and threads may share it.

    >>> from matrix_threepid import run_sync
    >>> run_sync(MemoryReversals().of_user("@alice:example.org")) is None
    True
    """

    def __init__(self) -> None:
        self._rows: dict[str, Reversal] = {}
        self._lock = Lock()

    async def insert(self, reversal: Reversal) -> bool:
        with self._lock:
            # By identity: an equal one that was stored before is not this one.
            return self._rows.setdefault(reversal.user_id, reversal) is reversal

    async def of_user(self, user_id: str) -> Reversal | None:
        return self._rows.get(user_id)

    async def get(self, reversal_id: str) -> Reversal | None:
        return next((row for row in self.dump() if row.id == reversal_id), None)

    async def replace(self, reversal: Reversal) -> bool:
        with self._lock:
            stored = self._rows.get(reversal.user_id)
            if stored is None or stored.revision + 1 != reversal.revision:
                return False
            self._rows[reversal.user_id] = reversal
            return True

    async def forget(self, user_id: str) -> bool:
        with self._lock:
            return self._rows.pop(user_id, None) is not None

    async def purge(self, before: int, limit: int) -> int:
        with self._lock:
            dated = [row for row in self._rows.values() if row.expires_at is not None]
            over = [row.user_id for row in dated if (row.expires_at or 0) < before][:limit]
            for user_id in over:
                del self._rows[user_id]
            return len(over)

    def dump(self) -> list[Reversal]:
        """Return all reversals, for tests and tools."""
        with self._lock:
            return list(self._rows.values())
