"""``/register``: a new account, with an address that was proved on the way."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from matrix_threepid import Purpose, errors
from matrix_threepid.endpoints import Call, History, endpoint, flag, free_object, text, token

from ..accounts import InvalidUsername, UserInUse
from ..devices import Login
from ..home import Home
from ..uia import Operation


@frozen(kw_only=True)
class Register:
    """Make an account; without ``username`` the server chooses a name. ``bind_email`` of old clients has no effect."""

    username: str | None = text(255, optional=True, doc="local part of the user id")
    password: str | None = token(optional=True, doc="required in the end; clients ask for the stages without it")
    device_id: str | None = text(255, optional=True, doc="device to log in")
    inhibit_login: bool | None = flag(optional=True, doc="make no access token")
    auth: Any = free_object(optional=True, secret=True, doc="user-interactive authentication")


async def _dummy(auth: Mapping[str, Any], session: str) -> None:
    """Pass everybody: ``m.login.dummy``."""


@endpoint(
    "POST",
    "/register",
    History(r0="r0.0.0", v3="v1.1"),
    request=Register,
    reply=Login,
    errors=(
        errors.UiaRequired, errors.Forbidden, errors.GuestAccessForbidden, UserInUse, InvalidUsername,
        errors.ThreepidInUse, errors.ThreepidDenied, errors.LimitExceeded,
    ),
)  # fmt: skip
async def register(home: Home, call: Call, message: Register) -> Login:
    """Make an account and log in; a proved address goes on it in the same transaction."""
    if call.request.parameters.get("kind") == "guest":
        raise errors.GuestAccessForbidden
    if not home.policy.registration_enabled:
        raise errors.Forbidden("Registration is disabled on this server")
    user_id = await _free(home, message.username)
    stages = {"m.login.dummy": _dummy, **home.by_address(Purpose.REGISTER)}
    password = _password(message)
    passed = await home.uia.authenticate(Operation("make an account", stages), call.body)
    async with home.acting(passed):
        await home.accounts.create(user_id, await home.passwords.hash(password), passed.threepids)
    return Login(user_id) if message.inhibit_login else await home.callers.log_in(user_id, message.device_id)


async def _free(home: Home, username: str | None) -> str:
    """Return the user id of a new account. Raises ``InvalidUsername`` or ``UserInUse``."""
    user_id = home.accounts.user_id(secrets.token_hex(8) if username is None else username)
    if await home.accounts.exists(user_id):
        raise UserInUse
    return user_id


def _password(message: Register) -> str:
    """Return the password; who only asks for the stages may leave it out. Raises ``MissingParam``."""
    if message.password is None and message.auth is not None:
        raise errors.MissingParam("password: is required")
    return message.password or ""


ENDPOINTS = (register,)
