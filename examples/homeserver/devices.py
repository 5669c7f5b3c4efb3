"""Devices and their access tokens: the library's ``Callers`` port, and what login and logout need beside it."""

from __future__ import annotations

import secrets

from attrs import field, frozen

from matrix_threepid import Caller, Request
from matrix_threepid.errors import MissingToken, UnknownToken
from matrix_threepid.stores import Database

from .tables import ask, hashed


@frozen
class Device:
    """One login of a user."""

    user_id: str
    device_id: str


@frozen
class Login:
    """What a client gets for logging in (also for registering)."""

    user_id: str
    access_token: str | None = field(default=None, repr=False)
    device_id: str | None = None


class Devices:
    """The access tokens of the server; only their hashes are stored."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def identify(self, request: Request) -> Caller | None:
        """Return who calls (the library's port)."""
        return None if access_token(request) is None else Caller((await self.device(request)).user_id)

    async def device(self, request: Request) -> Device:
        """Return the device that calls. Raises ``MissingToken`` or ``UnknownToken``."""
        return await self._device(_hashed(request))

    async def user(self, token: str) -> str:
        """Return whose access token this is. Raises ``UnknownToken``."""
        return (await self._device(hashed(token))).user_id

    async def log_in(self, user_id: str, device_id: str | None) -> Login:
        """Give a user a new access token; an old one of the same device ends."""
        token, device = secrets.token_urlsafe(32), device_id or secrets.token_hex(5).upper()
        await ask(self._db, "DELETE FROM access_tokens WHERE user_id = ? AND device_id = ?", user_id, device)
        sql = "INSERT INTO access_tokens (token_hash, user_id, device_id) VALUES (?, ?, ?)"
        await ask(self._db, sql, hashed(token), user_id, device)
        return Login(user_id, token, device)

    async def log_out(self, request: Request) -> None:
        """End the access token of a request."""
        await ask(self._db, "DELETE FROM access_tokens WHERE token_hash = ?", _hashed(request))

    async def log_out_others(self, user_id: str, request: Request | None) -> None:
        """End all access tokens of a user except the one of the request, if it has one."""
        kept = "" if request is None or access_token(request) is None else _hashed(request)
        await ask(self._db, "DELETE FROM access_tokens WHERE user_id = ? AND token_hash <> ?", user_id, kept)

    async def _device(self, token_hash: str) -> Device:
        sql = "SELECT user_id, device_id FROM access_tokens WHERE token_hash = ?"
        rows = await ask(self._db, sql, token_hash)
        if not rows:
            raise UnknownToken
        return Device(*rows[0])


def access_token(request: Request) -> str | None:
    """Return the access token of a request; the query parameter is deprecated, but still part of the specification."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return (token.strip() if scheme.lower() == "bearer" else request.parameters.get("access_token")) or None


def _hashed(request: Request) -> str:
    token = access_token(request)
    if token is None:
        raise MissingToken
    return hashed(token)
