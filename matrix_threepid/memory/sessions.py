"""``MemorySessions``: sessions in dictionaries of one process; a role without a store uses it, and so do the tests."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from operator import attrgetter
from threading import Lock

from ..model.session import Session
from ..model.threepid import Medium, Purpose, Threepid
from ..protocol.errors import Unavailable

_EXPIRY = attrgetter("expires_at")
_LOOK_AGAIN = 60_000
"""After so many ms a full store looks for room again, whatever it held before: others may have ended since."""
_log = logging.getLogger("matrix_threepid")


class MemorySessions:
    """A ``SessionStore`` in memory; its rows end with the process, and threads may share it.

    * ``max_sessions``: the number of sessions to hold at most, 100,000 by default. At that number those
      that have expired are dropped, the oldest first; if none has, ``open`` raises ``Unavailable`` and a warning is
      logged. ``SqlSessions`` has no such bound.

    >>> from matrix_threepid import run_sync
    >>> run_sync(MemorySessions().find("a slot that no session has")) is None
    True
    """

    def __init__(self, max_sessions: int = 100_000) -> None:
        self._max_sessions, self._full_until = max_sessions, 0
        self._by_sid: dict[str, Session] = {}
        self._by_slot: dict[str, str] = {}
        self._lock = Lock()

    async def open(self, session: Session) -> Session:
        with self._lock:
            # Looked up and inserted under one lock, so that equal requests at once make one session (SEC-36).
            holder = self._by_slot.get(session.slot) if session.slot else None
            if holder is not None:
                return self._by_sid[holder]
            if len(self._by_sid) >= self._max_sessions:
                self._make_room(session.created_at)
            self._put(session)
            return session

    async def get(self, sid: str) -> Session | None:
        return self._by_sid.get(sid)

    async def find(self, slot: str) -> Session | None:
        with self._lock:
            sid = self._by_slot.get(slot)
            return None if sid is None else self._by_sid[sid]

    async def replace(self, session: Session) -> bool:
        with self._lock:
            stored = self._by_sid.get(session.sid)
            if stored is None or stored.revision + 1 != session.revision:
                return False
            # Dropped first, because a session that is over gives its slot up: `_put` alone would keep the old entry.
            self._drop(stored)
            self._put(session)
            return True

    async def lease_due(self, now: int, until: int, medium: Medium) -> Session | None:
        with self._lock:
            ours = [each for each in self._by_sid.values() if each.threepid.medium is medium]
            waiting = [(each.due_at, each.sid) for each in ours if each.due_at is not None]
            # The default stands for an empty store: it is due later than now.
            due_at, sid = min(waiting, default=(now + 1, ""))
            if due_at > now:
                return None
            self._by_sid[sid] = self._by_sid[sid].lease(until)
            return self._by_sid[sid]

    async def of_owner(self, user_id: str) -> Sequence[Session]:
        return self._where(lambda session: session.owner == user_id and not session.over)

    async def of_threepid(self, threepid: Threepid, purpose: Purpose) -> Sequence[Session]:
        return self._where(
            lambda session: session.threepid == threepid and session.purpose is purpose and not session.over
        )

    async def erase(self, user_id: str, threepids: Sequence[Threepid]) -> int:
        return self._delete(
            lambda session: session.owner == user_id or (session.owner is None and session.threepid in threepids)
        )

    async def purge(self, before: int, limit: int) -> int:
        return self._delete(lambda session: session.expires_at < before, limit)

    def dump(self) -> list[Session]:
        """Return all sessions, for tests and tools."""
        with self._lock:
            return list(self._by_sid.values())

    # These read every session, about 0.1 ms a thousand; a second index would have to be kept right at every change.
    def _where(self, matches: Callable[[Session], bool]) -> list[Session]:
        return [session for session in self.dump() if matches(session)]

    def _delete(self, matches: Callable[[Session], bool], limit: int | None = None) -> int:
        with self._lock:
            matching = [session for session in self._by_sid.values() if matches(session)][:limit]
            for session in matching:
                self._drop(session)
            return len(matching)

    def _make_room(self, now: int) -> None:
        """Drop sessions that have expired, the oldest first, down to nine tenths. Raises ``Unavailable`` for none."""
        # Nothing is looked for again before the first of them expires, since looking reads every session.
        if now < self._full_until:
            raise Unavailable
        expired = sorted((each for each in self._by_sid.values() if each.expires_at <= now), key=_EXPIRY)
        for session in expired[: max(1, len(self._by_sid) - self._max_sessions * 9 // 10)]:
            self._drop(session)
        if not expired:
            first = min(each.expires_at for each in self._by_sid.values())
            self._full_until = min(first, now + _LOOK_AGAIN)
            _log.warning(
                "MemorySessions holds %d sessions, its max_sessions, and none has expired: requests are answered with "
                "503. SqlSessions has no such bound",
                self._max_sessions,
            )
            raise Unavailable

    def _put(self, session: Session) -> None:
        self._by_sid[session.sid] = session
        if session.slot:
            self._by_slot[session.slot] = session.sid

    def _drop(self, session: Session) -> None:
        del self._by_sid[session.sid]
        if session.slot:
            del self._by_slot[session.slot]
