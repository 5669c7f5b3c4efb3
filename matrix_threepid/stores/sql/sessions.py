"""``SqlSessions``: the ``SessionStore`` of hosts with a database."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from ...drive import run_sync
from ...model.session import Session
from ...model.threepid import Purpose, Threepid
from ...protocol.errors import Unavailable
from .columns import COLUMNS, row_of, session_of
from .operation import TRIES, Database, Operation

# ruff: noqa: S608  only names of columns are put into these statements
_ALL = ", ".join(COLUMNS)
_SELECT = f"SELECT {_ALL} FROM threepid_sessions"
_NOT_OVER = "ended = 0 AND spent_at IS NULL"
_OPEN = (
    f"INSERT INTO threepid_sessions ({_ALL}) VALUES ({', '.join('?' * len(COLUMNS))}) "
    "ON CONFLICT (slot) WHERE slot IS NOT NULL DO NOTHING RETURNING sid"
)
_REPLACE = (
    f"UPDATE threepid_sessions SET {', '.join(f'{name} = ?' for name in COLUMNS)} "
    "WHERE sid = ? AND revision = ? RETURNING sid"
)
# The outer condition is there for rows that change while the inner one is looked up.
_PURGE = (
    "DELETE FROM threepid_sessions WHERE expires_at < ? AND sid IN "
    "(SELECT sid FROM threepid_sessions WHERE expires_at < ? ORDER BY expires_at LIMIT ?) RETURNING sid"
)


class SqlSessions:
    """A ``SessionStore`` in the table ``threepid_sessions`` of a database that ``migrate`` has prepared."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def open(self, session: Session) -> Awaitable[Session]:
        return self._db.run(lambda: _open(session))

    def get(self, sid: str) -> Awaitable[Session | None]:
        return self._db.run(lambda: _one("sid = ?", sid))

    def find(self, slot: str) -> Awaitable[Session | None]:
        return self._db.run(lambda: _one("slot = ?", slot))

    def replace(self, session: Session) -> Awaitable[bool]:
        return self._db.run(lambda: _replace(session))

    def due(self, now: int, limit: int) -> Awaitable[Sequence[Session]]:
        return self._db.run(lambda: _many("due_at <= ? ORDER BY due_at LIMIT ?", now, limit))

    def of_owner(self, user_id: str) -> Awaitable[Sequence[Session]]:
        return self._db.run(lambda: _many(f"owner = ? AND {_NOT_OVER}", user_id))

    def of_threepid(self, threepid: Threepid, purpose: Purpose) -> Awaitable[Sequence[Session]]:
        where = f"address = ? AND medium = ? AND purpose = ? AND {_NOT_OVER}"
        return self._db.run(lambda: _many(where, threepid.address, threepid.medium.value, purpose.value))

    def purge(self, before: int, limit: int) -> Awaitable[int]:
        return self._db.run(lambda: _purge(before, limit))

    def dump(self) -> list[Session]:
        """Return everything stored, for tests and tools; the database must answer without waiting."""

        async def everything() -> list[Session]:
            return await self._db.run(lambda: _many("0 = 0"))

        return run_sync(everything())


def _open(session: Session) -> Operation[Session]:
    for _ in range(TRIES):
        if (yield _OPEN, row_of(session)):
            return session
        holder = yield from _one("slot = ?", session.slot)
        if holder is not None:
            return holder
    raise Unavailable  # the slot was taken and let go again each time in between


def _replace(session: Session) -> Operation[bool]:
    return bool((yield _REPLACE, [*row_of(session), session.sid, session.revision - 1]))


def _one(where: str, key: str | None) -> Operation[Session | None]:
    rows = yield f"{_SELECT} WHERE {where}", (key,)
    return session_of(rows[0]) if rows else None


def _many(where: str, *values: str | int) -> Operation[list[Session]]:
    rows = yield f"{_SELECT} WHERE {where}", values
    return [session_of(row) for row in rows]


def _purge(before: int, limit: int) -> Operation[int]:
    return len((yield _PURGE, (before, before, limit)))
