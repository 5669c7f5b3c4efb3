"""``SqlBindings``: remembered binds in a database, kept until an identity server confirms the unbind (decision 13)."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Sequence

from ...model.binding import Binding
from ._columns import SqlTable, purging
from ._store import SqlStore
from .operation import Alone, Later, Operation

TABLE = SqlTable("matrix_threepid_bindings", Binding, "id")
_INSERT = f"{TABLE.insert} ON CONFLICT (id) DO NOTHING RETURNING id"
_FORGET = "DELETE FROM matrix_threepid_bindings WHERE id = ? AND revision = ? RETURNING id"
# Only rows without an address are purged. Why the condition stands twice, in two forms: see `purging`.
_OLD, _STILL_OLD = "medium IS NULL AND created_at < ?", "length(medium) IS NULL AND created_at + 0 < ?"
_GIVEN_UP = "unwanted_since < ? AND due_at IS NULL ORDER BY unwanted_since LIMIT ?"
_PURGE = purging("matrix_threepid_bindings", "id", _OLD, "created_at", _STILL_OLD)


class SqlBindings(SqlStore):
    """A ``BindingStore`` in the table ``matrix_threepid_bindings``.

    * ``db``: a database whose schema ``migrate`` has brought up to date.
    """

    def insert(self, binding: Binding) -> Awaitable[bool]:
        return self._db.run(lambda: _insert(binding))

    def get(self, binding_id: str) -> Awaitable[Binding | None]:
        return self._db.run(lambda: TABLE.one("id = ?", binding_id))

    def replace(self, binding: Binding) -> Awaitable[bool]:
        return self._db.run(lambda: TABLE.replace(binding))

    def forget(self, binding: Binding) -> Awaitable[bool]:
        return self._db.run(lambda: _forget(binding))

    def of_user(self, user_id: str) -> Awaitable[Sequence[Binding]]:
        return self._db.run(lambda: TABLE.many("user_id = ? ORDER BY created_at", user_id))

    def lease_due(self, now: int, until: int, skip: Collection[str]) -> Awaitable[Binding | None]:
        users = sorted(skip)
        others = f"AND user_id NOT IN ({', '.join('?' * len(users))})" if users else ""
        return self._db.run(lambda: TABLE.lease_due(self._db.dialect, now, until, others, users))

    def purge(self, before: int, limit: int) -> Awaitable[int]:
        return self._db.run(lambda: _purge(before, limit))

    def given_up(self, before: int, limit: int) -> Awaitable[Sequence[Binding]]:
        return self._db.run(lambda: TABLE.many(_GIVEN_UP, before, limit))

    def dump(self) -> list[Binding]:
        """Return all bindings, for tests and tools; ``run_sync`` has to be able to drive the database."""
        return TABLE.dump(self._db)


def _insert(binding: Binding) -> Operation[bool]:
    return bool((yield Alone(_INSERT, *TABLE.row(binding))))


def _forget(binding: Binding) -> Operation[bool]:
    return bool((yield Alone(_FORGET, binding.id, binding.revision)))


def _purge(before: int, limit: int) -> Operation[int]:
    return len((yield Later(_PURGE, before, before, limit)))
