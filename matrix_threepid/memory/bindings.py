"""``MemoryBindings``: remembered binds in a dictionary of one process, for tests and development.

A binding that is lost can no longer be unbound when its user removes the address or leaves (decision 13), so a host in
production stores them in a database.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from threading import Lock

from ..model.binding import Binding


class MemoryBindings:
    """A ``BindingStore`` in memory; its rows end with the process, and threads may share it.

    >>> from matrix_threepid import run_sync
    >>> run_sync(MemoryBindings().of_user("@alice:example.org"))
    []
    """

    def __init__(self) -> None:
        self._rows: dict[str, Binding] = {}
        self._lock = Lock()

    async def insert(self, binding: Binding) -> bool:
        with self._lock:
            # By identity: an equal binding that was stored before is another intent, and this one was not inserted.
            return self._rows.setdefault(binding.id, binding) is binding

    async def get(self, binding_id: str) -> Binding | None:
        return self._rows.get(binding_id)

    async def replace(self, binding: Binding) -> bool:
        with self._lock:
            # The new value carries the next revision, so the stored one has to be the revision before it.
            current = self._has(binding.id, binding.revision - 1)
            if current:
                self._rows[binding.id] = binding
            return current

    async def forget(self, binding: Binding) -> bool:
        with self._lock:
            current = self._has(binding.id, binding.revision)
            if current:
                del self._rows[binding.id]
            return current

    async def of_user(self, user_id: str) -> Sequence[Binding]:
        return sorted((row for row in self.dump() if row.user_id == user_id), key=lambda row: row.created_at)

    async def lease_due(self, now: int, until: int, skip: Collection[str]) -> Binding | None:
        with self._lock:
            due = [row for row in self._rows.values() if row.due_at is not None and row.user_id not in skip]
            waiting = [(row.due_at or 0, row.id) for row in due]
            # The default stands for an empty store: it is due later than now.
            due_at, key = min(waiting, default=(now + 1, ""))
            if due_at > now:
                return None
            self._rows[key] = self._rows[key].lease(until)
            return self._rows[key]

    async def purge(self, before: int, limit: int) -> int:
        with self._lock:
            # Only intents whose address is not known are purged: without an address nothing can be unbound.
            old = [row.id for row in self._rows.values() if row.threepid is None and row.created_at < before][:limit]
            for key in old:
                del self._rows[key]
            return len(old)

    async def given_up(self, before: int, limit: int) -> Sequence[Binding]:
        left = [row for row in self.dump() if row.unwanted_since is not None and row.due_at is None]
        return [row for row in left if (row.unwanted_since or 0) < before][:limit]

    def dump(self) -> list[Binding]:
        """Return all bindings, for tests and tools."""
        with self._lock:
            return list(self._rows.values())

    def _has(self, key: str, revision: int) -> bool:
        stored = self._rows.get(key)
        return stored is not None and stored.revision == revision
