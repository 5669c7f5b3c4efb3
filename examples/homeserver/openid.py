"""OpenID tokens: with one, a user tells another server who they are, and nothing more (client-server API, "OpenID")."""

from __future__ import annotations

import secrets

from matrix_threepid.errors import UnknownToken
from matrix_threepid.ports import Clock
from matrix_threepid.stores import Database

from .tables import ask, hashed

LIFETIME = 3_600_000


class OpenId:
    """The OpenID tokens of a homeserver's users; only their hashes are stored."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    async def issue(self, user_id: str) -> str:
        """Give a user a token."""
        token = secrets.token_urlsafe(32)
        sql = "INSERT INTO openid_tokens (token_hash, user_id, expires_at) VALUES (?, ?, ?)"
        await ask(self._db, sql, hashed(token), user_id, self._clock() + LIFETIME)
        return token

    async def user(self, token: str) -> str:
        """Return whose token this is. Raises ``UnknownToken``."""
        sql = "SELECT user_id FROM openid_tokens WHERE token_hash = ? AND expires_at > ?"
        rows = await ask(self._db, sql, hashed(token), self._clock())
        if not rows:
            raise UnknownToken
        return str(rows[0][0])

    async def purge(self) -> None:
        """Forget the tokens that are over."""
        await ask(self._db, "DELETE FROM openid_tokens WHERE expires_at <= ?", self._clock())
