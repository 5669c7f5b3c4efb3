"""Passwords: hashed with scrypt in threads of their own, compared in constant time, guessed only so often."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from functools import partial

from matrix_threepid import Limit, Threads
from matrix_threepid.errors import LimitExceeded
from matrix_threepid.ports import Charge, Clock, RateLimiter

from .accounts import Accounts

_TRIES = Limit(60, 0.1)
_COST, _BLOCK = 2**14, 8  # 16 MiB and about 50 ms


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_COST, r=_BLOCK, p=1)


def _hash(password: str) -> str:
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${_scrypt(password, salt).hex()}"


def _fits(password: str, stored: str) -> bool:
    salt, _, expected = stored.partition("$")
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt)).hex(), expected)


_NOBODY = f"{bytes(16).hex()}$"


class Passwords:
    """Makes and checks password hashes."""

    def __init__(self, accounts: Accounts, limiter: RateLimiter, clock: Clock) -> None:
        self._accounts, self._limiter, self._clock = accounts, limiter, clock
        self._threads = Threads(os.cpu_count() or 1)

    async def hash(self, password: str) -> str:
        """Return what is stored of a password."""
        return await self._threads(partial(_hash, password))

    async def fit(self, user_id: str | None, password: object, key: str | None = None) -> bool:
        """Return whether this is the user's password. Raises ``LimitExceeded``.

        * ``user_id``: ``None`` for a user nobody knows, which takes as long and is limited alike.
        * ``key``: what tries are counted under, in place of the user.
        """
        if not isinstance(password, str):
            return False
        wait = await self._limiter.charge([Charge(key or f"password:{user_id}", _TRIES)], self._clock())
        if wait:
            raise LimitExceeded(wait)
        stored = (None if user_id is None else await self._accounts.password(user_id)) or _NOBODY
        return await self.made_of(password, stored)

    async def made_of(self, password: str, stored: str) -> bool:
        """Return whether what is stored was made of this password."""
        return await self._threads(partial(_fits, password, stored))
