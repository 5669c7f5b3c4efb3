"""``SqlInvitations``: the invitations of an identity server, in a database that all its processes share."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Sequence

from ...model.invitation import Invitation
from ...model.onbind import Onbind
from ...model.threepid import Threepid
from ._columns import SqlTable, purging
from ._store import SqlStore
from .operation import Alone, Later, Operation

TABLE = SqlTable("matrix_threepid_invitations", Invitation, "token")
_WAITING = "SELECT token FROM matrix_threepid_invitations WHERE address = ? AND medium = ? AND delivered_at IS NULL"
_WAITING_FOR = "address = ? AND medium = ? AND delivered_at IS NULL ORDER BY created_at"
_HAS_KEY = "SELECT 1 FROM matrix_threepid_invitations WHERE public_key = ?"
_REMOVE = "DELETE FROM matrix_threepid_invitations WHERE token = ? RETURNING token"
_STOP = (
    "INSERT INTO matrix_threepid_no_invitations (address, medium, since) VALUES (?, ?, ?) "
    "ON CONFLICT (address, medium) DO NOTHING"
)
_STOPPED = "SELECT 1 FROM matrix_threepid_no_invitations WHERE address = ? AND medium = ?"
_PURGE = purging("matrix_threepid_invitations", "token", "created_at < ?", "created_at", "created_at + 0 < ?")


ONBINDS = SqlTable("matrix_threepid_onbinds", Onbind, "id")
_DELIVER = "UPDATE matrix_threepid_invitations SET delivered_at = ? WHERE token = ?"
# With a revision that no other row of this address has had, so that a worker with an older one changes nothing.
_ANNOUNCE = (
    f"{ONBINDS.insert} ON CONFLICT (id) DO UPDATE SET user_id = excluded.user_id, server = excluded.server, "
    "created_at = excluded.created_at, due_at = excluded.due_at, attempts = 0, "
    "revision = matrix_threepid_onbinds.revision + 1"
)
_OF_SERVER = "SELECT id FROM matrix_threepid_onbinds WHERE server = ? LIMIT ?"
_FORGET = "DELETE FROM matrix_threepid_onbinds WHERE id = ? AND revision = ? RETURNING id"


class SqlInvitations(SqlStore):
    """An ``InvitationStore`` in ``matrix_threepid_invitations``, ``…_no_invitations`` and ``matrix_threepid_onbinds``.

    * ``db``: a database whose schema ``migrate`` has brought up to date.
    """

    def put(self, invitation: Invitation, most: int) -> Awaitable[bool]:
        return self._db.run(lambda: _put(invitation, most))

    def get(self, token: str) -> Awaitable[Invitation | None]:
        return self._db.run(lambda: TABLE.one("token = ?", token))

    def has_key(self, public_key: str) -> Awaitable[bool]:
        return self._db.run(lambda: _any(_HAS_KEY, public_key))

    def remove(self, token: str) -> Awaitable[bool]:
        return self._db.run(lambda: _any(_REMOVE, token))

    def stop(self, threepid: Threepid, now: int) -> Awaitable[None]:
        return self._db.run(lambda: _stop(threepid, now))

    def is_stopped(self, threepid: Threepid) -> Awaitable[bool]:
        return self._db.run(lambda: _any(_STOPPED, *_key(threepid)))

    def waiting(self, threepid: Threepid) -> Awaitable[Sequence[Invitation]]:
        return self._db.run(lambda: TABLE.many(_WAITING_FOR, *_key(threepid)))

    def deliver(self, tokens: Sequence[str], now: int) -> Awaitable[None]:
        return self._db.run(lambda: _deliver(tokens, now))

    def announce(self, onbind: Onbind, most: int) -> Awaitable[bool]:
        return self._db.run(lambda: _announce(onbind, most))

    def lease_due(self, now: int, until: int, skip: Collection[str]) -> Awaitable[Onbind | None]:
        servers = sorted(skip)
        others = f"AND server NOT IN ({', '.join('?' * len(servers))})" if servers else ""
        return self._db.run(lambda: ONBINDS.lease_due(self._db.dialect, now, until, others, servers))

    def replace(self, onbind: Onbind) -> Awaitable[bool]:
        return self._db.run(lambda: ONBINDS.replace(onbind))

    def forget(self, onbind: Onbind) -> Awaitable[bool]:
        return self._db.run(lambda: _forget(onbind))

    def purge(self, before: int, limit: int) -> Awaitable[int]:
        return self._db.run(lambda: _purge(before, limit))

    def dump(self) -> list[Invitation]:
        """Return all invitations, for tests and tools; ``run_sync`` has to be able to drive the database."""
        return TABLE.dump(self._db)


def _key(threepid: Threepid) -> tuple[str, str]:
    return threepid.address, threepid.medium.value


def _put(invitation: Invitation, most: int) -> Operation[bool]:
    # Inserted first: on SQLite the transaction then has the write lock before it counts.
    yield TABLE.insert, TABLE.row(invitation)
    if len((yield _WAITING, _key(invitation.threepid))) <= most:
        return True
    yield _REMOVE, (invitation.token,)
    return False


def _any(sql: str, *values: str) -> Operation[bool]:
    return bool((yield Alone(sql, *values)))


def _stop(threepid: Threepid, now: int) -> Operation[None]:
    yield Alone(_STOP, *_key(threepid), now)


def _deliver(tokens: Sequence[str], now: int) -> Operation[None]:
    for token in tokens:
        yield _DELIVER, (now, token)


def _announce(onbind: Onbind, most: int) -> Operation[bool]:
    rows = yield _OF_SERVER, (onbind.server, most + 1)
    if len([row for row in rows if row[0] != onbind.id]) >= most:
        return False
    yield _ANNOUNCE, ONBINDS.row(onbind)
    return True


def _forget(onbind: Onbind) -> Operation[bool]:
    return bool((yield Alone(_FORGET, onbind.id, onbind.revision)))


def _purge(before: int, limit: int) -> Operation[int]:
    return len((yield Later(_PURGE, before, before, limit)))
