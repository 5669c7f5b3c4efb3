"""List the identifiers of an account.

See https://spec.matrix.org/latest/client-server-api/#get_matrixclientv3account3pid.
"""

from __future__ import annotations

from attrs import frozen

from ...model.call import Call
from ...protocol.endpoint import Access, endpoint
from ...protocol.history import History
from ...roles.homeserver import Homeserver


@frozen
class ListedThreepid:
    """The ``medium`` and ``address`` of an identifier on the account; ``validated_at`` and ``added_at`` in ms.

    See https://spec.matrix.org/latest/client-server-api/#get_matrixclientv3account3pid.
    """

    medium: str
    address: str
    validated_at: int
    added_at: int


@frozen
class ThreepidList:
    """The identifiers on the account, ``threepids``, in the order in which they were added."""

    threepids: tuple[ListedThreepid, ...]


@endpoint("GET", "/account/3pid", History(r0="r0.0.0", v3="v1.1"), access=Access.USER, reply=ThreepidList)
async def list_threepids(hs: Homeserver, call: Call, message: None) -> ThreepidList:
    """List the identifiers on the caller's account, without bindings at identity servers.

    See https://spec.matrix.org/latest/client-server-api/#get_matrixclientv3account3pid.
    """
    # Answered also while ``m.3pid_changes`` is off: the capability is about changes only (REQ-GET-1).
    found = await hs.accounts.list(call.user.user_id)
    return ThreepidList(
        tuple(ListedThreepid(each.medium.value, each.address, each.validated_at, each.added_at) for each in found)
    )


ENDPOINTS = (list_threepids,)
