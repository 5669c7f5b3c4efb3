"""Signed unbinds that were used before, for ``IdentityServer.signed_once``.

A signed request holds no time, so a repetition can only be recognised by a record of the requests carried out.
"""

from __future__ import annotations

import json

from ...limits.counting import Counter, charged
from ...model.call import Call
from ...model.threepid import Threepid
from ...policy import per_day
from ...protocol.errors import Forbidden
from ...roles.identity_server import IdentityServer


async def refuse_replay(role: IdentityServer, call: Call, threepid: Threepid, mxid: str) -> None:
    """Raise ``Forbidden`` if the same signed request was carried out within 24 hours and the address is bound again.

    * ``role``: the identity server.
    * ``call``: the call.
    * ``threepid``, ``mxid``: the association to end.

    If the address is not bound, a homeserver repeats a request whose answer it did not receive; that succeeds.
    """
    if not role.signed_once or not await charged(role, [], asked=[_signed(call)]):
        return
    bound = await role.associations.get(threepid)
    if bound is not None and bound.mxid == mxid:
        raise Forbidden("This signed request was used already; a session of the address also unbinds it")


async def remember(role: IdentityServer, call: Call) -> None:
    """Record a signed request for 24 hours, after it was carried out, so that one that failed may be repeated."""
    if role.signed_once:
        await charged(role, [_signed(call)])


def _signed(call: Call) -> Counter:
    """Return what records a signed request; the limit of one a day forgets it after 24 hours."""
    # The signed content and not the header, in which one signature can be written in many ways.
    request, content = call.request, json.dumps(call.body, sort_keys=True)
    return Counter("signed unbind", (request.path, request.query, content), per_day(1))
