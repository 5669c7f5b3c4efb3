"""``/account/password``: a new password, for the caller or for whom a proved address belongs to.

See https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3accountpassword.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from ..endpoints.homeserver.add_threepid import Empty
from ..flows.interactive import CALLERS_STAGE, Action, authenticate, by_password, keeper_of
from ..model.call import Call
from ..model.threepid import Purpose
from ..protocol import errors
from ..protocol.endpoint import Access, Charged, endpoint
from ..protocol.history import History
from ..protocol.members import flag, free_object, token
from ..roles.homeserver import Homeserver
from ..uia import Stages
from .acting import acting, by_address, proofs_of


@frozen(kw_only=True)
class ChangePassword:
    """The request to set a password.

    See https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3accountpassword.
    """

    new_password: str | None = token(optional=True, doc="the new password; needed until the first 401")
    logout_devices: bool | None = flag(optional=True, doc="whether other devices are logged out; true by default")
    auth: Mapping[str, object] | None = free_object(optional=True, secret=True, doc="user-interactive authentication")


@endpoint(
    "POST",
    "/account/password",
    History(r0="r0.0.0", v3="v1.1"),
    access=Access.OPTIONAL,
    charged=Charged.AUTHENTICATING,
    request=ChangePassword,
    reply=Empty,
    errors=(
        errors.UiaRequired,
        errors.Unrecognized,
        errors.MissingToken,
        errors.Forbidden,
        errors.WeakPassword,
        errors.ThreepidNotFound,
    ),
)
async def change_password(hs: Homeserver, call: Call, message: ChangePassword) -> Empty:
    """Set a password, and log other devices out.

    A request whose answer was lost may be repeated within ``Lifetimes.repeat``, with the same session of
    user-interactive authentication and the same password; it changes nothing then.
    See https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3accountpassword.
    """
    keeper, caller = keeper_of(hs), call.caller
    if caller is not None and caller.oauth:
        raise errors.Unrecognized
    action = _action(hs, call, message)
    session = await authenticate(hs, call, action)
    if session.password_hash is None:
        raise errors.MissingParam("new_password: is required")
    if session.done_at is not None:
        return Empty()
    proofs = proofs_of(session)
    user_id = call.user_id or (proofs[0].owner if proofs else None)
    if user_id is None:
        raise errors.ThreepidNotFound
    async with acting(hs, action, session, proofs):
        await keeper.set_password(user_id, session.password_hash)
        if not proofs:
            await Stages(hs).end_resets(user_id)
        if session.members.get("logout_devices") is not False:
            await keeper.log_out(user_id, call.request if caller is not None else None)
    return Empty()


def _action(hs: Homeserver, call: Call, message: ChangePassword) -> Action:
    """Return the action. Raises ``MissingToken`` where only a caller's own password could authenticate."""
    checks = by_address(hs, Purpose.PASSWORD, call.user_id)
    if call.user_id is not None:
        checks = {CALLERS_STAGE: by_password(hs, call.user_id), **checks}
    if not checks:
        raise errors.MissingToken
    kept = {} if message.logout_devices is None else {"logout_devices": message.logout_devices}
    return Action(
        name="set a password",
        user_id=call.user_id,
        flows=tuple((stage,) for stage in checks),
        checks=checks,
        members=kept,
        password=message.new_password,
    )


ENDPOINTS = (change_password,)
