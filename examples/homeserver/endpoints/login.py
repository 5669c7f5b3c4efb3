"""``/login``, ``/logout`` and ``/account/whoami``."""

from __future__ import annotations

from attrs import frozen

from matrix_threepid import Response, errors, login_key, names_threepid, user_of_login
from matrix_threepid.endpoints import Access, Call, History, endpoint, json_response, one_of, text, token

from ..devices import Login
from ..home import Home


@frozen(kw_only=True)
class LogIn:
    """Log in with a password. Who it is, ``identifier`` or one of its older spellings says."""

    type: str = one_of("m.login.password", doc="the only way here")
    password: str = token(doc="the password")
    device_id: str | None = text(255, optional=True, doc="device to log in; a new one without it")


@endpoint("GET", "/login", History(r0="r0.0.0", v3="v1.1"))
async def login_flows(home: Home, call: Call, message: None) -> Response:
    """List the ways to log in."""
    return json_response(200, {"flows": [{"type": "m.login.password"}]})


@endpoint(
    "POST",
    "/login",
    History(r0="r0.0.0", v3="v1.1"),
    request=LogIn,
    reply=Login,
    errors=(errors.Forbidden, errors.LimitExceeded),
)
async def log_in(home: Home, call: Call, message: LogIn) -> Login:
    """Log in by user name or by address; whatever does not fit is answered alike."""
    by_address = names_threepid(call.body)
    user_id = await user_of_login(home, call.body) if by_address else _named(home, call)
    # Tries by address are counted by address, known or not: who is limited learns nothing about it.
    key = login_key(home, call.body) if by_address else f"password:{user_id}"
    if not await home.passwords.fit(user_id, message.password, key) or user_id is None:
        raise errors.Forbidden("Invalid username or password")
    return await home.callers.log_in(user_id, message.device_id)


def _named(home: Home, call: Call) -> str:
    """Return the user a login names by user name, existing or not. Raises ``Forbidden``."""
    identifier = call.body.get("identifier")
    named = identifier.get("user") if isinstance(identifier, dict) else call.body.get("user")
    local = named.removesuffix(f":{home.server_name}").removeprefix("@") if isinstance(named, str) else ""
    try:
        return home.accounts.user_id(local)
    except errors.InvalidUsername:
        raise errors.Forbidden("Invalid username or password") from None


@endpoint("GET", "/account/whoami", History(r0="r0.3.0", v3="v1.1"), access=Access.USER)
async def whoami(home: Home, call: Call, message: None) -> Response:
    """Say whose access token this is."""
    device = await home.callers.device(call.request)
    return json_response(200, {"user_id": device.user_id, "device_id": device.device_id, "is_guest": False})


@endpoint("POST", "/logout", History(r0="r0.0.0", v3="v1.1"), access=Access.USER)
async def log_out(home: Home, call: Call, message: None) -> Response:
    """End the access token."""
    await home.callers.log_out(call.request)
    return json_response(200, {})


ENDPOINTS = (login_flows, log_in, whoami, log_out)
