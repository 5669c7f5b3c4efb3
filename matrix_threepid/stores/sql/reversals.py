"""``SqlReversals``: what can be taken back on accounts, in a database that all processes of a host share."""

from __future__ import annotations

from collections.abc import Awaitable

from ...model.reversal import Reversal
from ._columns import SqlTable, purging
from ._store import SqlStore
from .operation import Alone, Later, Operation

TABLE = SqlTable("matrix_threepid_reversals", Reversal, "user_id")
_INSERT = f"{TABLE.insert} ON CONFLICT (user_id) DO NOTHING RETURNING user_id"
_FORGET = "DELETE FROM matrix_threepid_reversals WHERE user_id = ? RETURNING user_id"
_PURGE = purging("matrix_threepid_reversals", "user_id", "expires_at < ?", "expires_at", "expires_at + 0 < ?")


class SqlReversals(SqlStore):
    """A ``ReversalStore`` in the table ``matrix_threepid_reversals``.

    * ``db``: a database whose schema ``migrate`` has brought up to date.
    """

    def insert(self, reversal: Reversal) -> Awaitable[bool]:
        return self._db.run(lambda: _insert(reversal))

    def of_user(self, user_id: str) -> Awaitable[Reversal | None]:
        return self._db.run(lambda: TABLE.one("user_id = ?", user_id))

    def get(self, reversal_id: str) -> Awaitable[Reversal | None]:
        return self._db.run(lambda: TABLE.one("id = ?", reversal_id))

    def replace(self, reversal: Reversal) -> Awaitable[bool]:
        return self._db.run(lambda: TABLE.replace(reversal))

    def forget(self, user_id: str) -> Awaitable[bool]:
        return self._db.run(lambda: _forget(user_id))

    def purge(self, before: int, limit: int) -> Awaitable[int]:
        return self._db.run(lambda: _purge(before, limit))

    def dump(self) -> list[Reversal]:
        """Return all reversals, for tests and tools; ``run_sync`` has to be able to drive the database."""
        return TABLE.dump(self._db)


def _insert(reversal: Reversal) -> Operation[bool]:
    return bool((yield Alone(_INSERT, *TABLE.row(reversal))))


def _forget(user_id: str) -> Operation[bool]:
    return bool((yield Alone(_FORGET, user_id)))


def _purge(before: int, limit: int) -> Operation[int]:
    return len((yield Later(_PURGE, before, before, limit)))
