"""List the identifiers of an account."""

from __future__ import annotations

from attrs import frozen

from ...model.call import Call
from ...protocol.endpoint import Access, endpoint
from ...protocol.history import History
from ...roles.homeserver import Homeserver


@frozen
class ListedThreepid:
    """An identifier of the account; times in ms."""

    medium: str
    address: str
    validated_at: int
    added_at: int


@frozen
class ThreepidList:
    """The identifiers of the account."""

    threepids: tuple[ListedThreepid, ...]


@endpoint("GET", "/account/3pid", History(r0="r0.0.0", v3="v1.1"), access=Access.USER, reply=ThreepidList)
async def list_threepids(hs: Homeserver, call: Call, message: None) -> ThreepidList:
    """List the identifiers of the caller's account; bindings at identity servers are not among them."""
    found = await hs.accounts.list(call.user.user_id)
    return ThreepidList(
        tuple(ListedThreepid(each.medium.value, each.address, each.validated_at, each.added_at) for each in found)
    )


ENDPOINTS = (list_threepids,)
