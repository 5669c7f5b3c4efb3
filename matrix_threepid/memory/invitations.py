"""``MemoryInvitations``: the invitations of an identity server, in dictionaries of one process."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from threading import Lock

from attrs import evolve

from ..model.invitation import Invitation
from ..model.onbind import Onbind
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
        self._onbinds: dict[str, Onbind] = {}
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

    async def waiting(self, threepid: Threepid) -> Sequence[Invitation]:
        with self._lock:
            found = [each for each in self._of(threepid) if each.delivered_at is None]
            return sorted(found, key=lambda each: each.created_at)

    async def deliver(self, tokens: Sequence[str], now: int) -> None:
        with self._lock:
            for token in tokens:
                if token in self._rows:
                    self._rows[token] = evolve(self._rows[token], delivered_at=now)

    async def announce(self, onbind: Onbind, most: int) -> bool:
        with self._lock:
            others = [each for each in self._onbinds.values() if each.server == onbind.server and each.id != onbind.id]
            if len(others) >= most:
                return False
            stored = self._onbinds.get(onbind.id)
            # A revision that no other row of this address has had, so that a worker with an older one changes nothing.
            self._onbinds[onbind.id] = evolve(onbind, revision=0 if stored is None else stored.revision + 1)
            return True

    async def lease_due(self, now: int, until: int, skip: Collection[str]) -> Onbind | None:
        with self._lock:
            waiting = [each for each in self._onbinds.values() if each.due_at <= now and each.server not in skip]
            if not waiting:
                return None
            leased = min(waiting, key=lambda each: (each.due_at, each.id)).lease(until)
            self._onbinds[leased.id] = leased
            return leased

    async def replace(self, onbind: Onbind) -> bool:
        with self._lock:
            current = self._has(onbind.id, onbind.revision - 1)
            if current:
                self._onbinds[onbind.id] = onbind
            return current

    async def forget(self, onbind: Onbind) -> bool:
        with self._lock:
            current = self._has(onbind.id, onbind.revision)
            if current:
                del self._onbinds[onbind.id]
            return current

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

    def _has(self, key: str, revision: int) -> bool:
        stored = self._onbinds.get(key)
        return stored is not None and stored.revision == revision

    def _of(self, threepid: Threepid) -> list[Invitation]:
        return [each for each in self._rows.values() if each.threepid == threepid]
