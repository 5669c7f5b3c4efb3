"""``Keeper``: makes and closes accounts for the library, which answers ``/register`` and the like with it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from attrs import field, frozen

from matrix_threepid import AccountThreepid, Request
from matrix_threepid.errors import UserInUse
from matrix_threepid.ports import LoggedIn

from .accounts import Accounts
from .devices import Devices
from .passwords import Passwords


@frozen
class Keeper:
    """The library's ``AccountKeeper``, over this server's tables."""

    accounts: Accounts = field(repr=False)
    passwords: Passwords = field(repr=False)
    callers: Devices = field(repr=False)

    async def new_user_id(self, localpart: str | None) -> str:
        user_id = self.accounts.user_id(secrets.token_hex(8) if localpart is None else localpart)
        if await self.accounts.exists(user_id):
            raise UserInUse
        return user_id

    async def create(self, user_id: str, password_hash: str, threepids: Sequence[AccountThreepid]) -> None:
        await self.accounts.create(user_id, password_hash, threepids)

    async def log_in(self, user_id: str, device_id: str, display_name: str | None) -> LoggedIn:
        login = await self.callers.log_in(user_id, device_id)
        return LoggedIn(access_token=login.access_token or "")

    async def hash_password(self, password: str) -> str:
        return await self.passwords.hash(password)

    async def hash_fits(self, password: str, password_hash: str) -> bool:
        return await self.passwords.made_of(password, password_hash)

    async def password_fits(self, user_id: str, password: str) -> bool:
        stored = await self.accounts.password(user_id)
        return stored is not None and await self.passwords.made_of(password, stored)

    async def set_password(self, user_id: str, password_hash: str) -> None:
        await self.accounts.set_password(user_id, password_hash)

    async def log_out(self, user_id: str, keep: Request | None) -> None:
        await self.callers.log_out_others(user_id, keep)

    async def deactivate(self, user_id: str, erase: bool) -> None:
        await self.accounts.deactivate(user_id)
