"""``/account/deactivate``: close an account, and take back everything that is known of its addresses.

See https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3accountdeactivate.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from ..deactivate import deactivate_threepids, erase_threepids
from ..flows.interactive import authenticate, keeper_of, of_caller, require
from ..model.call import Call
from ..protocol import errors
from ..protocol.endpoint import Access, Charged, endpoint
from ..protocol.history import History
from ..protocol.members import flag, free_object, text
from ..roles.homeserver import Homeserver

_ACTION = "deactivate your account"


@frozen(kw_only=True)
class Deactivate:
    """The request to close an account.

    See https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3accountdeactivate.
    """

    id_server: str | None = text(512, optional=True, doc="identity server to unbind from, beside those that are known")
    erase: bool | None = flag(optional=True, doc="whether what the user wrote is to be forgotten; false by default")
    auth: Mapping[str, object] | None = free_object(optional=True, secret=True, doc="user-interactive authentication")


@frozen(kw_only=True)
class Deactivated:
    """Whether every identity server was told: ``success``, or ``no-support``.

    See https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3accountdeactivate.
    """

    id_server_unbind_result: str


@endpoint(
    "POST",
    "/account/deactivate",
    History(r0="r0.3.0", v3="v1.1"),
    access=Access.USER,
    charged=Charged.AUTHENTICATING,
    uia=True,
    request=Deactivate,
    reply=Deactivated,
    errors=(errors.Unrecognized, errors.Forbidden, errors.ServerNotTrusted),
)
async def deactivate(hs: Homeserver, call: Call, message: Deactivate) -> Deactivated:
    """Close the caller's account: addresses first, so that a request that failed can be repeated, then the account.

    See https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3accountdeactivate and
    MSC1915, https://github.com/matrix-org/matrix-spec-proposals/pull/1915.
    """
    keeper, user = keeper_of(hs), call.user.user_id
    if call.user.oauth:
        raise errors.Unrecognized
    id_server, erase = message.id_server, bool(message.erase)
    if hs.uia is not None:
        await require(hs, call, _ACTION)
    else:
        given = {name: value for name in ("id_server", "erase") if (value := getattr(message, name)) is not None}
        session = await authenticate(hs, call, of_caller(hs, user, _ACTION, given))
        id_server, erase = session.text("id_server"), bool(session.members.get("erase"))
    unbound = await deactivate_threepids(hs, user, id_server)
    await keeper.deactivate(user, erase)
    # Once more, now that no access token works: an add may have been under way.
    if erase:
        await erase_threepids(hs, user)
    else:
        await deactivate_threepids(hs, user)
    return Deactivated(id_server_unbind_result=unbound)


ENDPOINTS = (deactivate,)
