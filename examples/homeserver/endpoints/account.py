"""``/account/password`` and ``/account/deactivate``."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from matrix_threepid import Purpose, Response, deactivate_threepids, errors
from matrix_threepid.endpoints import Access, Call, History, endpoint, flag, free_object, json_response, text, token

from ..home import Home
from ..uia import PASSWORD, Operation


@frozen(kw_only=True)
class ChangePassword:
    """Set a new password; other devices are logged out unless ``logout_devices`` is false."""

    new_password: str = token(doc="the new password")
    logout_devices: bool | None = flag(optional=True, doc="true by default")
    auth: Any = free_object(optional=True, secret=True, doc="user-interactive authentication")


@frozen(kw_only=True)
class Deactivate:
    """Close the account for good; ``erase`` changes nothing here: identifiers always go."""

    id_server: str | None = text(512, optional=True, doc="identity server to unbind from")
    erase: bool | None = flag(optional=True, doc="ignored")
    auth: Any = free_object(optional=True, secret=True, doc="user-interactive authentication")


@endpoint(
    "POST",
    "/account/password",
    History(r0="r0.0.0", v3="v1.1"),
    request=ChangePassword,
    access=Access.OPTIONAL,
    errors=(errors.UiaRequired, errors.MissingToken, errors.ThreepidNotFound, errors.LimitExceeded),
)
async def change_password(home: Home, call: Call, message: ChangePassword) -> Response:
    """Set a password, of the caller or of whose address was proved."""
    stages = home.by_address(Purpose.PASSWORD, call.user_id)
    if call.user_id is not None:
        stages = {PASSWORD: home.uia.by_password(call.user_id), **stages}
    if not stages:
        raise errors.MissingToken
    passed = await home.uia.authenticate(Operation("set a password", stages, call.user_id), call.body)
    user_id = call.user_id or passed.owner
    if user_id is None:
        raise errors.ThreepidNotFound
    async with home.acting(passed):
        await home.accounts.set_password(user_id, await home.passwords.hash(message.new_password))
        if passed.proof is None:
            await home.stages.end_resets(user_id)
        if message.logout_devices is not False:
            await home.callers.log_out_others(user_id, call.request)
    return json_response(200, {})


@endpoint(
    "POST",
    "/account/deactivate",
    History(r0="r0.3.0", v3="v1.1"),
    request=Deactivate,
    access=Access.USER,
    uia=True,
    errors=(errors.ServerNotTrusted, errors.LimitExceeded),
)
async def deactivate(home: Home, call: Call, message: Deactivate) -> Response:
    """Close the caller's account: identifiers first, since they can be asked for again, then the account."""
    await home.uia.require(call.request, call.user, call.body, "deactivate your account")
    unbound = await deactivate_threepids(home, call.user.user_id, message.id_server)
    await home.accounts.deactivate(call.user.user_id)
    # Once more, now that no access token works: an add may have been under way.
    await deactivate_threepids(home, call.user.user_id)
    return json_response(200, {"id_server_unbind_result": unbound})


ENDPOINTS = (change_password, deactivate)
