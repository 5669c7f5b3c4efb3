"""Bindings in a dictionary: for tests, and for hosts that can afford to forget them."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.binding import Binding


class MemoryBindings:
    """A ``BindingStore`` that forgets with its process."""

    def __init__(self) -> None:
        self._rows: dict[str, Binding] = {}

    async def insert(self, binding: Binding) -> bool:
        return self._rows.setdefault(binding.id, binding) is binding

    async def get(self, binding_id: str) -> Binding | None:
        return self._rows.get(binding_id)

    async def replace(self, binding: Binding) -> bool:
        stored = self._rows.get(binding.id)
        if stored is None or stored.revision + 1 != binding.revision:
            return False
        self._rows[binding.id] = binding
        return True

    async def forget(self, binding: Binding) -> bool:
        stored = self._rows.get(binding.id)
        if stored is None or stored.revision != binding.revision:
            return False
        del self._rows[binding.id]
        return True

    async def of_user(self, user_id: str) -> Sequence[Binding]:
        return [row for row in self._rows.values() if row.user_id == user_id]

    async def due(self, now: int, limit: int) -> Sequence[Binding]:
        waiting = [row for row in self._rows.values() if row.due_at is not None and row.due_at <= now]
        return sorted(waiting, key=lambda row: row.due_at or 0)[:limit]

    def dump(self) -> list[Binding]:
        """Return everything stored, for tests and tools."""
        return list(self._rows.values())
