"""``SqlSuppressions``: addresses that get no messages for a while, in a database that all processes of a host share."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from ...model.suppression import Suppression
from ._columns import SqlTable, purging
from ._store import SqlStore
from .operation import Alone, Later, Operation

# ruff: noqa: S608  statements are made of constants of this module; values go in as parameters
TABLE = SqlTable("matrix_threepid_suppressions", Suppression, "key")
_OF_ADDRESS = "key IN (?, ?)"
_INSERT = f"{TABLE.insert} ON CONFLICT (key) DO NOTHING RETURNING key"
_LIFT = f"DELETE FROM matrix_threepid_suppressions WHERE {_OF_ADDRESS} RETURNING key"
_LISTED = "key > ? ORDER BY key LIMIT ?"
_PURGE = purging("matrix_threepid_suppressions", "key", "expires_at < ?", "expires_at", "expires_at + 0 < ?")


class SqlSuppressions(SqlStore):
    """A port ``Suppressions`` in the table ``matrix_threepid_suppressions``.

    * ``db``: a database whose schema ``migrate`` has brought up to date.
    """

    def of_address(self, keys: Sequence[str]) -> Awaitable[Sequence[Suppression]]:
        return self._db.run(lambda: TABLE.many(_OF_ADDRESS, keys[0], keys[-1]))

    def put(self, suppression: Suppression) -> Awaitable[bool]:
        return self._db.run(lambda: _put(suppression))

    def lift(self, keys: Sequence[str]) -> Awaitable[int]:
        return self._db.run(lambda: _lift(keys))

    def listed(self, after: str, limit: int) -> Awaitable[Sequence[Suppression]]:
        return self._db.run(lambda: TABLE.many(_LISTED, after, limit))

    def purge(self, before: int, limit: int) -> Awaitable[int]:
        return self._db.run(lambda: _purge(before, limit))

    def dump(self) -> list[Suppression]:
        """Return all suppressions, for tests and tools; ``run_sync`` has to be able to drive the database."""
        return TABLE.dump(self._db)


def _put(suppression: Suppression) -> Operation[bool]:
    if suppression.revision == 1:
        return bool((yield Alone(_INSERT, *TABLE.row(suppression))))
    return (yield from TABLE.replace(suppression))


def _lift(keys: Sequence[str]) -> Operation[int]:
    return len((yield Alone(_LIFT, keys[0], keys[-1])))


def _purge(before: int, limit: int) -> Operation[int]:
    return len((yield Later(_PURGE, before, before, limit)))
