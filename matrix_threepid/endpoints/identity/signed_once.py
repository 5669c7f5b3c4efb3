"""Signed unbinds that were used before. They carry no time, so only a memory of them tells who repeats one."""

from __future__ import annotations

import json

from attrs import evolve

from ...limits.rate import key_of
from ...model.call import Call
from ...model.threepid import Threepid
from ...policy import per_day
from ...ports import Charge
from ...protocol.errors import Forbidden
from ...roles.identity_server import IdentityServer


async def refuse_replay(role: IdentityServer, call: Call, threepid: Threepid, mxid: str) -> None:
    """Raise ``Forbidden`` if the same signed request came within 24 h, and there is something to unbind again.

    Without that it is a homeserver that did not hear the first answer.
    """
    if not role.signed_once or not await role.limiter.charge([evolve(_take(role, call), cost=0)], role.clock()):
        return
    bound = await role.associations.get(threepid)
    if bound is not None and bound.mxid == mxid:
        raise Forbidden("This signed request was used already: a session of the address unbinds it, too")


async def remember(role: IdentityServer, call: Call) -> None:
    """Remember a signed request for 24 h, once it was carried out: one that was cut off may come again."""
    if role.signed_once:
        await role.limiter.charge([_take(role, call)], role.clock())


def _take(role: IdentityServer, call: Call) -> Charge:
    """Count what was signed. The header would not do: the same signature can be written in many ways."""
    request, content = call.request, json.dumps(call.body, sort_keys=True)
    return Charge(key_of(role, "signed unbind", request.path, request.query, content), per_day(1))
