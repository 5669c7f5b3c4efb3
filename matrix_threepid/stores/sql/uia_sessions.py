"""``SqlUiaSessions``: sessions of user-interactive authentication in a database, for hosts of several processes."""

from __future__ import annotations

from collections.abc import Awaitable

from ...model.uia_session import UiaSession
from ._columns import SqlTable, purging
from ._store import SqlStore
from .operation import Alone, Later, Operation

TABLE = SqlTable("matrix_threepid_uia_sessions", UiaSession, "id")
_PURGE = purging("matrix_threepid_uia_sessions", "id", "expires_at < ?", "expires_at", "expires_at + 0 < ?")


class SqlUiaSessions(SqlStore):
    """A ``UiaSessionStore`` in the table ``matrix_threepid_uia_sessions``.

    * ``db``: a database whose schema ``migrate`` has brought up to date.
    """

    def open(self, session: UiaSession) -> Awaitable[None]:
        return self._db.run(lambda: _open(session))

    def get(self, session_id: str) -> Awaitable[UiaSession | None]:
        return self._db.run(lambda: TABLE.one("id = ?", session_id))

    def replace(self, session: UiaSession) -> Awaitable[bool]:
        return self._db.run(lambda: TABLE.replace(session))

    def purge(self, before: int, limit: int) -> Awaitable[int]:
        return self._db.run(lambda: _purge(before, limit))

    def dump(self) -> list[UiaSession]:
        """Return all sessions, for tests and tools; ``run_sync`` has to be able to drive the database."""
        return TABLE.dump(self._db)


def _open(session: UiaSession) -> Operation[None]:
    yield Alone(TABLE.insert, *TABLE.row(session))


def _purge(before: int, limit: int) -> Operation[int]:
    return len((yield Later(_PURGE, before, before, limit)))
