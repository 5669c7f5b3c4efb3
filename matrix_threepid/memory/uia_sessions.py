"""``MemoryUiaSessions``: sessions of user-interactive authentication in a dictionary of one process."""

from __future__ import annotations

from threading import Lock

from ..model.uia_session import UiaSession
from ..protocol.errors import Unavailable


class MemoryUiaSessions:
    """A ``UiaSessionStore`` in memory; its rows end with the process, and threads may share it.

    * ``max_rows``: the largest number of sessions, 100,000 by default. Beyond it ``open`` raises ``Unavailable``.

    >>> from matrix_threepid import run_sync
    >>> run_sync(MemoryUiaSessions().get("unknown")) is None
    True
    """

    def __init__(self, max_rows: int = 100_000) -> None:
        self._rows: dict[str, UiaSession] = {}
        self._max_rows = max_rows
        self._lock = Lock()

    async def open(self, session: UiaSession) -> None:
        with self._lock:
            if len(self._rows) >= self._max_rows:
                raise Unavailable
            self._rows[session.id] = session

    async def get(self, session_id: str) -> UiaSession | None:
        return self._rows.get(session_id)

    async def replace(self, session: UiaSession) -> bool:
        with self._lock:
            stored = self._rows.get(session.id)
            if stored is None or stored.revision != session.revision - 1:
                return False
            self._rows[session.id] = session
            return True

    async def purge(self, before: int, limit: int) -> int:
        with self._lock:
            over = [key for key, row in self._rows.items() if row.expires_at < before][:limit]
            for key in over:
                del self._rows[key]
            return len(over)

    def dump(self) -> list[UiaSession]:
        """Return all sessions, for tests."""
        return list(self._rows.values())
