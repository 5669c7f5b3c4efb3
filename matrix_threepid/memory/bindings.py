"""Bindings in a dictionary: for tests, and for hosts that can afford to forget them."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from ..model.binding import Binding


class MemoryBindings:
    """A ``BindingStore`` that forgets with its process; threads may share it."""

    def __init__(self) -> None:
        self._rows: dict[str, Binding] = {}
        self._lock = Lock()

    async def insert(self, binding: Binding) -> bool:
        with self._lock:
            return self._rows.setdefault(binding.id, binding) is binding

    async def get(self, binding_id: str) -> Binding | None:
        return self._rows.get(binding_id)

    async def replace(self, binding: Binding) -> bool:
        with self._lock:
            fits = self._has(binding.id, binding.revision - 1)
            if fits:
                self._rows[binding.id] = binding
            return fits

    async def forget(self, binding: Binding) -> bool:
        with self._lock:
            fits = self._has(binding.id, binding.revision)
            if fits:
                del self._rows[binding.id]
            return fits

    async def of_user(self, user_id: str) -> Sequence[Binding]:
        return sorted((row for row in self.dump() if row.user_id == user_id), key=lambda row: row.created_at)

    async def lease_due(self, now: int, until: int) -> Binding | None:
        with self._lock:
            waiting = [(row.due_at, row.id) for row in self._rows.values() if row.due_at is not None]
            due_at, key = min(waiting, default=(now + 1, ""))
            if due_at > now:
                return None
            self._rows[key] = self._rows[key].lease(until)
            return self._rows[key]

    async def purge(self, before: int, limit: int) -> int:
        with self._lock:
            nameless = [row.id for row in self._rows.values() if row.threepid is None and row.created_at < before]
            for key in nameless[:limit]:
                del self._rows[key]
            return len(nameless[:limit])

    def dump(self) -> list[Binding]:
        """Return everything stored, for tests and tools."""
        with self._lock:
            return list(self._rows.values())

    def _has(self, key: str, revision: int) -> bool:
        stored = self._rows.get(key)
        return stored is not None and stored.revision == revision
