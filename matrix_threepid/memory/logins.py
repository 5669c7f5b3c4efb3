"""``MemoryLogins``: the logins of an identity server, in dictionaries of one process."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from ..model.login import Login


class MemoryLogins:
    """A ``LoginStore`` in memory; its rows end with the process, and threads may share it.

    * ``max_logins``: the number of logins, and of users with accepted terms, to remember at most, 100,000 by default.
      Above it the oldest are forgotten.

    >>> from matrix_threepid import run_sync
    >>> run_sync(MemoryLogins().find(["mac"])) is None
    True
    """

    def __init__(self, max_logins: int = 100_000) -> None:
        self._logins: dict[str, Login] = {}
        self._accepted: dict[str, set[str]] = {}
        self._most = max_logins
        self._lock = Lock()

    async def put(self, login: Login, most: int) -> None:
        with self._lock:
            self._logins[login.token_mac] = login
            of_user = [each for each in self._logins.values() if each.user_id == login.user_id]
            for old in sorted(of_user, key=_newest_first)[most:]:
                del self._logins[old.token_mac]
            if len(self._logins) > self._most:
                del self._logins[next(iter(self._logins))]

    async def find(self, macs: Sequence[str]) -> Login | None:
        return next((self._logins[mac] for mac in macs if mac in self._logins), None)

    async def end(self, macs: Sequence[str]) -> int:
        with self._lock:
            return len([self._logins.pop(mac) for mac in macs if mac in self._logins])

    async def accept(self, user_id: str, documents: Sequence[str], now: int) -> None:
        with self._lock:
            self._accepted.setdefault(user_id, set()).update(documents)
            if len(self._accepted) > self._most:
                del self._accepted[next(iter(self._accepted))]

    async def accepted(self, user_id: str) -> Sequence[str]:
        return sorted(self._accepted.get(user_id, ()))

    async def purge(self, before: int, limit: int) -> int:
        with self._lock:
            old = [mac for mac, each in self._logins.items() if each.created_at < before][:limit]
            for mac in old:
                del self._logins[mac]
            return len(old)


def _newest_first(login: Login) -> tuple[int, str]:
    return -login.created_at, login.token_mac
