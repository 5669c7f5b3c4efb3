"""``SqlSessions``: the ``SessionStore`` of hosts with a database."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from ...model.session import Session
from ...model.threepid import Purpose, Threepid
from ...protocol.errors import Unavailable
from ._columns import SqlTable, purging
from .operation import TRIES, Database, Operation

TABLE = SqlTable("threepid_sessions", Session, "sid")
_NOT_OVER = "ended = 0 AND consumed_at IS NULL"
_OPEN = f"{TABLE.insert} ON CONFLICT (slot) WHERE slot IS NOT NULL DO NOTHING RETURNING sid"
_ERASE_OWNED = "DELETE FROM threepid_sessions WHERE owner = ? RETURNING sid"
_ERASE_UNOWNED = "DELETE FROM threepid_sessions WHERE address = ? AND medium = ? AND owner IS NULL RETURNING sid"
_PURGE = purging("threepid_sessions", "sid", "expires_at < ?", "expires_at", "expires_at + 0 < ?")


class SqlSessions:
    """A ``SessionStore`` in the table ``threepid_sessions`` of a database that ``migrate`` has prepared."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @property
    def database(self) -> Database:
        """The database it was given."""
        return self._db

    def open(self, session: Session) -> Awaitable[Session]:
        return self._db.run(lambda: _open(session))

    def get(self, sid: str) -> Awaitable[Session | None]:
        return self._db.run(lambda: TABLE.one("sid = ?", sid))

    def find(self, slot: str) -> Awaitable[Session | None]:
        return self._db.run(lambda: TABLE.one("slot = ?", slot))

    def replace(self, session: Session) -> Awaitable[bool]:
        return self._db.run(lambda: TABLE.replace(session))

    def lease_due(self, now: int, until: int) -> Awaitable[Session | None]:
        return self._db.run(lambda: TABLE.lease_due(self._db.dialect, now, until))

    def of_owner(self, user_id: str) -> Awaitable[Sequence[Session]]:
        return self._db.run(lambda: TABLE.many(f"owner = ? AND {_NOT_OVER}", user_id))

    def of_threepid(self, threepid: Threepid, purpose: Purpose) -> Awaitable[Sequence[Session]]:
        where = f"address = ? AND medium = ? AND purpose = ? AND {_NOT_OVER}"
        return self._db.run(lambda: TABLE.many(where, threepid.address, threepid.medium.value, purpose.value))

    def erase(self, user_id: str, threepids: Sequence[Threepid]) -> Awaitable[int]:
        return self._db.run(lambda: _erase(user_id, threepids))

    def purge(self, before: int, limit: int) -> Awaitable[int]:
        return self._db.run(lambda: _purge(before, limit))

    def dump(self) -> list[Session]:
        """Return everything stored, for tests and tools; the database must answer without waiting."""
        return TABLE.dump(self._db)


def _open(session: Session) -> Operation[Session]:
    for _ in range(TRIES):
        if (yield _OPEN, TABLE.row(session)):
            return session
        holder = yield from TABLE.one("slot = ?", session.slot)
        if holder is not None:
            return holder
    raise Unavailable  # the slot was taken and let go again each time in between


def _erase(user_id: str, threepids: Sequence[Threepid]) -> Operation[int]:
    gone = len((yield _ERASE_OWNED, (user_id,)))
    for threepid in threepids:
        gone += len((yield _ERASE_UNOWNED, (threepid.address, threepid.medium.value)))
    return gone


def _purge(before: int, limit: int) -> Operation[int]:
    return len((yield _PURGE, (before, before, limit)))
