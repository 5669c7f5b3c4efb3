"""What remains to be done about addresses when a user leaves."""

from __future__ import annotations

from . import sessions
from .homeserver import Homeserver
from .removal import remove, unbind_all


async def deactivate_threepids(hs: Homeserver, user_id: str, id_server: str | None = None) -> str:
    """Take everything back: bindings, identifiers, open sessions. Safe to run again.

    Call it from whatever deactivates an account, and answer with what it returns as ``id_server_unbind_result``
    (``success`` or ``no-support``, MSC1915). It never fails because of an identity server: what could not be unbound
    is asked for again later. Raises ``InvalidParam`` for an ``id_server`` that is none.
    """
    unbound = await unbind_all(hs, user_id, id_server)
    for threepid in await hs.accounts.list(user_id):
        await remove(hs, user_id, (threepid.threepid,))
    await sessions.end_all_of(hs, user_id)
    return "success" if unbound.all_done else "no-support"
