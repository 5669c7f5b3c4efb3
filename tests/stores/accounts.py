"""``Accounts`` in SQL, as a host would write them with what the stores use."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from matrix_threepid import AccountThreepid, AddOutcome, Medium, Owner, Threepid
from matrix_threepid.stores.sql import Database, Operation

TABLE = """CREATE TABLE IF NOT EXISTS host_threepids (
    medium TEXT NOT NULL, address TEXT NOT NULL, user_id TEXT NOT NULL, spelling TEXT, validated_at BIGINT NOT NULL,
    added_at BIGINT NOT NULL, place BIGINT NOT NULL, PRIMARY KEY (medium, address))"""

INSERT = """INSERT INTO host_threepids
    SELECT ?, ?, ?, ?, CAST(? AS BIGINT), CAST(? AS BIGINT), coalesce(max(place), 0) + 1 FROM host_threepids WHERE 0 = 0
    ON CONFLICT (medium, address) DO NOTHING RETURNING user_id"""


class SqlAccounts:
    """``Accounts`` in one table; an identifier's row is its owner's."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def create(self) -> Awaitable[None]:
        return self._db.run(_create)

    def owner(self, threepid: Threepid) -> Awaitable[Owner | None]:
        return self._db.run(lambda: _owner(threepid))

    def list(self, user_id: str) -> Awaitable[Sequence[AccountThreepid]]:
        return self._db.run(lambda: _list(user_id))

    def add(self, user_id: str, threepid: AccountThreepid) -> Awaitable[AddOutcome]:
        return self._db.run(lambda: _add(user_id, threepid))

    def remove(self, user_id: str, threepid: Threepid) -> Awaitable[bool]:
        return self._db.run(lambda: _remove(user_id, threepid))

    def deactivate(self, user_id: str) -> Awaitable[None]:
        return self._db.run(lambda: _deactivate(user_id))


def _create() -> Operation[None]:
    yield TABLE, ()


def _owner(threepid: Threepid) -> Operation[Owner | None]:
    key = (threepid.medium.value, threepid.address)
    rows = yield "SELECT user_id, spelling FROM host_threepids WHERE medium = ? AND address = ?", key
    return Owner(*rows[0]) if rows else None


def _list(user_id: str) -> Operation[list[AccountThreepid]]:
    rows = yield (
        "SELECT medium, address, validated_at, added_at, spelling FROM host_threepids WHERE user_id = ? ORDER BY place",
        (user_id,),
    )
    return [
        AccountThreepid(medium=Medium(medium), address=address, validated_at=proved, added_at=added, spelling=spelling)
        for medium, address, proved, added, spelling in rows
    ]


def _add(user_id: str, held: AccountThreepid) -> Operation[AddOutcome]:
    times = (held.validated_at, held.added_at)
    inserted = yield INSERT, (held.medium.value, held.address, user_id, held.spelling, *times)
    if inserted:
        return AddOutcome.ADDED
    owner = yield from _owner(held.threepid)
    return AddOutcome.ALREADY_YOURS if owner is not None and owner.user_id == user_id else AddOutcome.TAKEN


def _remove(user_id: str, threepid: Threepid) -> Operation[bool]:
    key = (threepid.medium.value, threepid.address, user_id)
    sql = "DELETE FROM host_threepids WHERE medium = ? AND address = ? AND user_id = ? RETURNING medium"
    return bool((yield sql, key))


def _deactivate(user_id: str) -> Operation[None]:
    yield "DELETE FROM host_threepids WHERE user_id = ?", (user_id,)
