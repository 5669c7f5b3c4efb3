"""``MemorySuppressions``: the suppressions of addresses in a dictionary of one process."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from ..model.suppression import Suppression


class MemorySuppressions:
    """A port ``Suppressions`` in memory; its rows end with the process, and threads may share it.

    >>> from matrix_threepid import run_sync
    >>> run_sync(MemorySuppressions().of_address(["the key of an address"]))
    []
    """

    def __init__(self) -> None:
        self._rows: dict[str, Suppression] = {}
        self._lock = Lock()

    async def of_address(self, keys: Sequence[str]) -> Sequence[Suppression]:
        with self._lock:
            return [self._rows[key] for key in dict.fromkeys(keys) if key in self._rows]

    async def put(self, suppression: Suppression) -> bool:
        with self._lock:
            stored = self._rows.get(suppression.key)
            if (0 if stored is None else stored.revision) + 1 != suppression.revision:
                return False
            self._rows[suppression.key] = suppression
            return True

    async def lift(self, keys: Sequence[str]) -> int:
        with self._lock:
            return len([self._rows.pop(key) for key in dict.fromkeys(keys) if key in self._rows])

    async def listed(self, after: str, limit: int) -> Sequence[Suppression]:
        with self._lock:
            return [self._rows[key] for key in sorted(self._rows) if key > after][:limit]

    async def purge(self, before: int, limit: int) -> int:
        with self._lock:
            over = [row.key for row in self._rows.values() if row.expires_at < before][:limit]
            for key in over:
                del self._rows[key]
            return len(over)

    def dump(self) -> list[Suppression]:
        """Return all suppressions, for tests and tools."""
        with self._lock:
            return list(self._rows.values())
