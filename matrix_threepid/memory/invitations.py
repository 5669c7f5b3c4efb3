"""``MemoryInvitations``: the invitations of an identity server, in dictionaries of one process."""

from __future__ import annotations

from threading import Lock

from ..model.invitation import Invitation
from ..model.threepid import Threepid


class MemoryInvitations:
    """An ``InvitationStore`` in memory; its rows end with the process, and threads may share it.

    * ``max_invitations``: the number of invitations, and of addresses that want none, to remember at most, 10,000 by
      default. Above it the oldest are forgotten.

    >>> from matrix_threepid import run_sync
    >>> run_sync(MemoryInvitations().get("token")) is None
    True
    """

    def __init__(self, max_invitations: int = 10_000) -> None:
        self._rows: dict[str, Invitation] = {}
        self._stopped: dict[Threepid, int] = {}
        self._most = max_invitations
        self._lock = Lock()

    async def put(self, invitation: Invitation, most: int) -> bool:
        with self._lock:
            if sum(each.delivered_at is None for each in self._of(invitation.threepid)) >= most:
                return False
            self._rows[invitation.token] = invitation
            if len(self._rows) > self._most:
                del self._rows[next(iter(self._rows))]
            return True

    async def get(self, token: str) -> Invitation | None:
        return self._rows.get(token)

    async def has_key(self, public_key: str) -> bool:
        with self._lock:
            return any(each.public_key == public_key for each in self._rows.values())

    async def remove(self, token: str) -> bool:
        with self._lock:
            return self._rows.pop(token, None) is not None

    async def stop(self, threepid: Threepid, now: int) -> None:
        with self._lock:
            self._stopped.setdefault(threepid, now)
            if len(self._stopped) > self._most:
                del self._stopped[next(iter(self._stopped))]

    async def is_stopped(self, threepid: Threepid) -> bool:
        return threepid in self._stopped

    async def purge(self, before: int, limit: int) -> int:
        with self._lock:
            old = sorted((each.created_at, token) for token, each in self._rows.items() if each.created_at < before)
            for _, token in old[:limit]:
                del self._rows[token]
            return len(old[:limit])

    def dump(self) -> list[Invitation]:
        """Return all invitations, for tests and tools."""
        with self._lock:
            return list(self._rows.values())

    def _of(self, threepid: Threepid) -> list[Invitation]:
        return [each for each in self._rows.values() if each.threepid == threepid]
