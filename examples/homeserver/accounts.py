"""Accounts and the identifiers on them: the library's ``Accounts`` port, and what registration needs beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from matrix_threepid import AccountThreepid, AddOutcome, Medium, Owner, Threepid
from matrix_threepid.errors import InvalidUsername, ThreepidInUse, UserInUse
from matrix_threepid.stores import Database, Operation

from .tables import ask, one

_LOCALPART = re.compile(r"[a-z0-9._=/+-]+")
_MAX_USER_ID = 255
_ADD = (
    "INSERT INTO user_threepids (medium, address, user_id, spelling, validated_at, added_at) "
    "SELECT ?, ?, user_id, ?, ?, ? FROM users WHERE user_id = ? AND password IS NOT NULL "
    "ON CONFLICT (medium, address) DO NOTHING RETURNING user_id"
)


class Accounts:
    """The accounts of one server; a deactivated one has no password and keeps its name."""

    def __init__(self, db: Database, server_name: str) -> None:
        self._db = db
        self._server_name = server_name

    # -- the library's port -------------------------------------------------------------------------

    async def owner(self, threepid: Threepid) -> Owner | None:
        sql = "SELECT user_id, spelling FROM user_threepids WHERE medium = ? AND address = ?"
        rows = await ask(self._db, sql, threepid.medium.value, threepid.address)
        return Owner(*rows[0]) if rows else None

    async def list(self, user_id: str) -> Sequence[AccountThreepid]:
        sql = "SELECT medium, address, validated_at, added_at, spelling FROM user_threepids WHERE user_id = ?"
        rows = await ask(self._db, f"{sql} ORDER BY added_at, address", user_id)
        return [_threepid(*row) for row in rows]

    async def add(self, user_id: str, threepid: AccountThreepid) -> AddOutcome:
        return await self._db.run(lambda: _add(user_id, threepid))

    async def remove(self, user_id: str, threepid: Threepid) -> bool:
        sql = "DELETE FROM user_threepids WHERE user_id = ? AND medium = ? AND address = ? RETURNING user_id"
        return bool(await ask(self._db, sql, user_id, threepid.medium.value, threepid.address))

    # -- accounts -----------------------------------------------------------------------------------

    def user_id(self, localpart: str) -> str:
        """Return the user id of a name. Raises ``InvalidUsername``."""
        user_id = f"@{localpart}:{self._server_name}"
        if not _LOCALPART.fullmatch(localpart) or len(user_id) > _MAX_USER_ID:
            raise InvalidUsername
        return user_id

    async def exists(self, user_id: str) -> bool:
        """Return whether a user id is taken, by a deactivated account too."""
        return bool(await ask(self._db, "SELECT user_id FROM users WHERE user_id = ?", user_id))

    async def create(self, user_id: str, password: str, threepids: Sequence[AccountThreepid]) -> None:
        """Make an account and put identifiers on it, both or neither. Raises ``UserInUse`` or ``ThreepidInUse``."""
        await self._db.run(lambda: _create(user_id, password, threepids))

    async def password(self, user_id: str) -> str | None:
        """Return the stored password hash, or ``None`` if nobody can log in."""
        rows = await ask(self._db, "SELECT password FROM users WHERE user_id = ?", user_id)
        return rows[0][0] if rows else None

    async def set_password(self, user_id: str, password: str) -> None:
        """Store another password hash; a deactivated account stays so."""
        await ask(
            self._db, "UPDATE users SET password = ? WHERE user_id = ? AND password IS NOT NULL", password, user_id
        )

    async def deactivate(self, user_id: str) -> None:
        """Take away password, access tokens, and an identifier that came in at the last moment. For good."""
        await self._db.run(lambda: _deactivate(user_id))


def _create(user_id: str, password: str, threepids: Sequence[AccountThreepid]) -> Operation[None]:
    sql = "INSERT INTO users (user_id, password) VALUES (?, ?) ON CONFLICT (user_id) DO NOTHING RETURNING user_id"
    if not (yield sql, (user_id, password)):
        raise UserInUse
    for threepid in threepids:
        if (yield from _add(user_id, threepid)) is not AddOutcome.ADDED:
            raise ThreepidInUse


def _add(user_id: str, threepid: AccountThreepid) -> Operation[AddOutcome]:
    """The primary key decides between two users who add at once; nobody adds to a deactivated account."""
    key = (threepid.medium.value, threepid.address)
    values = (*key, threepid.spelling, threepid.validated_at, threepid.added_at, user_id)
    if (yield _ADD, values):
        return AddOutcome.ADDED
    rows = yield from one("SELECT user_id FROM user_threepids WHERE medium = ? AND address = ?", *key)
    return AddOutcome.ALREADY_YOURS if rows == [(user_id,)] else AddOutcome.TAKEN


def _deactivate(user_id: str) -> Operation[None]:
    yield "UPDATE users SET password = NULL WHERE user_id = ?", (user_id,)
    yield "DELETE FROM access_tokens WHERE user_id = ?", (user_id,)
    yield "DELETE FROM openid_tokens WHERE user_id = ?", (user_id,)
    yield "DELETE FROM user_threepids WHERE user_id = ?", (user_id,)


def _threepid(medium: str, address: str, validated_at: int, added_at: int, spelling: str | None) -> AccountThreepid:
    return AccountThreepid(
        medium=Medium(medium), address=address, validated_at=validated_at, added_at=added_at, spelling=spelling
    )
