"""What an identity server has of an address: its association, and the invitations that wait for it."""

from __future__ import annotations

from ..model.threepid import Threepid
from ..roles.identity_server import IdentityServer
from .causes import Cause
from .explanation import Finding


async def of_published(role: IdentityServer, threepid: Threepid) -> list[Finding]:
    """Return whether an address is published, which invitations wait for it, and whether it wants more of them."""
    found = await role.associations.get(threepid)
    facts = [Finding(about="association", text="it is not published here")]
    if found is not None:
        facts = [Finding(about="association", text=f"published for {found.mxid}", cause=Cause.BOUND, at=found.ts)]
    waiting = await role.invitations.waiting(threepid)
    if waiting:
        text = f"{len(waiting)} wait until the address is bound; the oldest is of {waiting[0].sender}"
        facts.append(Finding(about="invitations", text=text, cause=Cause.INVITED, at=waiting[0].created_at))
    if await role.invitations.is_stopped(threepid):
        text = "the reader has pressed the link that stops them"
        facts.append(Finding(about="invitations", text=text, cause=Cause.INVITATIONS_STOPPED))
    return facts
